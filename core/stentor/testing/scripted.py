"""A provider that counts and does as it is told, and a channel of any declared kind in front of it."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from stentor.contract.channel import Account, Channel, ChannelContext, Connection, Example
from stentor.contract.dialects import Dialect
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
    # What it answers when it is asked whether a part arrived; by default it knows what it has accepted.
    lookups: deque[BaseException] = field(default_factory=deque[BaseException])
    asked: list[Part] = field(default_factory=list[Part])
    # One connection of each process, to say more about a message later.
    lines: list[ChannelContext] = field(default_factory=list[ChannelContext])

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

    def look_up(self, part: Part) -> Receipt | None:
        """Whether a part arrived."""
        self.asked.append(part)
        if self.lookups:
            raise self.lookups.popleft()
        found = any(part.id == earlier.id for earlier in self.accepted)
        return Receipt(part.target, f"m-{part.id}") if found else None

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

    async def reconcile(self, part: Part) -> Receipt | None:
        return self._provider.look_up(part)


class ScriptedChannel(Channel):
    """A channel without network; make kinds of it with `scripted_channel`."""

    limits: ClassVar[Limits] = Limits(4096)
    needs_account: ClassVar[bool] = False
    provider: Provider

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        room, _, thread = self.body(text).partition(":")
        thread = thread or hints.thread or ""
        if not room.isalnum() or (thread and not thread.isalnum()):
            raise InvalidTarget(f"{text!r} is not a room", hint=f"write {self.name}:room1")
        address = f"{room}:{thread}" if thread else room
        return Target(self.name, "room", room, address, thread or None)

    def parent(self, target: Target) -> Target | None:
        return Target(self.name, "room", target.id, target.id)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        del account
        self.provider.lines.append(ctx)
        return _ScriptedConnection(self.provider)


def scripted_channel(
    name: str, provider: Provider, traits: Traits | None = None, dialect: Dialect | None = None
) -> ScriptedChannel:
    """A channel of its own name, traits and dialect in front of `provider`."""
    words = {
        "name": name,
        "prefixes": (name,),
        "traits": traits or Traits(),
        "dialect": dialect,
        "examples": (Example(f"{name}:room1", f"{name}:room1"),),
    }
    channel: ScriptedChannel = type("Scripted", (ScriptedChannel,), words)()
    channel.provider = provider
    return channel
