"""What people write to the account, as the child has kept it until it is taken."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from stentor import InvalidTarget
from stentor.contract.inbox import Inbox, Incoming
from stentor_whatsapp.targets import PHONES, of_jid
from stentor_whatsapp.wire import Facts, text, texts, whole

_END_OF_TIME_MS = 253_402_300_799_000
# More than this wait with the child.
_MOST_WAITING = 1000


def incoming(facts: Facts) -> Incoming | None:
    """The message that an event tells of; None for one that makes no sense."""
    sender, chat = text(facts.get("sender")), text(facts.get("chat"))
    message_id, at_ms = text(facts.get("message_id")), whole(facts.get("at"))
    try:
        target = of_jid(chat)
        by = _person(text(facts.get("sender_pn"))) or _person(sender)
    except InvalidTarget:
        return None
    if not message_id or not by or not 0 <= at_ms <= _END_OF_TIME_MS:
        return None
    return Incoming(
        target=target,
        message_id=message_id,
        sender=by,
        text=text(facts.get("text")),
        at=datetime.fromtimestamp(at_ms / 1000, UTC),
        sender_name=text(facts.get("sender_name")),
        direct=facts.get("direct") is True,
        addressed=facts.get("addressed") is True,
        reply_to=text(facts.get("reply_to")),
        files=tuple(texts(facts.get("files"))),
    )


def _person(jid: str) -> str:
    """A phone number in E.164 where it is known, else the hidden one's id."""
    return of_jid(jid if "@" in jid else f"{jid.removeprefix('+')}@{PHONES}").id if jid else ""


class Reception:
    """What has come in and was not handed in yet, in order. Until somebody takes it, it stays with the child as well."""

    def __init__(self, confirm: Callable[[str], Awaitable[None]]) -> None:
        self._confirm = confirm
        self._waiting: dict[str, Facts] = {}
        self._news = asyncio.Event()

    def hear(self, facts: Facts) -> None:
        """A message came in, perhaps not for the first time."""
        message_id = text(facts.get("message_id"))
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.setdefault(message_id, facts)
            self._news.set()

    async def hand_in(self, inbox: Inbox) -> None:
        """Until cancelled."""
        while True:
            while self._waiting:
                message_id, facts = next(iter(self._waiting.items()))
                message = incoming(facts)
                if message is not None:
                    await inbox.put(message)
                self._waiting.pop(message_id, None)
                await self._confirm(message_id)
            self._news.clear()
            await self._news.wait()
