"""What tests of the daemon's side share: a context that waits when it is told to, and children that stand in."""

import asyncio
import json
import os
import socket
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fake_context import FakeContext
from tests.plugins.whatsapp.peer import WhatsApp

from stentor import Account, Connection, Part, Target
from stentor_whatsapp.channel import WhatsAppSettings
from stentor_whatsapp.connection import connect
from stentor_whatsapp.line import Lost, Refused
from stentor_whatsapp.process import Grace
from stentor_whatsapp.supervisor import Leave, Patience, Start
from stentor_whatsapp.targets import of_jid
from stentor_whatsapp.wire import Event, Facts

Opens = Callable[..., AbstractAsyncContextManager[Connection]]
PROGRAM = Path(__file__).with_name("stand_in.py")
# Long enough for a busy machine where something comes, short enough where nothing does.
SHORT = Patience(
    open=5, answer=5, look_up=5, send=5, turn=0.3, connected=0.3, grace=Grace(asked=0.3, told=0.3)
)
# The real child loads the real library.
STEADY = Patience(open=30, answer=10, look_up=10, send=10, turn=5, connected=10)
ME = "6281234500001"
ANN = "6281234567890"
CONNECTED = {"event": "state", "state": "connected", "reason": ""}


@dataclass
class WaitingContext(FakeContext):
    """Time passes as soon as somebody sleeps; with `held`, only when it is let."""

    slept: list[float] = field(default_factory=list[float])
    held: bool = False
    door: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.news.set()
        if self.held:
            await self.door.wait()
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def health(self, state: Any, reason: str = "") -> None:
        super().health(state, reason)
        self.news.set()

    def report(self, receipt: Any) -> None:
        super().report(receipt)
        self.news.set()

    async def until(self, look: Callable[[], object]) -> None:
        """Wait until something is the case that comes with news."""
        async with asyncio.timeout(10):
            while not look():
                self.news.clear()
                await self.news.wait()


@dataclass
class Backstage:
    """Children that stand in: what they are told, and what they have noted."""

    folder: Path

    def argv(self, **script: Any) -> Sequence[str]:
        """A command line of a child; the number of its socket comes behind it."""
        told = json.dumps({"folder": str(self.folder), **script})
        return [sys.executable, "-I", "-S", str(PROGRAM), told]

    def start(self, **script: Any) -> Start:
        return Start(self.argv(**script), self.folder / "child.log", {"session": "s", "ledger": "l"})

    def pair(self) -> None:
        """A session of which the library would say that it belongs to somebody."""
        with closing(sqlite3.connect(self.folder / "session.db")) as database:
            database.execute("CREATE TABLE whatsmeow_device (jid TEXT, lid TEXT, push_name TEXT)")
            database.execute("INSERT INTO whatsmeow_device VALUES ('6281234500001:1@s.whatsapp.net', '', '')")
            database.commit()

    @property
    def lives(self) -> list[int]:
        noted = self.folder / "lives"
        return [int(pid) for pid in noted.read_text().split()] if noted.exists() else []

    def asked(self, do: str) -> list[dict[str, Any]]:
        noted = self.folder / "asked"
        lines = noted.read_text().splitlines() if noted.exists() else []
        return [request for line in lines if (request := json.loads(line))["do"] == do]

    def tell(self, order: Mapping[str, object] | str) -> None:
        """Have the child write a line, or do one of its acts."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(str(self.folder / "control"))
            line.send(order.encode() if isinstance(order, str) else json.dumps(order).encode())

    async def nobody_is_left(self) -> bool:
        """Who has been killed is gone when the system gets round to it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while any(_lives(pid) for pid in self.lives):
                    await asyncio.sleep(0)
                return True
        return False


def _lives(group: int) -> bool:
    """Whether anybody of a group is left. A zombie is nobody."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, _, leader = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except (OSError, ValueError):
                continue
            if leader == str(group) and state != "Z" and entry.name != str(os.getpid()):
                return True
    return False


@dataclass
class Ears:
    """Hears of the children of a supervisor, and finds no use in one that says what is in `useless`."""

    openings: list[Facts] = field(default_factory=list[Facts])
    events: "asyncio.Queue[Event]" = field(default_factory=asyncio.Queue)
    deaths: "asyncio.Queue[Lost | Refused]" = field(default_factory=asyncio.Queue)
    useless: Mapping[str, Leave] = field(default_factory=dict[str, Leave])
    another: bool = True

    def opened(self, facts: Facts) -> None:
        self.openings.append(facts)

    def heard(self, event: Event) -> Leave | None:
        self.events.put_nowait(event)
        return self.useless.get(str(event.facts.get("state")))

    def died(self, why: Lost | Refused) -> bool:
        self.deaths.put_nowait(why)
        return self.another

    async def death(self) -> Lost | Refused:
        return await asyncio.wait_for(self.deaths.get(), 10)

    async def event(self) -> Event:
        return await asyncio.wait_for(self.events.get(), 10)


def part(to: str | Target = f"{ANN}@s.whatsapp.net", ident: str = "p1.1", **more: Any) -> Part:
    """A part that was never tried before."""
    target = of_jid(to) if isinstance(to, str) else to
    given = {"text": "Good morning", "attempt": 1, "format": "whatsapp", **more}
    return Part(id=ident, delivery_id=ident.partition(".")[0], target=target, n=1, of=1, **given)


def found(number: str = ANN, **more: object) -> dict[str, Any]:
    """The answer to a look-up of a number that is on WhatsApp."""
    usual = {"number": f"+{number}", "on": True, "jid": f"{number}@s.whatsapp.net", "lid": f"8{number}@lid"}
    return {"found": [{**usual, **more}]}


@pytest.fixture
def backstage(tmp_path: Path) -> Backstage:
    return Backstage(tmp_path)


@pytest.fixture
def ctx(tmp_path: Path) -> WaitingContext:
    return WaitingContext(tmp_path)


@pytest.fixture
def standing_in(backstage: Backstage, ctx: WaitingContext) -> Opens:
    """Opens an account whose children stand in. They connect at once, unless the script says otherwise."""

    @asynccontextmanager
    async def opened(
        patience: Patience = SHORT, settings: Mapping[str, object] | None = None, **script: Any
    ) -> AsyncGenerator[Connection]:
        backstage.pair()
        script = {"after": {"connect": [CONNECTED]}, **script}
        given = WhatsAppSettings.model_validate({"seconds_between": 1, **(settings or {})})
        account = Account("whatsapp", "default", given)
        connection = await connect(given, account, ctx, argv=backstage.argv(**script), patience=patience)
        try:
            yield connection
        finally:
            await connection.close()
            assert await backstage.nobody_is_left()

    return opened


@pytest.fixture
def on_whatsapp(
    whatsapp: WhatsApp, tmp_path: Path, ctx: WaitingContext, monkeypatch: pytest.MonkeyPatch
) -> Opens:
    """Opens a paired account on the test peer, with the real child."""
    for name, value in whatsapp.environment.items():
        monkeypatch.setenv(name, value)

    @asynccontextmanager
    async def opened(patience: Patience = STEADY, **settings: object) -> AsyncGenerator[Connection]:
        if not (tmp_path / "session.db").exists():
            await whatsapp.paired_session(tmp_path / "session.db")
        given = WhatsAppSettings.model_validate({"base_url": whatsapp.proxy_url, **settings})
        connection = await connect(given, Account("whatsapp", "default", given), ctx, patience=patience)
        try:
            yield connection
        finally:
            await connection.close()

    return opened
