"""What people write to the account, as the child has kept it until it is taken."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from stentor import InvalidTarget
from stentor.contract.inbox import Inbox, Incoming
from stentor_whatsapp.targets import PHONES, of_jid
from stentor_whatsapp.wire import Facts, text, texts, whole

log = logging.getLogger(__name__)
_END_OF_TIME_MS = 253_402_300_799_000
# More than this wait with the child.
_MOST_WAITING = 1000
# The core takes no more, and refuses the whole message. Whoever writes it decides what is in it.
_LONGEST_NAME, _MOST_FILES = 1_000, 100
_UNSTORABLE = re.compile(r"[\ud800-\udfff\x00]")


def incoming(facts: Facts) -> Incoming | None:
    """The message that an event tells of; None for one that makes no sense."""
    sender, chat = text(facts.get("sender")), text(facts.get("chat"))
    message_id, at_ms = _name(facts.get("message_id")), whole(facts.get("at"))
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
        reply_to=_name(facts.get("reply_to")),
        files=tuple(texts(facts.get("files"))[:_MOST_FILES]),
    )


def _name(given: object) -> str:
    """A word that stands for something, none where it cannot be kept: cut, it would stand for something else."""
    name = text(given)
    return "" if len(name) > _LONGEST_NAME or _UNSTORABLE.search(name) else name


def _person(jid: str) -> str:
    """A phone number in E.164 where it is known, else the hidden one's id."""
    return of_jid(jid if "@" in jid else f"{jid.removeprefix('+')}@{PHONES}").id if jid else ""


class Reception:
    """What has come in and was not handed in yet, in order. Until somebody takes it, it stays with the child as well.

    `tell_again` has the child tell of everything that it keeps.
    """

    def __init__(
        self, confirm: Callable[[str], Awaitable[None]], tell_again: Callable[[], Awaitable[None]]
    ) -> None:
        self._confirm = confirm
        self._tell_again = tell_again
        self._left_with_the_child = False
        self._waiting: dict[str, Facts] = {}
        self._news = asyncio.Event()

    def hear(self, facts: Facts) -> None:
        """A message came in, perhaps not for the first time."""
        message_id = text(facts.get("message_id"))
        if message_id in self._waiting:
            return
        if len(self._waiting) < _MOST_WAITING:
            self._waiting[message_id] = facts
        else:
            self._left_with_the_child = True
        self._news.set()

    async def hand_in(self, inbox: Inbox) -> None:
        """Until cancelled."""
        while True:
            self._news.clear()
            while self._waiting:
                message_id, facts = next(iter(self._waiting.items()))
                await _put(facts, inbox)
                self._waiting.pop(message_id, None)
                await self._confirm(message_id)
            if self._left_with_the_child:
                self._left_with_the_child = False
                await self._tell_again()
            await self._news.wait()


async def _put(facts: Facts, inbox: Inbox) -> None:
    """One message that nobody can take does not keep the others from coming in."""
    message = incoming(facts)
    try:
        if message is not None:
            await inbox.put(message)
    except OSError:
        # Not the message's fault: it is handed in again.
        raise
    except Exception as error:  # noqa: BLE001 - the inbox waits for its store by itself, so this is about the message
        log.warning("a message that came in is left out: it was refused with %s", type(error).__name__)
