"""The Slack channel keeps the rules of channels."""

import asyncio
import json
from collections.abc import Mapping, Sequence

from aiohttp import web
from tests.loopback import Reply, Seen
from tests.plugins.slack.provider import (
    APP_TOKEN,
    BOT,
    HOOK_PATH,
    TOKEN,
    FakeSlack,
    answer,
    arguments_of,
    error,
    method_of,
    ok,
)
from tests.plugins.slack.samples import TS
from tests.plugins.slack.socket_mode import SocketMode

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
from stentor_slack import SlackChannel

SENDING = ("chat.postMessage", "files.completeUploadExternal", "hook")


class Workspace(HttpProvider):
    """A workspace with a channel, a person, and an incoming webhook."""

    targets = (
        "slack:C0123456789",
        f"slack:C0123456789:thread:{TS}",
        "slack:user:U0123456789",
        "slack:webhook:alerts",
    )
    names: Mapping[str, str] = {"#general": "slack:C0123456789", "@bob": "slack:user:U0123456789"}
    throttle_scope = "target"
    answers: Mapping[Behaviour, Reply | None] = {
        Behaviour.SERVER_ERROR: answer({"ok": False, "error": "internal_error"}, 500),
        Behaviour.THROTTLE: answer(
            {"ok": False, "error": "ratelimited"}, 429, Retry_After=str(QUIET_SECONDS)
        ),
        Behaviour.UNAUTHORISED: error("invalid_auth"),
        Behaviour.NO_SUCH_TARGET: error("channel_not_found"),
        Behaviour.BLOCKED: error("messages_tab_disabled"),
        Behaviour.BAD_FORMAT: error("invalid_blocks"),
        Behaviour.TOO_LARGE: error("msg_too_long"),
        Behaviour.UNKNOWN_ERROR: error("a_code_of_next_year"),
        Behaviour.NO_ID: ok(channel="C0123456789"),
        Behaviour.ELSEWHERE: ok(channel="C9999999999", ts=TS),
        Behaviour.MOVED: None,
    }

    def __init__(self) -> None:
        super().__init__()
        # It answers what is no message; what people see is kept here.
        self._slack = FakeSlack()
        self._slack.channels = [{"id": "C0123456789", "name": "general"}]
        self._slack.members = [{"id": "U0123456789", "name": "bob"}]
        self._mode = SocketMode()
        self._socket: web.WebSocketResponse | None = None
        self._injected: dict[str, str] = {}

        self.secrets = {"TOKEN": TOKEN, "APP_TOKEN": APP_TOKEN}

    async def start(self) -> None:
        await super().start()
        self.secrets = {**self.secrets, "ALERTS": self.server.url(HOOK_PATH)}
        await self._mode.__aenter__()
        self._slack.port = self.server.port

    async def stop(self) -> None:
        await self._mode.__aexit__()
        await super().stop()

    def settings(self) -> Mapping[str, object]:
        webhooks = {"alerts": {"env": "ALERTS"}}
        return {"token": {"env": "TOKEN"}, "base_url": self.server.url("/api/"), "webhooks": webhooks}

    def settings_for_receiving(self) -> Mapping[str, object]:
        return {**self.settings(), "app_token": {"env": "APP_TOKEN"}, "receive": "socket"}

    @property
    def open_connections(self) -> int:
        return self.server.open_connections + self._mode.open_now

    def sends(self, head: Seen) -> bool:
        return method_of(head) in SENDING

    def read(self, request: Seen) -> Shown:
        given = arguments_of(request)
        if method_of(request) == "hook":
            return Shown("slack:webhook:alerts", given["text"])
        channel, thread = given.get("channel") or given["channel_id"], given.get("thread_ts")
        place = "user:U" + channel[1:] if channel.startswith("D") else channel
        return Shown(
            target=f"slack:{place}" + (f":thread:{thread}" if thread else ""),
            text=given.get("text") or given.get("initial_comment", ""),
            files=tuple(file["title"] for file in json.loads(given.get("files", "[]"))),
            manner=Manner(
                bare_links=given.get("unfurl_links") is False, broadcast=given.get("reply_broadcast") is True
            ),
        )

    def accept(self, request: Seen, number: int) -> Reply:
        told = self._slack.usual(request)
        assert isinstance(told, Reply)
        return told

    def other(self, request: Seen) -> Reply:
        if method_of(request) == "apps.connections.open":
            return ok(url=self._mode.url)
        if method_of(request) in ("conversations.history", "conversations.replies"):
            self._catch_up()
        return self.accept(request, 0)

    def _catch_up(self) -> None:
        """What was taken without being answered is in the history too."""
        known = [message.get("metadata") for message in self._slack.messages]
        for seen in self.server.seen:
            if method_of(seen) == "chat.postMessage" and arguments_of(seen).get("metadata") not in known:
                self._slack.usual(seen)

    async def inject(self, text: str, *, by_us: bool = False) -> None:
        if self._socket is None:
            self._socket = await asyncio.wait_for(self._mode.opened.get(), 5)
        ts = f"1795225318.{len(self._injected):06}"
        event = {
            "type": "message",
            "channel": "C0123456789",
            "channel_type": "channel",
            "ts": ts,
            "text": text,
        }
        envelope = await self._mode.bring(self._socket, user=BOT if by_us else "U0123456789", **event)
        self._injected[envelope] = text

    @property
    def acknowledged(self) -> Sequence[str]:
        return [self._injected[envelope] for envelope in self._mode.confirmed if envelope in self._injected]


class TestSlack(ChannelConformance):
    refused = (
        "slack:general",
        "slack:team:T1:channel:C1",
        "slack:@here",
        "slack:<!channel>",
        "slack:C1:thread:5",
    )
    sdk = ("slack_sdk", "aiohttp")

    def channel(self) -> Channel:
        return SlackChannel()

    def provider(self) -> FakeProvider:
        return Workspace()
