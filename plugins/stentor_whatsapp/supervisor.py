"""Keeps the child of an account alive: a death costs a restart, and nothing but what was under way in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from stentor import ChannelContext
from stentor_whatsapp.line import Line, Lost, Refused
from stentor_whatsapp.process import Grace, Log, running
from stentor_whatsapp.wire import Deed, Event, Facts

# What a session is that no phone has taken in, or not any more.
NOT_PAIRED = "not_paired"
_PAUSES_SECONDS = (1, 5, 25, 120, 600)
# Whoever was well for so long begins anew with the shortest pause.
_STEADY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds.

    open       until a child has loaded the library and opened the session.
    answer     until it answers what it need not ask WhatsApp for.
    look_up    until it answers what it must ask WhatsApp for.
    send       until it says what became of a message: the library itself gives up after 75. What comes before is short enough
               to be over before the core's own deadline.
    turn       that a message waits for the one before it.
    connected  that a message waits for the connection.
    """

    open: float = 30
    answer: float = 5
    look_up: float = 15
    send: float = 90
    turn: float = 10
    connected: float = 5
    grace: Grace = field(default_factory=Grace)


@dataclass(frozen=True, slots=True)
class Start:
    """How a child is started: its command line, where its log goes, and what it is to open."""

    argv: Sequence[str]
    log: Path
    opening: Facts


@dataclass(frozen=True, slots=True)
class Leave:
    """Why there is no use in a child, and after how many seconds there may be in another one: the usual, if not said.

    `for_good`: there is none before the account is opened anew, and the session is free for others.
    """

    why: str
    pause: float | None = None
    for_good: bool = False


class Holder(Protocol):
    """Who hears of the children."""

    def opened(self, facts: Facts) -> None:
        """A child has opened the session, and connects now."""
        ...

    def heard(self, event: Event) -> Leave | None:
        """The child says something by itself, after which there may be no use in it."""
        ...

    def died(self, why: Lost | Refused) -> bool:
        """A child is gone, or did not come to be: whether another one is started."""
        ...


class Supervisor:
    """One child at a time, until it is closed."""

    def __init__(self, start: Start, ctx: ChannelContext, patience: Patience, holder: Holder) -> None:
        self._start = start
        self._ctx = ctx
        self._patience = patience
        self._holder = holder
        self._line: Line | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._failures = 0
        self._pause: float | None = None
        self._is_last = False

    async def begin(self) -> Facts:
        """What the first child says to `open`. Raises `Refused` or `Lost` where it does not open, and ends."""
        opened: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
        # Its own for as long as the account is open: no group stands above it.
        self._keeping = asyncio.Task(self._keep(opened), name="the child of a WhatsApp account")
        try:
            return await opened
        except BaseException:
            await self.close()
            raise

    async def request(self, do: Deed, within: float | None = None, **facts: object) -> Facts:
        """The child's answer, or `Lost`, or `Refused`."""
        return await self._there().request(do, within or self._patience.answer, **facts)

    def ask(self, do: Deed, **facts: object) -> "asyncio.Future[Facts]":
        """The answer to be, for as long as this child lives."""
        return self._there().ask(do, **facts)

    def hang_up(self, why: str) -> None:
        """End this child, which is at fault, and start another one."""
        if self._line is not None:
            self._line.hang_up(why)

    async def close(self) -> None:
        """End the child and start no other. May be called again."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    def _hear(self, event: Event) -> None:
        leave = self._holder.heard(event)
        if leave is not None:
            self._pause, self._is_last = leave.pause, leave.for_good
            if self._line is not None:
                self._line.dismiss(leave.why)

    def _there(self) -> Line:
        if self._line is None:
            raise Lost("the process that speaks to WhatsApp does not run now", written=False)
        return self._line

    async def _keep(self, opened: "asyncio.Future[Facts]") -> None:
        """One life after the other, until cancelled. Unless the first one opens, it is the last."""
        try:
            while True:
                log, began = Log(self._start.log), self._ctx.now()
                try:
                    why: Lost | Refused = await self._live(log, opened)
                except (Lost, Refused) as error:
                    why = error
                if not opened.done():
                    opened.set_exception(why)
                    return
                pause = self._pause_after(self._ctx.now() - began)
                words = log.last_words()
                if not self._holder.died(Lost(words, written=True) if words else why) or self._is_last:
                    return
                await self._ctx.sleep(pause)
        finally:
            if not opened.done():
                opened.set_exception(Lost("it was not kept", written=False))

    async def _live(self, log: Log, opened: "asyncio.Future[Facts]") -> Lost:
        """One life, from its start to why it ended."""
        patience = self._patience
        async with running(self._start.argv, log, self._hear, patience.grace) as line:
            facts = await line.request("open", patience.open, **self._start.opening)
            if facts.get("paired") is not True:
                raise Refused(NOT_PAIRED, "the session is not paired with a phone", facts)
            self._line = line
            self._holder.opened(facts)
            try:
                if not opened.done():
                    opened.set_result(facts)
                await line.request("connect", patience.open)
                await line.over.wait()
            finally:
                self._line = None
        return Lost(line.why, written=True)

    def _pause_after(self, lived: timedelta) -> float:
        self._failures = 1 if lived >= _STEADY else self._failures + 1
        usual = _PAUSES_SECONDS[min(self._failures, len(_PAUSES_SECONDS)) - 1]
        asked, self._pause = self._pause, None
        return usual if asked is None else asked
