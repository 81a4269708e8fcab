"""The Telegram channel keeps the rules of channels, against a Telegram that speaks in Telegram's own words."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from tests.plugins.telegram.provider import (
    BOT,
    DATE,
    TOKEN,
    Call,
    other_result,
    read_call,
    refusal,
    sent,
    success,
)
from tests.plugins.telegram.updates import ANN, written

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
from stentor.testing.loopback import Later, Reply, Seen, Told
from stentor_telegram import TelegramChannel

_CHAT = "-1001234567890"
_ELSEWHERE = {"message_id": 5, "date": DATE, "chat": {"id": -1009, "type": "supergroup"}}


class BotApi(HttpProvider):
    """The Bot API, as far as the rules ask for it."""

    throttle_scope = "target"
    targets = (
        f"telegram:{_CHAT}:topic:42",
        f"telegram:{_CHAT}",
        "telegram:123456789",
        "telegram:@news",
        f"telegram:{_CHAT}:direct-topic:5",
    )
    secrets: Mapping[str, str] = {"TELEGRAM_BOT_TOKEN": TOKEN}
    answers: Mapping[Behaviour, Reply | None] = {
        Behaviour.SERVER_ERROR: refusal(500, "Internal Server Error"),
        Behaviour.THROTTLE: refusal(
            429, f"Too Many Requests: retry after {QUIET_SECONDS}", retry_after=QUIET_SECONDS
        ),
        Behaviour.UNAUTHORISED: refusal(401, "Unauthorized"),
        Behaviour.NO_SUCH_TARGET: refusal(400, "Bad Request: chat not found"),
        Behaviour.BLOCKED: refusal(403, "Forbidden: bot was blocked by the user"),
        Behaviour.BAD_FORMAT: refusal(400, "Bad Request: can't parse entities: unsupported offset"),
        Behaviour.TOO_LARGE: refusal(400, "Bad Request: message is too long"),
        Behaviour.UNKNOWN_ERROR: refusal(400, "Bad Request: TROUBLE_OF_NEXT_YEAR"),
        Behaviour.NO_ID: success({name: value for name, value in _ELSEWHERE.items() if name != "message_id"}),
        Behaviour.ELSEWHERE: success(_ELSEWHERE),
        Behaviour.MOVED: refusal(400, "Bad Request: group upgraded", migrate_to_chat_id=-1009000000002),
    }

    def __init__(self) -> None:
        super().__init__()
        self._updates: list[dict[str, Any]] = []
        self._written = asyncio.Event()
        self._taken: list[str] = []

    def settings(self) -> Mapping[str, object]:
        return {"token": {"env": "TELEGRAM_BOT_TOKEN"}, "base_url": self.url}

    def settings_for_receiving(self) -> Mapping[str, object]:
        return {**self.settings(), "receive": "polling"}

    def sends(self, head: Seen) -> bool:
        return "/send" in head.path

    def read(self, request: Seen) -> Shown:
        call = read_call(request)
        text = call.fields.get("text", call.fields.get("caption", ""))
        if call.method == "sendMediaGroup":
            text = str(call.json("media")[0].get("caption", ""))
        return Shown(_target(call), text, files=tuple(call.files), manner=_manner(call))

    def accept(self, request: Seen, number: int) -> Reply:
        return success(sent(read_call(request), number))

    def other(self, request: Seen) -> Told | Later:
        call = read_call(request)
        if call.method == "getUpdates":
            return self._poll(int(call.fields.get("offset", "0")))
        return success(other_result(call))

    async def inject(self, text: str, *, by_us: bool = False) -> None:
        self._updates.append(written(len(self._updates) + 1, text, **{"from": BOT if by_us else ANN}))
        self._written.set()

    @property
    def acknowledged(self) -> Sequence[str]:
        return self._taken

    async def _poll(self, offset: int) -> Told:
        self._taken = [_text(update) for update in self._updates if update["update_id"] < offset]
        while not (new := [update for update in self._updates if update["update_id"] >= offset]):
            self._written.clear()
            await self._written.wait()
        return success(new)


def _text(update: Mapping[str, Any]) -> str:
    return cast("str", update["message"]["text"])


def _target(call: Call) -> str:
    target = f"telegram:{call.fields['chat_id']}"
    if "message_thread_id" in call.fields:
        return f"{target}:topic:{call.fields['message_thread_id']}"
    if "direct_messages_topic_id" in call.fields:
        return f"{target}:direct-topic:{call.fields['direct_messages_topic_id']}"
    return target


def _manner(call: Call) -> Manner:
    previews = json.loads(call.fields.get("link_preview_options", "{}"))
    answered = json.loads(call.fields.get("reply_parameters", "{}"))
    return Manner(
        silent=call.fields.get("disable_notification") == "true",
        bare_links=bool(previews.get("is_disabled")),
        reply_to=str(answered.get("message_id", "")),
    )


class TestTelegram(ChannelConformance):
    refused = (
        "telegram:general",
        "telegram:@ab",
        "telegram:+491511234567",
        "telegram:t.me/+AbCdEf",
        "telegram:t.me/c/1234567890/42",
        "tg://resolve?domain=name",
        "telegram:-1001234567890:topic:0",
        "telegram:group:123",
        "telegram:user:123",
        "/etc/passwd",
    )
    sdk = ("telegram", "httpx")

    def channel(self) -> Channel:
        return TelegramChannel()

    def provider(self) -> FakeProvider:
        return BotApi()
