"""What people write, as the inbox takes it. Pure, but for remembering what came already."""

import re
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime

from stentor.contract.inbox import Incoming
from stentor_slack.answers import mapping, mappings, text
from stentor_slack.format import unescaped
from stentor_slack.targets import conversation

# Other subtypes tell of edits, joins and the like, and of what bots say.
_WRITTEN = frozenset({"", "file_share", "me_message", "thread_broadcast"})
_TS = re.compile(r"[0-9]{1,10}\.[0-9]{6}")
_ID = re.compile(r"[CGD][A-Z0-9]+")
_REMEMBERED = 1000


class Reader:
    """Reads events for one bot. A message that names it comes twice, as a message and as a mention."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._read: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)

    def incoming(self, payload: Mapping[str, object]) -> Incoming | None:
        """The message that an event brings; None where it brings none that is new and from a person."""
        event = mapping(payload.get("event"))
        channel, ts, sender = (text(event.get(key)) for key in ("channel", "ts", "user"))
        if not _ID.fullmatch(channel) or not _TS.fullmatch(ts) or not self._by_a_person(event, sender):
            return None
        if (channel, ts) in self._read:
            return None
        thread = text(event.get("thread_ts"))
        thread = thread if _TS.fullmatch(thread) else ""
        direct = event.get("channel_type") == "im" or channel.startswith("D")
        return Incoming(
            target=conversation(channel, thread or None),
            message_id=ts,
            sender=sender,
            text=unescaped(text(event.get("text"))),
            at=datetime.fromtimestamp(float(ts), UTC),
            sender_name=_name(mapping(event.get("user_profile"))),
            direct=direct,
            addressed=not direct and self._addressed(event),
            reply_to=thread if thread != ts else "",
            files=tuple(text(file.get("name")) for file in mappings(event.get("files"))),
        )

    def keep(self, message: Incoming) -> None:
        """Remember a message that was taken in."""
        self._read.append((message.target.id, message.message_id))

    def _by_a_person(self, event: Mapping[str, object], sender: str) -> bool:
        kind, subtype = event.get("type"), text(event.get("subtype"))
        own_or_bot = sender in ("", self._me, "USLACKBOT") or bool(event.get("bot_id"))
        return kind in ("message", "app_mention") and subtype in _WRITTEN and not own_or_bot

    def _addressed(self, event: Mapping[str, object]) -> bool:
        named = f"<@{self._me}" in text(event.get("text"))
        return named or event.get("type") == "app_mention" or event.get("parent_user_id") == self._me


def _name(profile: Mapping[str, object]) -> str:
    return text(profile.get("display_name")) or text(profile.get("real_name"))
