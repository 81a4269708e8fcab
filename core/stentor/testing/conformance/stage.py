"""One channel, its provider and an account between them, on an event loop of their own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stentor.contract.channel import Account, Channel, Connection
from stentor.contract.errors import CredentialsRejected, DeliveryError, Unavailable
from stentor.contract.payloads import Attachment, Draft, Manner, Part, Payload
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target, TargetHints
from stentor.contract.traits import Traits
from stentor.domain.answers import raised, receipt_of
from stentor.domain.plugin_words import PluginFault, named
from stentor.testing.conformance import rules
from stentor.testing.conformance.behaviours import Behaviour
from stentor.testing.conformance.provider import FakeProvider, Unplayable
from stentor.testing.conformance.traces import Traces
from stentor.testing.fake_context import FakeContext
from stentor.testing.hurried_loop import HurriedLoop
from stentor.testing.rendering import rendered

T = TypeVar("T")
ACCOUNT = "kit"
# What a channel may take, in real seconds, where nothing keeps it waiting.
PATIENCE_SECONDS = 5.0
_AT_EASE_SECONDS = 2.0
_TO_BE_GONE_SECONDS = 2.0
# Whoever tries again behind the core's back does it within this time.
_LATER_SECONDS = 120.0
_LOOK_EVERY_SECONDS = 0.01
_TURNS = 10


@dataclass
class StageContext(FakeContext):
    """Sleeps for as long as it is told to, which the stage's loop may cut short."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Stage:
    """What a check acts on. The account is opened when it is first needed."""

    def __init__(self, channel: Channel, provider: FakeProvider, folder: Path, loop: HurriedLoop) -> None:
        self.channel = channel
        self.provider = provider
        self.folder = folder
        self.loop = loop
        self.context = StageContext(folder, provider.secrets)
        provider.meet(self.context)
        self.settings = provider.settings()
        self.traces = Traces(loop)
        self._connection: Connection | None = None
        self._parts = 0

    @property
    def targets(self) -> Sequence[Target]:
        return [self.parsed(text) for text in self.provider.targets]

    @property
    def target(self) -> Target:
        return self.parsed(self.provider.targets[0])

    @property
    def account(self) -> Account:
        model = self.channel.settings.model_validate(self.settings)
        return Account(self.channel.name, ACCOUNT, model)

    @property
    def traits(self) -> Traits:
        """What is promised of the first target."""
        return self.channel.traits_of(self.target)

    def parsed(self, text: str) -> Target:
        hints = TargetHints(settings=self.account.settings)
        return self.channel.parse_target(text, hints).on(ACCOUNT)

    async def behave(self, behaviour: Behaviour, *, everywhere: bool = False) -> None:
        """Have the provider behave; whoever held a connection that it cut has noticed."""
        await self.provider.behave(behaviour, everywhere=everywhere)
        await turns()

    async def can(self, behaviour: Behaviour, *, everywhere: bool = False) -> bool:
        """Have the provider behave, if it can play that."""
        try:
            await self.behave(behaviour, everywhere=everywhere)
        except Unplayable:
            return False
        return True

    async def open(self) -> object:
        """What opening the account comes to."""
        came_to = await self.outcome(lambda: self.channel.open(self.account, self.context))
        if isinstance(came_to, Connection):
            self._connection = came_to
        elif not isinstance(came_to, Unavailable | CredentialsRejected):
            rules.OPENING.broken(f"open came to {told(came_to)}")
        return came_to

    async def connection(self) -> Connection:
        """The account's connection; nothing is in its way."""
        if self._connection is None:
            came_to = await self.open()
            if isinstance(came_to, DeliveryError):
                rules.OPENING.broken(f"the provider is well, and open came to {told(came_to)}")
        assert self._connection is not None  # noqa: S101 - opened above
        return self._connection

    async def close(self) -> None:
        """Close the account twice, and look for what it leaves behind."""
        rule = rules.OPENING
        if self._connection is not None:
            rule = rules.CLOSING
            for attempt in ("close", "close, called again,"):
                came_to = await self.outcome(self._connection.close)
                if isinstance(came_to, BaseException):
                    rule.broken(f"{attempt} raised {named(came_to)}")
            self._connection = None
        await self.check_nothing_is_left(rule)

    async def hang_up(self) -> None:
        """Close what a check that failed has left open, whatever comes of it."""
        if self._connection is not None:
            await asyncio.wait([self.traces.calling(self._connection.close)], timeout=_AT_EASE_SECONDS)

    async def check_nothing_is_left(self, rule: rules.Rule) -> None:
        await turns()
        rule.holds(not self.traces.tasks(), f"tasks that are still running: {self.traces.tasks()}")
        await self.until(lambda: not self._sockets() and not self.traces.threads(), _TO_BE_GONE_SECONDS)
        rule.holds(not self._sockets(), f"connections that are still open: {self._sockets()}")
        rule.holds(not self.traces.threads(), f"threads that are still running: {self.traces.threads()}")

    def drafts(self, text: str, *files: Attachment) -> Sequence[Draft]:
        """What core would have sent."""
        return rendered(self.channel, Payload(text, files), self.target)

    def part(
        self, draft: Draft | str = "Good morning", target: Target | None = None, manner: Manner | None = None
    ) -> Part:
        """A part that was never sent before."""
        if isinstance(draft, str):
            (draft,) = self.drafts(draft)
        self._parts += 1
        return Part(
            id=f"kit{self._parts}.1",
            delivery_id=f"kit{self._parts}",
            target=target or self.target,
            n=1,
            of=1,
            text=draft.text,
            attempt=1,
            format=draft.format,
            attachment=draft.attachment,
            album=draft.album,
            manner=manner or Manner(),
        )

    def file(self, name: str, content: bytes = b"Minutes of the meeting\n") -> Attachment:
        path = self.folder / name
        path.write_bytes(content)
        return Attachment(name, path, "text/plain", len(content))

    async def send(self, part: Part, *, hanging: bool = False) -> object:
        """What a send comes to: what it returns, or what it raises."""
        connection = await self.connection()
        came_to = await self.outcome(lambda: connection.send(part), hanging=hanging)
        _check_sound(came_to, part)
        return came_to

    async def accepted(self, part: Part) -> Receipt:
        """The receipt of a send that has no reason to fail."""
        came_to = await self.send(part)
        if not isinstance(came_to, Receipt):
            rules.RECEIPT.broken(f"nothing is in the way of the message, and send came to {told(came_to)}")
        return came_to

    async def outcome(self, call: Callable[[], Awaitable[object]], *, hanging: bool = False) -> object:
        """What a call to the channel comes to. Beyond a moment, time passes without being waited for."""
        before = self.provider.attempts
        calling = self.traces.calling(call)
        if hanging:
            await self.until(lambda: calling.done() or self.provider.attempts > before)
        else:
            await asyncio.wait([calling], timeout=_AT_EASE_SECONDS)
        with self.loop.hurry() if self.provider.on_our_loop else nullcontext():
            await asyncio.wait([calling], timeout=self.traits.send_timeout)
        if not calling.done():
            calling.cancel()
            rules.IN_TIME.broken(f"it goes on after {self.traits.send_timeout:g} s")
        return calling.result()

    async def some_time_later(self) -> None:
        """Let time pass, if nobody has to wait for it."""
        if self.provider.on_our_loop:
            with self.loop.hurry():
                await asyncio.sleep(_LATER_SECONDS)

    async def until(self, look: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
        """What `look` says as soon as it says something, and what it says at last if it never does."""
        for _ in range(int(seconds / _LOOK_EVERY_SECONDS)):
            if found := look():
                return found
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        return look()

    def _sockets(self) -> int:
        try:
            return self.provider.open_connections
        except Unplayable:
            return 0


def _check_sound(came_to: object, part: Part) -> None:
    """Whether the core can do anything with what a send came to: it reads every word of it."""
    read = raised(came_to) if isinstance(came_to, DeliveryError) else None
    if isinstance(read, PluginFault):
        rules.CLOSED_SET.broken(str(read))
    try:
        receipt_of(came_to, part.target)
    except PluginFault as fault:
        rules.RECEIPT.broken(str(fault))


async def turns() -> None:
    """Let everything that is ready to go on go on."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def told(came_to: object) -> str:
    """What a call came to, in words."""
    return f"the error {named(came_to)}" if isinstance(came_to, BaseException) else repr(came_to)
