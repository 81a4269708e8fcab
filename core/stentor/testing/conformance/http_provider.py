"""A fake provider that speaks HTTP: its author says how requests are read and how answers look."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from stentor.testing.conformance.behaviours import QUIET_SECONDS, Behaviour
from stentor.testing.conformance.provider import FakeProvider, Shown, Unplayable
from stentor.testing.loopback import Drop, Hang, Later, LoopbackServer, Reply, Reset, Seen, Told, json_reply

# What any HTTP service may say. Where the provider's own words differ, they go into `answers`.
_USUAL: Mapping[Behaviour, Reply] = {
    Behaviour.GARBAGE: Reply(200, b'{"never', {"Content-Type": "application/json"}),
    Behaviour.HTML: Reply(502, b"<html><h1>Bad Gateway</h1></html>", {"Content-Type": "text/html"}),
    Behaviour.SERVER_ERROR: json_reply({"error": "internal"}, 500),
    Behaviour.THROTTLE: json_reply({"error": "slow down"}, 429, Retry_After=str(QUIET_SECONDS)),
    Behaviour.UNAUTHORISED: json_reply({"error": "unauthorised"}, 401),
    Behaviour.UNKNOWN_ERROR: json_reply({"error": "a code of next year"}, 422),
}
_TAKEN = frozenset({Behaviour.ACCEPT, Behaviour.DROP, Behaviour.HANG, Behaviour.GARBAGE, Behaviour.NO_ID})


class HttpProvider(FakeProvider):
    """A provider on a loopback server, at `url`. To be written for each: `read`, `accept`, and `settings`.

    answers   what the provider says for a behaviour, in its own words; None for what it never does. Connections that
              are refused, cut or silent need no answer, and the usual ones of HTTP services are there.
    dedupes   a message whose `Shown.key` is known is not shown again, and answered like the first one.
    """

    answers: Mapping[Behaviour, Reply | None] = {}
    dedupes: bool = False

    def __init__(self) -> None:
        self.server = _Server(self)
        self._behaviour = Behaviour.ACCEPT
        self._everywhere = False
        self._shown: list[Shown] = []
        self._keys: list[str] = []
        self._attempts = 0

    @abstractmethod
    def read(self, request: Seen) -> Shown:
        """The message that a request asks for."""

    @abstractmethod
    def accept(self, request: Seen, number: int) -> Reply:
        """The answer to a message that is taken; it is the `number`th one, which makes a good id."""

    def sends(self, head: Seen) -> bool:
        """Whether a request is a message. Decide by method, path and headers: the body may not have come yet."""
        return head.method == "POST"

    def other(self, request: Seen) -> Told | Later:  # noqa: ARG002 - for those who have something to say
        """The answer to a request that is no message: who am I, upload, what was said so far.

        A coroutine is an answer that is still to come, such as that to a long poll.
        """
        return Reply(404)

    @property
    def url(self) -> str:
        return self.server.url("")

    def serve(self, port: int) -> None:
        """Serve on this port until interrupted, for trying a channel by hand."""
        self.server.port = port
        asyncio.run(self._served())

    async def _served(self) -> None:
        async with self:
            await asyncio.Event().wait()

    async def start(self) -> None:
        await self.server.listen()

    async def stop(self) -> None:
        await self.server.refuse()

    async def behave(self, behaviour: Behaviour, *, everywhere: bool = False) -> None:
        if behaviour not in _PLAYED_BY_THE_SERVER and self._said(behaviour) is None:
            raise Unplayable(behaviour)
        self._behaviour, self._everywhere = behaviour, everywhere
        if behaviour is Behaviour.REFUSE:
            await self.server.refuse()
        else:
            await self.server.listen()

    @property
    def attempts(self) -> int:
        return self._attempts

    @property
    def shown(self) -> Sequence[Shown]:
        return self._shown

    @property
    def keys(self) -> Sequence[str]:
        return self._keys

    @property
    def open_connections(self) -> int:
        return self.server.open_connections

    def told(self, request: Seen) -> Told | Later:
        """What becomes of a request that has come as a whole."""
        if not self.sends(request):
            return self._played(request) if self._everywhere else self.other(request)
        self._attempts += 1
        message = self.read(request)
        self._keys.append(message.key)
        number = self._number(message) if self._behaviour in _TAKEN else 0
        return self.accept(request, number) if self._behaviour is Behaviour.ACCEPT else self._played(request)

    def cuts(self, head: Seen) -> bool:
        """Whether a request is cut off before its body is read."""
        sends = self.sends(head)
        cut = self._behaviour is Behaviour.RESET and (sends or self._everywhere)
        self._attempts += cut and sends
        return cut

    def _number(self, message: Shown) -> int:
        """The place of a message among those that are shown, where it may stand already."""
        if self.dedupes and message.key:
            for number, known in enumerate(self._shown, start=1):
                if known.key == message.key:
                    return number
        self._shown.append(message)
        return len(self._shown)

    def _played(self, request: Seen) -> Told | Later:
        match self._behaviour:
            case Behaviour.ACCEPT:
                return self.other(request)
            case Behaviour.DROP | Behaviour.REFUSE:
                return Drop()
            case Behaviour.HANG:
                return Hang()
            case Behaviour.RESET:
                return Reset()
            case behaviour:
                return self._said(behaviour) or Reply(500)

    def _said(self, behaviour: Behaviour) -> Reply | None:
        return self.answers[behaviour] if behaviour in self.answers else _USUAL.get(behaviour)


_PLAYED_BY_THE_SERVER = frozenset(
    {Behaviour.ACCEPT, Behaviour.REFUSE, Behaviour.DROP, Behaviour.RESET, Behaviour.HANG}
)


class _Server(LoopbackServer):
    def __init__(self, provider: HttpProvider) -> None:
        super().__init__()
        self._provider = provider

    def answer(self, seen: Seen) -> Told | Later:
        return self._provider.told(seen)

    def cuts(self, head: Seen) -> bool:
        return self._provider.cuts(head)
