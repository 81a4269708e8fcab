"""A thread beside the loop, which notices when the loop or the store's disk no longer answers."""

import asyncio
import faulthandler
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from stentor.adapters.stall_note import StallFile
from stentor.domain.stalls import Stall
from stentor.ports import Clock

log = logging.getLogger(__name__)
EXIT_STALLED = 8
_LOOKS = 6  # in the time after which silence is a stall
_LAST_WORDS_SECONDS = 5.0

Ask = Callable[[Callable[[], None]], object]


class Pause(Protocol):
    """The part of `threading.Event` that waiting needs."""

    def set(self) -> None: ...

    def wait(self, timeout: float) -> bool: ...


@dataclass
class Silence:
    """How long an answer has been owed, in seconds."""

    longest: float
    seconds: float = 0.0

    def lasts(self, seconds: float) -> bool:
        """It goes on; whether that has just made it a stall."""
        before, self.seconds = self.seconds, self.seconds + seconds
        return before < self.longest <= self.seconds

    def ends(self) -> float:
        """How long a stall has just ended, 0 if it was none."""
        length, self.seconds = self.seconds, 0.0
        return length if length >= self.longest else 0.0


@dataclass
class Watchdog:
    """Says loudly that the loop stalled and, if asked to, ends the process for whoever starts it anew."""

    clock: Clock
    stall_seconds: float
    # Since when, on the monotonic clock, the store has owed an answer.
    store_asked_at: Callable[[], float | None]
    note: StallFile
    exit_on_stall: bool = False
    leave: Callable[[int], object] = os._exit
    stopped: Pause = field(default_factory=threading.Event)
    _answered: bool = True
    _looked_at: float = 0.0
    _store_question: float | None = None

    def __post_init__(self) -> None:
        self._every = self.stall_seconds / _LOOKS
        self._loop = Silence(self.stall_seconds)
        self._store = Silence(self.stall_seconds)

    async def run(self) -> None:
        """Watch the loop this runs on, until cancelled."""
        ask = asyncio.get_running_loop().call_soon_threadsafe
        thread = threading.Thread(target=self.watch, args=(ask,), name="watchdog", daemon=True)
        thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()
            thread.join()

    def watch(self, ask: Ask) -> None:
        """The thread's work: every now and then see what the loop has answered, and ask again."""
        self._looked_at = self.clock.monotonic()
        while not self.stopped.wait(self._every):
            now = self.clock.monotonic()
            # While this thread did not run either, the process was stopped or the machine slept: that is no stall.
            passed = min(now - self._looked_at, 2 * self._every)
            self._looked_at = now
            if self._answered:
                self._loop_answered(ask)
                self._look_at_store(passed)
            elif self._loop.lasts(passed):
                self._loop_stalled()

    def _hear(self) -> None:
        self._answered = True

    def _loop_answered(self, ask: Ask) -> None:
        length = self._loop.ends()
        if length:
            log.warning("the loop answers again, after %.0f s", length, extra={"event": "stall_ended"})
        self._answered = False
        with suppress(RuntimeError):  # the loop has just been closed
            ask(self._hear)

    def _look_at_store(self, passed: float) -> None:
        """A disk that hangs keeps the store's writer, not the loop: it is named, and nobody is ended for it."""
        question = self.store_asked_at()
        if question is not None and question == self._store_question:
            if self._store.lasts(passed):
                message = "the store has not answered for %.0f s; its disk may hang, the loop goes on"
                log.critical(message, self._store.seconds, extra={"event": "store_stalled"})
            return
        self._store_question = question
        length = self._store.ends()
        if length:
            log.warning("the store answers again, after %.0f s", length, extra={"event": "store_stall_ended"})

    def _loop_stalled(self) -> None:
        """The log and the disk may be what the loop stands at: neither may keep this thread."""
        stall = Stall(self.clock.now_ms(), round(self._loop.seconds), self.exit_on_stall)
        words = [
            threading.Thread(target=say, args=(stall,), daemon=True) for say in (self._log, self._write_down)
        ]
        for thread in words:
            thread.start()
        for thread in words:
            thread.join(_LAST_WORDS_SECONDS)
        if self.exit_on_stall:
            self.leave(EXIT_STALLED)

    def _log(self, stall: Stall) -> None:
        ending = f"; ending with exit code {EXIT_STALLED}" if stall.ended else ""
        message = "stalled: the loop has not answered for %d s%s. This is where the threads stand:\n%s"
        log.critical(message, stall.seconds, ending, _stacks(), extra={"event": "stalled"})
        for handler in logging.getLogger().handlers:
            handler.flush()

    def _write_down(self, stall: Stall) -> None:
        try:
            self.note.write(stall)
        except OSError as error:
            log.critical("the stall cannot be noted: %s", error, extra={"event": "stall_not_noted"})


def _stacks() -> str:
    """Files, lines and functions of all threads; no values, so no secrets."""
    with tempfile.TemporaryFile() as dump:
        faulthandler.dump_traceback(dump)
        dump.seek(0)
        return dump.read().decode(errors="replace").rstrip()
