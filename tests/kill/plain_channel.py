"""A stranger's channel whose provider takes every request for a new message."""

import asyncio
import json
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException
from typing import ClassVar, cast

from stentor import (
    Account,
    AccountSettings,
    Ambiguous,
    Channel,
    ChannelContext,
    Connection,
    Example,
    InvalidTarget,
    Limits,
    NotSent,
    Part,
    Receipt,
    Target,
    TargetHints,
    Traits,
    hookimpl,
)

_SECONDS = 10


class PlainSettings(AccountSettings):
    port: int


class PlainConnection(Connection):
    def __init__(self, port: int) -> None:
        self._port = port

    async def send(self, part: Part) -> Receipt:
        return await asyncio.to_thread(self._post, part)

    def _post(self, part: Part) -> Receipt:
        provider = HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        try:
            provider.connect()
        except OSError as error:
            raise NotSent(f"no connection: {error}") from error
        try:
            provider.request(
                "POST", f"/plain/{part.target.id}", json.dumps({"part": part.id, "text": part.text})
            )
            answer = json.loads(provider.getresponse().read())
        except (OSError, HTTPException, ValueError) as error:
            raise Ambiguous(f"no answer: {error}") from error
        finally:
            provider.close()
        return Receipt(part.target, answer["id"])


class PlainChannel(Channel):
    name = "plain"
    prefixes = ("plain",)
    limits = Limits(text=100)
    traits = Traits(idempotency="none")
    settings: ClassVar[type[AccountSettings]] = PlainSettings
    examples = (Example("plain:room1", "plain:room1"),)

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        room = self.body(text)
        if not room.isalnum() or hints.thread is not None:
            raise InvalidTarget(f"{text!r} is not a room", hint="write plain:room1")
        return Target(self.name, "room", room, room)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        return PlainConnection(cast("PlainSettings", account.settings).port)


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield PlainChannel()
