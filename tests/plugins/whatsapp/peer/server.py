"""The WhatsApp of the tests."""

import os
from itertools import count
from pathlib import Path
from typing import Literal

from pyaileys.signal.repository import SignalError

from .certificates import Authority
from .connection import Connection
from .groups import Group
from .logins import Logins, now
from .media import File
from .messages import UNREADABLE, Message, opened, spoken
from .people import Person, phone_jid
from .questions import Directory
from .stanzas import SERVER, Node, child, children, stanza
from .waiting import Waiting

NUMBER = "6281234500001"
Mode = (
    Literal["ack+delivered+read", "ack+delivered", "ack", "silent", "drop", "receipts_first"]
    | tuple[Literal["error"], int]
)


class WhatsApp(Logins):
    """A server on loopback that real clients take for WhatsApp. The package says how it is used."""

    def __init__(self, authority: Authority, number: str = NUMBER) -> None:
        super().__init__(authority, number)
        self.mode: Mode = "ack+delivered+read"
        self.messages: list[Message] = []
        self.confirmed: list[str] = []
        self._directory = Directory()
        self._waiting = Waiting()
        self._ids = count(1)

    # What a client needs to know

    @property
    def proxy_url(self) -> str:
        return self.door.url

    @property
    def environment(self) -> dict[str, str]:
        return self.authority.environment(os.environ.get("PYTHONPATH", ""))

    async def paired_session(self, path: Path, phone: str = "") -> Path:
        """A session database that has been paired with the owner's phone, ready to log in."""
        from .sessions import paired  # noqa: PLC0415 - it makes a server of its own

        return await paired(self.authority, path, phone or self.phone.number)

    # Whom it knows

    @property
    def unknown_numbers(self) -> set[str]:
        return self._directory.people.unknown_numbers

    @property
    def canonical(self) -> dict[str, str]:
        return self._directory.people.canonical

    @property
    def groups(self) -> dict[str, Group]:
        return self._directory.groups

    def group(self, jid: str, *members: str, subject: str = "Everyone") -> Group:
        """A group with the owner and these numbers in it."""
        self.groups[jid] = Group(jid, subject, list(members))
        return self.groups[jid]

    def lid(self, number: str) -> str:
        return self._directory.people.lid(phone_jid(number))

    # What has come

    async def message(self, number: int = 1) -> Message:
        """The first message, the second, and so on, as soon as it has come."""
        await self._bell.until(lambda: len(self.messages) >= number, f"message {number} from the device")
        return self.messages[number - 1]

    async def readable(self, number: int = 1) -> Message:
        """Like `message`, and it has been decrypted, if need be when it had been asked for again."""
        await self._bell.until(
            lambda: len(self.messages) >= number and self.messages[number - 1].kind != UNREADABLE,
            f"a readable message {number} from the device",
        )
        return self.messages[number - 1]

    @property
    def frames(self) -> int:
        """How often messages came, counting those that came twice."""
        return sum(message.frames for message in self.messages)

    async def has_confirmed(self, message_id: str) -> None:
        """Until the device has said that it got what somebody said."""
        await self._bell.until(lambda: message_id in self.confirmed, f"a receipt for {message_id}")

    # What a device is told

    async def deliver(self, message_id: str, by: str = "") -> None:
        """Somebody's phone has got the message. In a group everybody's has, unless it says whose."""
        await self._tell(message_id, None, by)

    async def read(self, message_id: str, by: str = "") -> None:
        await self._tell(message_id, "read", by)

    async def acknowledge(self, message_id: str, error: int | None = None) -> None:
        """What the server says of a message that it has taken."""
        message = self._sent(message_id)
        message.acknowledged = message.acknowledged or error is None
        post = 100 + len(self.messages) if message.is_for_all else None
        await self._here().send(
            stanza(
                "ack",
                class_="message",
                id=message_id,
                from_=message.to,
                t=now(),
                error=error,
                server_id=post,
            )
        )

    async def say(
        self,
        sender: str,
        text: str = "",
        *,
        group: str = "",
        name: str = "Rani",
        reply_to: str = "",
        mentions: tuple[str, ...] = (),
        file: File | None = None,
    ) -> str:
        """Somebody writes to the owner or to a group: gives the message's id. Everybody is named by number."""
        person, message_id = self._person(sender), f"AC{next(self._ids):018X}"
        content = spoken(
            text,
            reply_to=reply_to,
            author=self.phone.lid,
            mentions=[self.lid(number) for number in mentions],
            file=file,
            media=self.media,
        )
        device, number = self._device(), phone_jid(sender)
        keys = self._directory.bundles.get(device)
        if group:
            sealed = await person.written_to_group(group, device, content, keys)
            place = {"from": group, "participant": person.lid, "participant_pn": number}
        else:
            sealed = [await person.written(device, content, keys)]
            place = {"from": person.lid, "sender_pn": number}
        about = {"id": message_id, "t": now(), "type": "media" if file else "text", "notify": name}
        await self._give(stanza("message", *sealed, addressing_mode="lid", **place, **about))
        return message_id

    # What a device says

    async def _hear(self, connection: Connection, node: Node) -> None:
        if node.tag == "iq" and node.attrs.get("type") in ("get", "set"):
            await self._directory.answer(connection, node)
            if child(node, "active"):
                await self._catch_up(connection)
            elif child(node, "remove-companion-device"):
                self._registry.throw_out(connection)
        elif node.tag == "message":
            await self._take(connection, node)
        elif confirmed := self._waiting.confirmed(node):
            self.confirmed.append(confirmed)
            self._bell.ring()

    async def _catch_up(self, connection: Connection) -> None:
        """The device gets what has been waiting for it; from then on it gets everything at once."""
        given: list[Node] = []
        while missed := [node for node in self._waiting.left() if node not in given]:
            for node in missed:
                await connection.send(Node(node.tag, {**node.attrs, "offline": "0"}, node.content))
            given += missed
        self._is_here(connection)
        await connection.send(stanza("ib", stanza("offline", count=len(given)), from_=SERVER))

    async def _take(self, connection: Connection, node: Node) -> None:
        message_id, to = node.attrs["id"], node.attrs["to"]
        if node.attrs.get("category") == "peer":
            await connection.send(stanza("ack", class_="message", id=message_id, from_=to))
            return
        places = [place for place, message in enumerate(self.messages) if message.id == message_id]
        if not places:
            self.messages.append(await self._opened(connection, node))
            message = self.messages[-1]
        elif self.messages[places[0]].kind == UNREADABLE:
            message = self.messages[places[0]] = await self._opened(connection, node)
        else:
            message = self.messages[places[0]]
            message.frames += 1
        self._bell.ring()
        await self._respond(connection, message)

    async def _opened(self, connection: Connection, node: Node) -> Message:
        members = self._members(node.attrs["to"])
        try:
            return await opened(node, connection.lid, self._directory.people, self.media, members)
        except SignalError as error:
            await self._ask_again(node, members)
            return Message(node.attrs["id"], node.attrs["to"], UNREADABLE, str(error))

    async def _ask_again(self, node: Node, members: list[str]) -> None:
        """Who can not read a message asks for it anew, with keys to write it with."""
        reader = self._person(members[0]) if members else self._directory.people.person(node.attrs["to"])
        keys = children(await reader.bundle(reader.lid))
        again = stanza("retry", count=1, id=node.attrs["id"], t=now(), v=1)
        about = {"from": node.attrs["to"], "id": node.attrs["id"], "type": "retry", "t": now()}
        if members:
            about["participant"] = reader.lid
        await self._give(stanza("receipt", again, keys[0], stanza("keys", *keys[1:]), **about))

    async def _respond(self, connection: Connection, message: Message) -> None:
        match self.mode:
            case "silent":
                pass
            case "drop" if message.frames == 1:
                connection.drop()
            case ("error", code):
                await self.acknowledge(message.id, code)
            case "receipts_first":
                await self._receipts(message, "delivered+read")
                await self.acknowledge(message.id)
            case mode:
                await self.acknowledge(message.id)
                await self._receipts(message, "delivered+read" if mode == "drop" else mode)

    async def _receipts(self, message: Message, levels: str) -> None:
        if message.is_for_all or message.kind == UNREADABLE:
            return
        if "delivered" in levels:
            await self.deliver(message.id)
        if "read" in levels:
            await self.read(message.id)

    async def _tell(self, message_id: str, kind: str | None, by: str) -> None:
        to = self._sent(message_id).to
        for number in [by] if by else self._members(to) or [""]:
            reader = self.lid(number) if number else None
            await self._give(
                stanza("receipt", from_=to, id=message_id, type=kind, t=now(), participant=reader)
            )

    async def _give(self, node: Node) -> None:
        """To the device now, or when it is here again."""
        self._waiting.keep(node)
        if self._current is not None and self.connected.is_set():
            await self._current.send(node)

    def _members(self, jid: str) -> list[str]:
        group = self.groups.get(jid)
        return group.members if group else []

    def _person(self, number: str) -> Person:
        return self._directory.people.person(phone_jid(number))

    def _sent(self, message_id: str) -> Message:
        return next(message for message in self.messages if message.id == message_id)

    def _device(self) -> str:
        """The device that is here, or the one that was here first."""
        return self._current.lid if self._current else next(iter(self._directory.bundles), "")
