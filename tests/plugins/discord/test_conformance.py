"""The Discord channel keeps the rules of channels."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from tests.loopback import Reply, Seen
from tests.plugins.discord.gateway import ANN, Gateway, running_gateway, written
from tests.plugins.discord.provider import API, BOT, HOOK_TOKEN, TOKEN, DiscordServer, read, refused, said

from stentor import Channel
from stentor.contract.payloads import Manner
from stentor.testing.conformance import (
    QUIET_SECONDS,
    Behaviour,
    ChannelConformance,
    FakeProvider,
    HttpProvider,
    Shown,
)
from stentor_discord import DiscordChannel

FORM = {"content": {"_errors": [{"code": "X", "message": "Must be 2000 or fewer in length."}]}}


class Server(HttpProvider):
    """A server with a text channel, a person, a forum and an incoming webhook."""

    targets = (
        "discord:channel:555",
        "discord:webhook:alerts:thread:77",
        "discord:user:66",
        "discord:forum:44",
        "discord:webhook:alerts",
    )
    names: Mapping[str, str] = {"#general": "discord:channel:555"}
    throttle_scope = "target"
    dedupes = True
    answers: Mapping[Behaviour, Reply | None] = {
        Behaviour.SERVER_ERROR: refused(500),
        Behaviour.THROTTLE: refused(429, retry_after=QUIET_SECONDS),
        Behaviour.UNAUTHORISED: refused(401),
        Behaviour.NO_SUCH_TARGET: refused(404, 10003),
        Behaviour.BLOCKED: refused(403, 50007),
        Behaviour.BAD_FORMAT: refused(400, 50035),
        Behaviour.TOO_LARGE: refused(400, 50035, errors=FORM),
        Behaviour.UNKNOWN_ERROR: refused(400, 987654),
        Behaviour.NO_ID: said({"channel_id": "555"}),
        Behaviour.ELSEWHERE: said({"id": "1", "channel_id": "999"}),
    }

    def __init__(self) -> None:
        super().__init__()
        # It only answers; what people see is kept here.
        self._discord = DiscordServer()
        self._discord.guilds = {"1": [{"id": "555", "type": 0, "name": "general"}]}
        self._running = AsyncExitStack()
        self._gateway: Gateway | None = None
        self.secrets = self._known_secrets()

    def _known_secrets(self) -> Mapping[str, str]:
        return {"TOKEN": TOKEN, "ALERTS": f"{self.url}/api/webhooks/600/{HOOK_TOKEN}"}

    async def start(self) -> None:
        await super().start()
        self.secrets = self._known_secrets()
        self._gateway = await self._running.enter_async_context(running_gateway())
        self._discord.gets[f"{API}/gateway"] = said({"url": self._gateway.url})

    async def stop(self) -> None:
        await self._running.aclose()
        await super().stop()

    def settings(self) -> Mapping[str, object]:
        webhooks = {"alerts": {"env": "ALERTS"}}
        return {"token": {"env": "TOKEN"}, "base_url": f"{self.url}{API}", "webhooks": webhooks}

    def settings_for_receiving(self) -> Mapping[str, object]:
        return {**self.settings(), "receive": "gateway"}

    @property
    def open_connections(self) -> int:
        return self.server.open_connections + (self._gateway.open_now if self._gateway else 0)

    def sends(self, head: Seen) -> bool:
        return head.method == "POST" and not head.path.endswith("/@me/channels")

    def read(self, request: Seen) -> Shown:
        sent = read(request)
        message = sent.message.get("message", sent.message)
        flags = message["flags"]
        return Shown(
            target=_place(request),
            text=message.get("content", ""),
            files=tuple(sent.files),
            manner=Manner(
                silent=bool(flags & 4096),
                bare_links=bool(flags & 4),
                mentions=bool(message["allowed_mentions"]["parse"]),
                reply_to=str(message.get("message_reference", {}).get("message_id", "")),
            ),
            key=message.get("nonce", ""),
        )

    def accept(self, request: Seen, number: int) -> Reply:
        del number
        return self.other(request)

    def other(self, request: Seen) -> Reply:
        told = self._discord.answer(request)
        assert isinstance(told, Reply)
        return told

    async def inject(self, text: str, *, by_us: bool = False) -> None:
        assert self._gateway is not None
        async with asyncio.timeout(5):
            await self._gateway.known.wait()
        await self._gateway.tell("MESSAGE_CREATE", written(content=text, author=BOT if by_us else ANN))


def _place(request: Seen) -> str:
    parts = urlsplit(request.path)
    match parts.path.removeprefix(API).strip("/").split("/"):
        case ["channels", ident, "threads"]:
            return f"discord:forum:{ident}"
        case ["channels", ident, _]:
            return f"discord:user:{ident[1:]}" if ident.startswith("8") else f"discord:channel:{ident}"
        case _:
            thread = read(request).query.get("thread_id")
            return f"discord:webhook:alerts:thread:{thread[0]}" if thread else "discord:webhook:alerts"


class TestDiscord(ChannelConformance):
    refused = (
        "discord:general",
        "discord:@everyone",
        "discord:<@&5>",
        "discord:channel:general",
        "discord:group:5",
        "discord:https://discord.com/api/webhooks/600/x",
        "discord:user:5:thread:7",
    )
    sdk = ("discord", "aiohttp")

    def channel(self) -> Channel:
        return DiscordChannel()

    def provider(self) -> FakeProvider:
        return Server()
