"""A provider that counts and does as it is told, and a channel of any declared kind in front of it."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from stentor.contract.channel import Account, Channel, ChannelContext, Connection, Example
from stentor.contract.errors import InvalidTarget
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target, TargetHints
from stentor.contract.traits import Limits, Traits

Answer = Callable[[Part], Receipt]


@dataclass
class Provider:
    """The far side. `accepted` is what a human would see; one with `deduplicates` shows an id once."""

    deduplicates: bool = False
    script: deque[BaseException | Answer] = field(default_factory=deque[BaseException | Answer])
    requests: list[Part] = field(default_factory=list[Part])
    accepted: list[Part] = field(default_factory=list[Part])

    def receive(self, part: Part) -> Receipt:
        """Take a request, answer it as scripted, or accept it."""
        self.requests.append(part)
        answer = self.script.popleft() if self.script else None
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            return answer(part)
        return self.accept(part)

    def accept(self, part: Part) -> Receipt:
        if not (self.deduplicates and any(part.id == earlier.id for earlier in self.accepted)):
            self.accepted.append(part)
        return Receipt(part.target, f"m-{part.id}")

    def accepted_then(self, error: BaseException) -> Answer:
        """Accept the part, and then fail as if the answer had been lost."""

        def answer(part: Part) -> Receipt:
            self.accept(part)
            raise error

        return answer

    @property
    def counts(self) -> Counter[str]:
        """How often each part is visible."""
        return Counter(part.id for part in self.accepted)


class _ScriptedConnection(Connection):
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def send(self, part: Part) -> Receipt:
        return self._provider.receive(part)


class ScriptedChannel(Channel):
    """A channel without network; make kinds of it with `scripted_channel`."""

    limits: ClassVar[Limits] = Limits(4096)
    needs_account: ClassVar[bool] = False
    provider: Provider

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        room = self.body(text)
        if not room.isalnum():
            raise InvalidTarget(f"{text!r} is not a room", hint=f"write {self.name}:room1")
        if hints.thread is not None:
            raise InvalidTarget("rooms have no threads")
        return Target(self.name, "room", room, room)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        del account, ctx
        return _ScriptedConnection(self.provider)


def scripted_channel(name: str, provider: Provider, traits: Traits | None = None) -> ScriptedChannel:
    """A channel of its own name and traits in front of `provider`."""
    words = {
        "name": name,
        "prefixes": (name,),
        "traits": traits or Traits(),
        "examples": (Example(f"{name}:room1", f"{name}:room1"),),
    }
    channel: ScriptedChannel = type("Scripted", (ScriptedChannel,), words)()
    channel.provider = provider
    return channel
