"""A provider whose accounts stay open, and a home with such an account and with people who hear of trouble."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext, Connection
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Living, Simulation, Story
from stentor.testing.virtual_time import START_MS
from tests.services.odd_channels import Line, odd_channel
from tests.services.stories import JsonObject

GLOBALLY = '[cron]\nfailure_destination = { to = "ops:global" }\n'


@dataclass
class Gate(Provider):
    """Opens as it is told: it raises an error, or does something with the context. Notes when it was asked."""

    openings: deque[BaseException | Callable[[ChannelContext], None]] = field(
        default_factory=deque[BaseException | Callable[[ChannelContext], None]]
    )
    asked_at: list[float] = field(default_factory=list[float])
    # What is done when a connection is closed.
    closing: Callable[[ChannelContext], None] | None = None
    closed: int = 0

    def open(self, ctx: ChannelContext) -> "GateLine":
        self.asked_at.append(round(ctx.now().timestamp() - START_MS / 1000, 3))
        opening = self.openings.popleft() if self.openings else None
        if isinstance(opening, BaseException):
            raise opening
        self.lines.append(ctx)
        if opening is not None:
            opening(ctx)
        return GateLine(self)


class GateLine(Line):
    provider: Gate

    def __init__(self, provider: Gate) -> None:
        super().__init__(provider)
        self.ctx = provider.lines[-1]
        self.is_closed = False

    async def send(self, part: Part) -> Receipt:
        assert not self.is_closed
        return self.provider.receive(part)

    async def close(self) -> None:
        self.is_closed = True
        self.provider.closed += 1
        if self.provider.closing is not None:
            self.provider.closing(self.ctx)


def attended(name: str, gate: Gate, *, stays_open: bool = True, **methods: Any) -> ScriptedChannel:
    """A channel in front of it."""

    async def open_line(channel: object, account: Account, ctx: ChannelContext) -> Connection:
        return gate.open(ctx)

    traits = Traits(stays_open=stays_open)
    return odd_channel(name, gate, traits, **{"open": open_line, **methods})


@dataclass
class House:
    """The account `page:default` stays open; at `ops:global` people hear of trouble."""

    home: Path
    gate: Gate = field(default_factory=Gate)
    stays_open: bool = True
    methods: dict[str, Any] = field(default_factory=dict[str, Any])
    config: str = GLOBALLY
    ops: Provider = field(default_factory=Provider)

    def __post_init__(self) -> None:
        (self.home / "stentor.toml").write_text(self.config)
        page = attended("page", self.gate, stays_open=self.stays_open, **self.methods)
        self.life: Living = Simulation(self.home, [page, scripted_channel("ops", self.ops)]).begin()

    def do(self, story: Story, *, seconds: float = 1) -> "House":
        self.life.tell(story)
        self.life.pass_time(seconds)
        return self

    def passes(self, seconds: float) -> "House":
        self.life.pass_time(seconds)
        return self

    def says(self, *words: Any, seconds: float = 1) -> "House":
        """Of itself, by the newest connection."""

        async def story(operations: Operations) -> None:
            del operations
            self.gate.lines[-1].health(*words)

        return self.do(story, seconds=seconds)

    def reports(self, receipt: Any) -> "House":
        async def story(operations: Operations) -> None:
            del operations
            self.gate.lines[-1].report(receipt)

        return self.do(story)

    def gives_away(self, seconds: float = 600) -> "House":
        return self.do(lambda operations: operations.app.connections.give_away("page", "default", seconds))

    def renews(self) -> "House":
        return self.do(lambda operations: operations.app.connections.renew("page", "default"))

    def ends(self) -> None:
        self.life.stop()
        check(self.home, Witness({"page": self.gate, "ops": self.ops}))

    @property
    def standing(self) -> tuple[str, str | None]:
        """How the daemon says that the account is."""
        found: list[JsonObject] = []

        async def look(operations: Operations) -> None:
            found.extend(row for row in operations.health() if row["channel"] == "page")

        self.life.tell(look)
        (account,) = found
        return account["state"], account["reason"]

    @property
    def stored(self) -> tuple[str, str | None]:
        """How the store has the account."""
        with Reader.open(self.home / "stentor.db") as reader:
            (account,) = [row for row in reader.accounts() if row["channel"] == "page"]
        return account["state"], account["reason"]

    @property
    def told(self) -> list[str]:
        """The first line of each message to people."""
        return [part.text.splitlines()[0] for part in self.ops.accepted]
