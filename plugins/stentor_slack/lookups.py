"""What Slack is asked about: the ids behind names, and whether a message has arrived."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from stentor import InvalidTarget, NotSent, Rejected, Target, Throttled
from stentor_slack.answers import mapping, mappings, text

# The event type of the metadata that our messages carry.
EVENT = "stentor_part"
_LISTED = 1000
_READ = 200


class Call(Protocol):
    """One call of a method that shows nobody anything."""

    async def __call__(self, method: str, arguments: Mapping[str, object]) -> Mapping[str, object]: ...


class Lookups:
    """Asks Slack, to the last page where that is what an answer takes."""

    def __init__(self, call: Call) -> None:
        self._call = call
        # Where the looks for parts were cut short: the pages before that are read.
        self._left_off: dict[str, str] = {}

    async def id_of(self, name: Target) -> str:
        """The only id behind `#name` or `@name`; several or none is an `InvalidTarget`."""
        if name.kind == "user":
            found = await self._matching("users.list", {}, "members", name.id)
        else:
            arguments = {"types": "public_channel,private_channel", "exclude_archived": True}
            found = await self._matching("conversations.list", arguments, "channels", name.id)
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidTarget(
                f"{name.id} is the name of {len(found)}", hint=f"write one of {', '.join(found)}"
            )
        if name.kind == "user":
            raise InvalidTarget(f"there is nobody called {name.id}", hint="write the id: slack:user:U…")
        raise InvalidTarget(
            f"there is no channel {name.id} that the app can see",
            hint="in a private channel write /invite @bot first; or write the id: slack:C…",
        )

    async def message_of(self, part_id: str, channel: str, thread: str | None, since: datetime) -> str | None:
        """The ts of the message that carries a part. None only when everything since then was looked at.

        Slack may want quiet between two pages, each time: a look that it cuts short is gone on with by the next one.
        """
        arguments: dict[str, object] = {
            "channel": channel,
            "oldest": f"{since.timestamp():.6f}",
            "include_all_metadata": True,
        }
        method = "conversations.history"
        if thread is not None:
            method, arguments["ts"] = "conversations.replies", thread
        cursor = begun = self._left_off.pop(part_id, "")
        try:
            async with aclosing(self._pages(method, arguments, "messages", _READ, cursor)) as pages:
                async for messages, following in pages:
                    for message in messages:
                        if _carries(message, part_id):
                            return text(message.get("ts")) or None
                    cursor = following
        except Throttled:
            self._left_off[part_id] = cursor
            raise
        except Rejected as error:
            if begun:
                raise NotSent(f"{error}: what was read of it is read anew") from None
            # Nothing can be in a thread that is not there.
            if thread is None or error.reason != "thread_gone":
                raise
        return None

    async def is_shared(self, file: str, channel: str) -> bool:
        """Whether a file is seen in a conversation. It may come to be seen later than Slack says so."""
        answer = mapping((await self._call("files.info", {"file": file})).get("file"))
        shares = [mapping(share) for share in mapping(answer.get("shares")).values()]
        lists = [answer.get(key) for key in ("channels", "groups", "ims")]
        return any(channel in share for share in shares) or any(
            channel in named for named in lists if isinstance(named, list)
        )

    async def _matching(self, method: str, arguments: Mapping[str, object], key: str, name: str) -> list[str]:
        found: dict[str, None] = {}
        async with aclosing(self._pages(method, arguments, key, _LISTED)) as pages:
            async for items, _ in pages:
                for item in items:
                    if name[1:] in (_channel_names(item) if name[0] == "#" else _person_names(item)):
                        found[text(item.get("id"))] = None
        return [known for known in found if known]

    async def _pages(
        self, method: str, arguments: Mapping[str, object], key: str, limit: int, cursor: str = ""
    ) -> AsyncGenerator[tuple[Sequence[Mapping[str, object]], str], None]:
        """Pages from `cursor` to the last one, each with the cursor of the next."""
        cursors = {"", cursor}
        while True:
            page = await self._call(
                method, {**arguments, "limit": limit, **({"cursor": cursor} if cursor else {})}
            )
            if not isinstance(page.get(key), list):
                raise NotSent(f"Slack's answer to {method} makes no sense")
            cursor = text(mapping(page.get("response_metadata")).get("next_cursor"))
            yield mappings(page[key]), cursor
            if not cursor and not page.get("has_more"):
                return
            if cursor in cursors:
                raise NotSent(f"Slack's answers to {method} have no end")
            cursors.add(cursor)


def _carries(message: Mapping[str, object], part_id: str) -> bool:
    metadata = mapping(message.get("metadata"))
    if metadata.get("event_type") != EVENT:
        return False
    payload = mapping(metadata.get("event_payload"))
    if not payload:
        raise NotSent(
            "Slack keeps the metadata of our messages back, so nobody can tell whether one is among them"
        )
    return payload.get("part") == part_id


def _channel_names(channel: Mapping[str, object]) -> tuple[str, ...]:
    return (text(channel.get("name")), text(channel.get("name_normalized")))


def _person_names(person: Mapping[str, object]) -> set[str]:
    """Names are compared as targets write them: in small letters, with single blanks."""
    if person.get("deleted") is True or person.get("is_bot") is True:
        return set()
    profile = mapping(person.get("profile"))
    names = (person.get("name"), profile.get("display_name"), profile.get("display_name_normalized"))
    return {" ".join(text(name).lower().split()) for name in names}
