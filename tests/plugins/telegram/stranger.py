"""A Telegram that nobody here has written: the npm package `telegram-test-api`, on 127.0.0.1."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.request import Request, urlopen

from tests.loopback import LoopbackServer, Reply, Seen
from tests.node import running

from stentor.testing.loopback import Later, Told

PACKAGE = "telegram-test-api@4.2.1"
_PROGRAM = Path(__file__).parent / "peer" / "server.js"


@contextmanager
def stranger() -> Iterator[str]:
    """The address of a running one."""
    with running(PACKAGE, lambda _, port: [_PROGRAM, str(port)], ready="ready") as address:
        yield address


def ask(url: str, document: object) -> Any:
    """Post JSON, read JSON."""
    return _posted(url, json.dumps(document).encode(), "application/json")


def _posted(url: str, body: bytes, kind: str) -> Any:
    with urlopen(Request(url, data=body, headers={"Content-Type": kind}), timeout=10) as answer:
        return json.loads(answer.read())


class Interpreter(LoopbackServer):
    """Stands before the stranger and mends what no Telegram would say; what is asked goes on as it is.

    It gives dates in milliseconds, takes numbers and JSON that come in a form for text, and its bot is no bot.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def answer(self, seen: Seen) -> Told | Later:
        return self._passed_on(seen)

    async def _passed_on(self, seen: Seen) -> Told:
        kind = seen.headers.get("content-type", "application/json")
        said = await asyncio.to_thread(_posted, self._address + seen.path, seen.body or b"{}", kind)
        return Reply(200, json.dumps({"ok": said["ok"], "result": _mended(said["result"])}).encode())


def _mended(result: object) -> object:
    if not isinstance(result, dict):
        return result
    fields = cast("dict[str, object]", result)
    if "username" in fields:
        return {**fields, "is_bot": True}
    if "date" not in fields:
        return fields
    found = {name: fields[name] for name in ("message_id", "chat", "text")} | {"date": 1_805_000_000}
    if "message_thread_id" in fields:
        found |= {"message_thread_id": int(str(fields["message_thread_id"])), "is_topic_message": True}
    return found
