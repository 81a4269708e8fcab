"""How the interpreter is set up while a daemon runs: for short waits rather than for the least work."""

import asyncio
import gc
import selectors
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from stentor.ports import Clock

T = TypeVar("T")
# The loop and the store's writer take turns in one interpreter. Whoever wants it is woken whenever the other lets go
# of it for a moment, comes too late, and only after this long without such a moment is it handed over: so the loop,
# which everybody waits for, asks soon when it comes back from waiting, and is asked late when it is at work.
_LOOP_ASKS_AFTER_SECONDS = 0.00002
_LOOP_IS_ASKED_AFTER_SECONDS = 0.0005
# Garbage is looked for in portions that take less than a millisecond, and where it is a little older only after
# long work without a rest; when there is one, `tidy` does that.
_GARBAGE_THRESHOLDS = (400, 10_000, 50)
_TIDY_EVERY_SECONDS = 10.0
_LESS_THAN_EVERYTHING = 1


class _AskingSoon(selectors.DefaultSelector):
    """What the loop waits with. How soon a thread asks for the interpreter is set for all of them at once."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        sys.setswitchinterval(_LOOP_ASKS_AFTER_SECONDS)
        try:
            return super().select(timeout)
        finally:
            sys.setswitchinterval(_LOOP_IS_ASKED_AFTER_SECONDS)


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on a loop that gets the interpreter before others do."""
    turn = sys.getswitchinterval()
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_AskingSoon())) as runner:
            return runner.run(main)
    finally:
        sys.setswitchinterval(turn)


@contextmanager
def tuned() -> Generator[None]:
    """While nobody should have to wait for the garbage."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def tidy(clock: Clock, is_at_rest: Callable[[], bool]) -> None:
    """Until cancelled: look for garbage while nobody waits for the interpreter."""
    while True:
        await clock.sleep(_TIDY_EVERY_SECONDS)
        if is_at_rest():
            gc.collect(_LESS_THAN_EVERYTHING)
