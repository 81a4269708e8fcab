"""The WhatsApp channel keeps the rules of channels, as far as WhatsApp can be made to break them.

Most of what the kit asks of a provider has no counterpart here: WhatsApp refuses people, not requests, answers no
sooner than the library gives up, and says nothing of blocks and sizes. Those rules are skipped by name, and what
WhatsApp does instead is tried in `test_sending` and `test_standing`.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.plugins.whatsapp.backstage import ANN
from tests.plugins.whatsapp.peer import Authority, WhatsApp

from stentor import Channel
from stentor.testing.conformance import Behaviour, ChannelConformance, FakeProvider, Shown, Unplayable
from stentor.testing.fake_context import FakeContext
from stentor_whatsapp import WhatsAppChannel

BOB = "4915112345678"
GROUP = "120363401234567890@g.us"


class Phone(FakeProvider):
    """WhatsApp and a phone, with somebody to write to, a group and a hidden number."""

    targets = (f"whatsapp:+{ANN}", f"whatsapp:group:{GROUP}", f"whatsapp:lid:8{BOB}@lid")
    on_our_loop = False

    def __init__(self, authority: Authority) -> None:
        self._server = WhatsApp(authority)
        self._folder = Path(tempfile.mkdtemp(prefix="stentor-"))
        self._before: dict[str, str | None] = {}
        self._context: FakeContext | None = None
        self._dropping: asyncio.Task[str] | None = None

    async def start(self) -> None:
        await self._server.__aenter__()
        self._server.group(GROUP, ANN)
        for name, value in self._server.environment.items():
            self._before[name] = os.environ.get(name)
            os.environ[name] = value
        await self._server.paired_session(self._folder / "session.db")

    async def stop(self) -> None:
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(self._folder)
        await self._server.__aexit__(None, None, None)

    def settings(self) -> Mapping[str, object]:
        proxy = self._server.proxy_url if self._before else ""
        return {"base_url": proxy, "seconds_between": 0.01}

    def settings_for_receiving(self) -> Mapping[str, object]:
        return {**self.settings(), "receive": "on"}

    def meet(self, context: FakeContext) -> None:
        self._context = context
        shutil.copyfile(self._folder / "session.db", context.data_dir / "session.db")

    async def behave(self, behaviour: Behaviour, *, everywhere: bool = False) -> None:
        server = self._server
        match behaviour:
            case Behaviour.ACCEPT:
                server.mode = "ack+delivered+read"
                server.door.is_open = True
                await server.fail_login(None)
                await self._be_told_of_what_was_dropped()
            case Behaviour.REFUSE:
                server.door.is_open = False
                await server.disconnect()
            case Behaviour.DROP:
                server.mode = "silent"
                self._dropping = asyncio.Task(self._drop(len(server.messages) + 1))
            case Behaviour.UNKNOWN_ERROR:
                server.mode = ("error", 499)
            case Behaviour.UNAUTHORISED if everywhere:
                await server.fail_login(401)
            case Behaviour.SERVER_ERROR if everywhere:
                await server.fail_login(503)
            case _:
                raise Unplayable(behaviour)

    @property
    def attempts(self) -> int:
        return self._server.frames

    @property
    def shown(self) -> Sequence[Shown]:
        return [
            Shown(self._place(message.to), message.text, (message.file.name,) if message.file else ())
            for message in self._server.messages
        ]

    @property
    def open_connections(self) -> int:
        return int(self._server.connected.is_set())

    async def inject(self, text: str, *, by_us: bool = False) -> None:
        if by_us:
            raise Unplayable("inject (what the phone itself writes)")
        await self._server.connected.wait()
        await self._server.say(ANN, text)

    async def _drop(self, number: int) -> str:
        """The library makes up for a connection that breaks: it has to go down itself. The message is read later."""
        message = await self._server.message(number)
        await self._server.panic()
        await self._server.read(message.id)
        return message.id

    async def _be_told_of_what_was_dropped(self) -> None:
        if self._dropping is None or self._context is None:
            return
        dropped, self._dropping = await self._dropping, None
        async with asyncio.timeout(20):
            while not any(report.message_id == dropped for report in self._context.reports):
                await asyncio.sleep(0)

    def _place(self, to: str) -> str:
        if to == self._server.lid(ANN):
            return f"whatsapp:+{ANN}"
        return f"whatsapp:group:{to}" if to == GROUP else f"whatsapp:lid:{to}"


class TestWhatsApp(ChannelConformance):
    refused = (
        "whatsapp:ann",
        "whatsapp:+",
        "whatsapp:12@example.org",
        "whatsapp:https://chat.whatsapp.com/AbC",
    )
    sdk = ("neonize",)

    @pytest.fixture(autouse=True)
    def _trusted(self, authority: Authority) -> None:
        self._authority = authority

    def channel(self) -> Channel:
        return WhatsAppChannel()

    def provider(self) -> FakeProvider:
        return Phone(self._authority)
