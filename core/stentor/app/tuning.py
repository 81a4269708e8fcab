"""How the interpreter is set up while a daemon runs: for short waits rather than for the least work."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager

# The loop and the store's writer take turns in one interpreter. A turn of the usual five milliseconds would be felt.
_TURN_SECONDS = 0.0005
# What lives as long as the daemon need not be looked through for garbage again and again.
_GARBAGE_THRESHOLDS = (1_000, 500, 50)


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
