"""A Discord on 127.0.0.1 that keeps what it is sent, and misbehaves as told."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import LoopbackServer, Reply, Seen

from stentor.testing.loopback import Told

API = "/api/v10"
TOKEN = "MTIz.bot-token.s3cret"
HOOK_TOKEN = "hook-token-s3cret"
BOT = {"id": "900", "username": "stentor", "discriminator": "0", "avatar": None, "bot": True}
APPLICATION: dict[str, Any] = {
    "id": "900",
    "name": "stentor",
    "icon": None,
    "description": "",
    "bot_public": False,
    "bot_require_code_grant": False,
    "verify_key": "",
    "flags": 0,
    "owner": BOT,
    "team": None,
}


@dataclass
class Sent:
    """What came in one request: the message, and the files by name."""

    path: str
    query: dict[str, list[str]]
    message: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])


class DiscordServer(LoopbackServer):
    """`plan` holds what becomes of the next POSTs, `gets` what becomes of the GETs of a path; else it behaves."""

    def __init__(self) -> None:
        super().__init__()
        self.gets: dict[str, Told] = {}
        self.kept: dict[str, dict[str, Any]] = {}
        self.guilds: dict[str, list[dict[str, Any]]] = {}
        self._ids = iter(range(7001, 8000))

    @property
    def base_url(self) -> str:
        return self.url(API)

    @property
    def hook_url(self) -> str:
        return self.url(f"/api/webhooks/600/{HOOK_TOKEN}")

    @property
    def posts(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.method == "POST"]

    @property
    def sent(self) -> list[Sent]:
        """All that was to become a message, as often as it came."""
        return [read(seen) for seen in self.posts if not urlsplit(seen.path).path.endswith("/@me/channels")]

    def cuts(self, head: Seen) -> bool:
        return head.method == "POST" and super().cuts(head)

    def answer(self, seen: Seen) -> Told:
        path = urlsplit(seen.path).path
        if seen.method == "GET":
            after = parse_qs(urlsplit(seen.path).query).get("after", ["0"])[0]
            return self.gets.get(path) or said(self._got(path, int(after)))
        if self.plan:
            return self.plan.popleft()
        return said(self._posted(path, read(seen)))

    def _got(self, path: str, after: int) -> object:
        match path.removeprefix(API).strip("/").split("/"):
            case ["users", "@me"]:
                return BOT
            case ["oauth2", "applications", "@me"]:
                return APPLICATION
            case ["users", "@me", "guilds"]:
                page = [guild for guild in self.guilds if int(guild) > after][:200]
                return [{"id": guild, "name": f"Server {guild}"} for guild in page]
            case ["guilds", guild, "channels"]:
                return self.guilds[guild]
            case ["api", "webhooks", ident, _]:
                return {"id": ident, "type": 1, "channel_id": "5550"}
            case _:
                raise AssertionError(f"nobody answers GET {path}")

    def _posted(self, path: str, sent: Sent) -> object:
        match path.removeprefix(API).strip("/").split("/"):
            case ["users", "@me", "channels"]:
                return {"id": f"8{sent.message['recipient_id']}", "type": 1}
            case ["channels", channel, "messages"]:
                return self._keep(channel, sent)
            case ["channels", forum, "threads"]:
                first = self._keep("", sent)
                return {
                    "id": first["id"],
                    "parent_id": forum,
                    "type": 11,
                    "message": {**first, "channel_id": first["id"]},
                }
            case ["api", "webhooks", ident, _]:
                return {**self._keep(sent.query.get("thread_id", ["5550"])[0], sent), "webhook_id": ident}
            case _:
                raise AssertionError(f"nobody answers POST {path}")

    def _keep(self, channel: str, sent: Sent) -> dict[str, Any]:
        """Keep a message, or give back the one that has come with that nonce before."""
        nonce = sent.message.get("nonce")
        if nonce in self.kept and sent.message.get("enforce_nonce"):
            return self.kept[nonce]
        kept = {"id": str(next(self._ids)), "channel_id": channel, "nonce": nonce}
        self.kept[nonce or str(len(self.kept))] = kept
        return kept


def said(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer of Discord's."""
    return Reply(
        status,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Via": "1.1 x", **(headers or {})},
    )


def refused(status: int, code: int = 0, message: str = "No", **more: object) -> Reply:
    return said({"message": message, "code": code, **more}, status)


def page(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    """What stands in front of Discord answers in HTML."""
    return Reply(
        status, b"<html><title>Attention</title></html>", {"Content-Type": "text/html", **(headers or {})}
    )


def read(seen: Seen) -> Sent:
    parts = urlsplit(seen.path)
    query = parse_qs(parts.query)
    kind = seen.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return Sent(parts.path, query, json.loads(seen.body or b"{}"))
    boundary = f"--{kind.rpartition('boundary=')[2]}".encode()
    sent = Sent(parts.path, query, {})
    for field_ in seen.body.split(boundary)[1:-1]:
        head, _, content = field_.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(r'filename="((?:\\.|[^"\\])*)"', head.decode())
        if name is None:
            sent.message = json.loads(content)
        else:
            sent.files[re.sub(r"\\(.)", r"\1", name[1])] = content
    return sent
