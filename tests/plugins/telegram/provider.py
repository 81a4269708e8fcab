"""A Telegram on 127.0.0.1: it reads what the real library sends, remembers it, and answers as told."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any, cast
from urllib.parse import parse_qsl

from tests.loopback import LoopbackServer, Reply, Seen

from stentor.testing.loopback import Later, Told

TOKEN = "4711:AAF-sEcReT_of_the_bot"
BOT = {"id": 4711, "is_bot": True, "first_name": "Stentor", "username": "stentor_bot"}
HIDDEN_CHAT = -1009000000001
DATE = 1_805_000_000


@dataclass(frozen=True)
class Call:
    """One call of a method: its fields, and its files by their names."""

    method: str
    fields: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    kinds: dict[str, str] = field(default_factory=dict[str, str])

    def json(self, name: str) -> Any:
        return json.loads(self.fields[name])


def read_call(seen: Seen) -> Call:
    method = seen.path.rpartition("/")[2]
    kind = seen.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return Call(method, dict(parse_qsl(seen.body.decode(), keep_blank_values=True)))
    call = Call(method, {})
    whole = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + seen.body)
    for piece in cast("list[Message]", whole.get_payload()):
        name = str(piece.get_param("name", header="content-disposition"))
        content = cast("bytes", piece.get_payload(decode=True))
        if piece.get_filename() is None:
            call.fields[name] = content.decode()
        else:
            call.files[str(piece.get_filename())] = content
            call.kinds[str(piece.get_filename())] = piece.get_content_type()
    return call


def success(result: object) -> Reply:
    return answer(200, {"ok": True, "result": result})


def refusal(status: int, description: str, **parameters: object) -> Reply:
    said: dict[str, object] = {"ok": False, "error_code": status, "description": description}
    return answer(status, said | ({"parameters": parameters} if parameters else {}))


def answer(status: int, said: object) -> Reply:
    return Reply(status, json.dumps(said).encode(), {"Content-Type": "application/json"})


def chat_of(call: Call) -> dict[str, object]:
    """The chat that a call is about."""
    asked = call.fields["chat_id"]
    if asked.startswith("@"):
        return {"id": HIDDEN_CHAT, "type": "channel", "title": "News", "username": asked[1:]}
    if asked.startswith("-"):
        return {"id": int(asked), "type": "supergroup", "title": "Team"}
    return {"id": int(asked), "type": "private", "first_name": "Ann"}


def message(call: Call, number: int, **other: object) -> dict[str, object]:
    """The message that a call has made."""
    made: dict[str, object] = {"message_id": number, "date": DATE, "chat": chat_of(call), "text": "…"}
    if "message_thread_id" in call.fields:
        made |= {"message_thread_id": int(call.fields["message_thread_id"]), "is_topic_message": True}
    if "direct_messages_topic_id" in call.fields:
        made["direct_messages_topic"] = {"topic_id": int(call.fields["direct_messages_topic_id"])}
    return made | other


def sent(call: Call, number: int) -> object:
    """The result of a call that sends."""
    if call.method == "sendMediaGroup":
        return [message(call, number + place) for place in range(len(call.json("media")))]
    return message(call, number)


def other_result(call: Call) -> object:
    """The result of a call that sends nothing."""
    match call.method:
        case "getMe":
            return BOT
        case "getChat":
            return chat_of(call) | {
                "accent_color_id": 0,
                "max_reaction_count": 11,
                "accepted_gift_types": GIFTS,
            }
        case _:
            return True


GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"),
    False,
)


_AS_TELEGRAM_DOES = Reply()


class TelegramServer(LoopbackServer):
    """Takes every message, unless `plan` or `otherwise` says what comes instead."""

    def __init__(self) -> None:
        super().__init__(_AS_TELEGRAM_DOES)
        self.updates: list[Mapping[str, object]] = []
        self._waiting: list[asyncio.Event] = []
        self._released: asyncio.Event | None = None
        self._held = 0

    @property
    def root(self) -> str:
        return self.url("")

    @property
    def calls(self) -> list[Call]:
        return [read_call(seen) for seen in self.seen]

    @property
    def last(self) -> Call:
        return self.calls[-1]

    @property
    def methods(self) -> list[str]:
        return [call.method for call in self.calls]

    def answer(self, seen: Seen) -> Told | Later:
        self._tell()
        told = super().answer(seen)
        if told is not _AS_TELEGRAM_DOES:
            return told
        call = read_call(seen)
        if call.method.startswith("send"):
            taken = success(sent(call, 776 + len(self.seen)))
            return taken if self._released is None else self._when(self._released, taken)
        if call.method == "getUpdates":
            return self._updates(int(call.fields.get("offset", "0")))
        return success(other_result(call))

    def hold(self) -> None:
        """Answer no message before `release`."""
        self._released, self._held = asyncio.Event(), 0

    def release(self) -> None:
        assert self._released is not None
        self._released.set()
        self._released = None

    async def holding(self, count: int) -> None:
        """Return when so many messages wait for their answer."""
        await self.until(lambda: self._held >= count)

    async def until(self, look: Callable[[], object]) -> None:
        """Return when `look` finds what it looks for; it looks whenever something has happened."""
        while not look():
            happened = asyncio.Event()
            self._waiting.append(happened)
            await happened.wait()

    def write(self, *updates: Mapping[str, object]) -> None:
        """People write."""
        self.updates += updates
        self._tell()

    def _tell(self) -> None:
        for happened in self._waiting:
            happened.set()
        self._waiting.clear()

    async def _when(self, event: asyncio.Event, told: Told) -> Told:
        self._held += 1
        self._tell()
        await event.wait()
        return told

    async def _updates(self, offset: int) -> Told:
        """A long poll, as short as tests want it."""

        def new() -> list[Mapping[str, object]]:
            return [update for update in self.updates if cast("int", update["update_id"]) >= offset]

        await self.until(new)
        return success(new())
