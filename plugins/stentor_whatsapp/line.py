"""The daemon's end of the socket to a child: questions find their answers, and nobody waits for a child that is gone."""

import asyncio
from collections.abc import Callable
from typing import cast

from stentor_whatsapp import wire
from stentor_whatsapp.wire import LONGEST_LINE, Answer, Deed, Event, Facts, Garbled, Refusal

Hear = Callable[[Event], None]


class Lost(Exception):
    """No answer came, and none will. Unless `written`, the child was never asked."""

    def __init__(self, message: str, *, written: bool) -> None:
        super().__init__(message)
        self.written = written


class Refused(Exception):
    """The child answered with an error."""

    def __init__(self, kind: str, text: str, facts: Facts) -> None:
        super().__init__(text or kind)
        self.kind = kind
        self.text = text
        self.facts = facts


class Line(asyncio.Protocol):
    """One life of a child, as far as it can be talked to.

    A child that writes what nobody who speaks the language would write is hung up on.
    """

    def __init__(self, hear: Hear) -> None:
        # There is no use in this child any more; it may still be there, to leave as it should.
        self.over = asyncio.Event()
        self.gone = asyncio.Event()
        self.why = ""
        self._hear = hear
        self._transport: asyncio.WriteTransport | None = None
        self._heard = bytearray()
        self._searched = 0
        self._asked = 0
        self._farewells: list[Callable[[], None]] = []
        self._waiting: dict[int, asyncio.Future[Facts]] = {}

    def ask(self, do: Deed, **facts: object) -> "asyncio.Future[Facts]":
        """The answer to be. It comes to `Lost` or `Refused` where there is none, which nobody needs to look at."""
        answer: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_look_at)
        transport = self._transport
        if transport is None or transport.is_closing():
            answer.set_exception(Lost(self.why or "the child is not there", written=False))
            return answer
        self._asked += 1
        written = wire.request(self._asked, do, facts)
        self._waiting[self._asked] = answer
        transport.write(written)
        return answer

    async def request(self, do: Deed, within: float, **facts: object) -> Facts:
        """The child's answer. After so many seconds it is `Lost`, and not listened to when it comes after all."""
        answer = self.ask(do, **facts)
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError:
            raise Lost(f"no answer to {do} within {within:g} s", written=True) from None

    def dismiss(self, why: str) -> None:
        """Whoever keeps this child may let it leave."""
        self.why = self.why or why
        self.over.set()

    def hang_up(self, why: str) -> None:
        """Have nothing more to do with this child."""
        self.why = self.why or why
        if self._transport is not None:
            self._transport.abort()

    def when_gone(self, call: Callable[[], None]) -> None:
        """Have somebody told, once, that the child is gone."""
        self._farewells.append(call)
        if self.gone.is_set():
            call()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        try:
            while (end := self._heard.find(b"\n", self._searched)) >= 0:
                line = bytes(self._heard[:end])
                del self._heard[: end + 1]
                self._searched = 0
                self._take(line)
            self._searched = len(self._heard)
            if self._searched >= LONGEST_LINE:
                raise Garbled("a line without an end")
        except Garbled as garbled:
            self._heard.clear()
            self.hang_up(f"it wrote nonsense: {garbled}")

    def eof_received(self) -> None:
        """Whoever has nothing more to say has left: asyncio closes the socket."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.why = self.why or "it ended"
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(Lost(self.why, written=True))
        self.over.set()
        self.gone.set()
        for call in self._farewells:
            call()

    def _take(self, line: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        news = wire.read_news(line)
        if isinstance(news, Event):
            self._hear(news)
            return
        if not 0 < news.id <= self._asked:
            raise Garbled(f"an answer to question {news.id}, which was never asked")
        # Whoever asked may have gone away meanwhile.
        answer = self._waiting.pop(news.id, None)
        if answer is not None and not answer.done():
            _settle(answer, news)


def _settle(answer: "asyncio.Future[Facts]", news: Answer | Refusal) -> None:
    if isinstance(news, Answer):
        answer.set_result(news.facts)
    else:
        answer.set_exception(Refused(news.kind, news.text, news.facts))


def _look_at(answer: "asyncio.Future[Facts]") -> None:
    """An error that nobody looks at is a complaint of asyncio's."""
    if not answer.cancelled():
        answer.exception()
