"""A Slack on 127.0.0.1, as far as the channel talks to one. It counts, records, and misbehaves as told."""

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tests.loopback import Drop, Hang, LoopbackServer, Reply, Reset, Seen

TOKEN = "xoxb-4711-verysecret"
APP_TOKEN = "xapp-1-verysecret"
HOOK_PATH = "/services/T0SECRET/B0SECRET/hooksecret"
BOT = "U0BOT00001"
Told = Reply | Drop | Hang | Reset


def answer(body: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=utf-8", **named}
    )


def ok(**more: object) -> Reply:
    return answer({"ok": True, **more})


def error(code: str, **more: object) -> Reply:
    return answer({"ok": False, "error": code, **more})


def plain(text: str, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, text.encode(), {"Content-Type": "text/html", **named})


class FakeSlack(LoopbackServer):
    """Keeps what is posted. `told[method]` is what the next calls get instead of the usual answer."""

    def __init__(self) -> None:
        super().__init__()
        self.told: defaultdict[str, deque[Told]] = defaultdict(deque)
        self.always: dict[str, Told] = {}
        self.messages: list[dict[str, Any]] = []
        self.channels: list[dict[str, Any]] = []
        self.members: list[dict[str, Any]] = []
        self.shared: dict[str, list[str]] = {}
        self.page = 100
        self._count = 0

    @property
    def base_url(self) -> str:
        return self.url("/api/")

    @property
    def hook_url(self) -> str:
        return self.url(HOOK_PATH)

    def calls(self, method: str) -> list[dict[str, Any]]:
        """The arguments of each call of a method that has come as a whole."""
        return [arguments_of(seen) for seen in self.seen if method_of(seen) == method]

    def methods(self) -> list[str]:
        return [method_of(seen) for seen in self.seen]

    def cuts(self, head: Seen) -> bool:
        told = self.told[method_of(head)]
        if not (told and isinstance(told[0], Reset)):
            return False
        told.popleft()
        return True

    def answer(self, seen: Seen) -> Told:
        method = method_of(seen)
        if self.told[method]:
            told = self.told[method].popleft()
            # What is cut off after it was read has happened.
            if isinstance(told, Drop):
                self.usual(seen)
            return told
        return self.always.get(method) or self.usual(seen)

    def usual(self, seen: Seen) -> Told:
        """The answer of a Slack that is well."""
        arguments = arguments_of(seen)
        match method_of(seen):
            case "auth.test":
                return ok(user="stentor", team="Acme", user_id=BOT, bot_id="B0BOT00001")
            case "chat.postMessage":
                return self._posted(arguments)
            case "conversations.open":
                return ok(channel={"id": f"D{arguments['users'][1:]}"})
            case "conversations.list":
                return self._page("channels", self.channels, arguments)
            case "users.list":
                return self._page("members", self.members, arguments)
            case "conversations.history" | "conversations.replies":
                return self._page("messages", self._read(arguments), arguments)
            case "files.getUploadURLExternal":
                self._count += 1
                return ok(file_id=f"F{self._count:04}", upload_url=self.url(f"/upload/v1/{self._count}"))
            case "upload":
                return plain("OK")
            case "files.completeUploadExternal":
                files = json.loads(arguments["files"])
                for file in files:
                    self.shared.setdefault(file["id"], []).append(arguments["channel_id"])
                return ok(files=files)
            case "files.info":
                channels = self.shared.get(arguments["file"], [])
                return ok(file={"id": arguments["file"], "channels": channels})
            case "hook":
                self.messages.append({"channel": "hook", **arguments})
                return plain("ok")
            case _:
                return error("unknown_method")

    def _posted(self, arguments: dict[str, Any]) -> Reply:
        self._count += 1
        message = {"ts": f"1805036970.{self._count:06}", "user": BOT, **arguments}
        self.messages.append(message)
        return ok(channel=message["channel"], ts=message["ts"], message=message)

    def _read(self, arguments: Mapping[str, str]) -> list[dict[str, Any]]:
        """History, the newest first; replies, the oldest first."""
        thread = arguments.get("ts")
        found = [
            message
            for message in self.messages
            if message["channel"] == arguments["channel"]
            and message.get("thread_ts") == thread
            and float(message["ts"]) >= float(arguments["oldest"])
        ]
        return found if thread else found[::-1]

    def _page(self, key: str, items: list[dict[str, Any]], arguments: Mapping[str, str]) -> Reply:
        start = int(arguments.get("cursor", "0"))
        end = start + self.page
        cursor = str(end) if end < len(items) else ""
        page = {key: items[start:end], "response_metadata": {"next_cursor": cursor}}
        return ok(**page, has_more=bool(cursor))


def method_of(seen: Seen) -> str:
    path = seen.path.partition("?")[0]
    if path.startswith("/upload/"):
        return "upload"
    return "hook" if path == HOOK_PATH else path.removeprefix("/api/")


def arguments_of(seen: Seen) -> dict[str, Any]:
    if seen.headers.get("content-type", "").startswith("application/json"):
        return dict(json.loads(seen.body))
    if seen.headers.get("content-type", "") == "application/octet-stream":
        return {"bytes": seen.body}
    return dict(parse_qsl(seen.body.decode()))
