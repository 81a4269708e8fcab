"""How the interpreter is set up while a daemon runs: for short waits rather than for the least work."""

import gc
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from stentor.ports import Clock

# The loop and the store's writer take turns in one interpreter. A turn of the usual five milliseconds would be felt.
_TURN_SECONDS = 0.0002
# Garbage is looked for in portions that take less than a millisecond, and where it is a little older only after
# long work without a rest; when there is one, `tidy` does that.
_GARBAGE_THRESHOLDS = (400, 10_000, 50)
_TIDY_EVERY_SECONDS = 10.0
_LESS_THAN_EVERYTHING = 1


@contextmanager
def tuned() -> Generator[None]:
    turn, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def tidy(clock: Clock, is_at_rest: Callable[[], bool]) -> None:
    """Until cancelled: look for garbage while nobody waits for the interpreter."""
    while True:
        await clock.sleep(_TIDY_EVERY_SECONDS)
        if is_at_rest():
            gc.collect(_LESS_THAN_EVERYTHING)
