"""Connections that belong to nobody yet, and how the owner's phone takes them in."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from .connection import Connection
from .phone import Hello, Linking, Phone, Scanned
from .stanzas import SERVER, Node, child, number_of, raw, stanza

_REFS = 6


@dataclass
class Candidate:
    """A connection that waits to be paired."""

    connection: Connection
    refs: list[str]
    hello: Hello | None = None
    finish: "asyncio.Future[Node] | None" = None
    signed: asyncio.Event = field(default_factory=asyncio.Event)


class Registry:
    """The devices of all phones. Who claims to be one is believed, unless it has been thrown out."""

    def __init__(self) -> None:
        self._thrown_out: set[str] = set()
        self._candidates: dict[Connection, Candidate] = {}
        self._last_device: dict[str, int] = {}

    async def offer(self, connection: Connection) -> None:
        """Give a new connection what it shows as QR codes, one after the other."""
        refs = [f"2@{secrets.token_urlsafe(24)}" for _ in range(_REFS)]
        self._candidates[connection] = Candidate(connection, refs)
        codes = (stanza("ref", data=ref.encode()) for ref in refs)
        await connection.send(
            stanza(
                "iq",
                stanza("pair-device", *codes),
                from_=SERVER,
                type="set",
                id=connection.next_id(),
                xmlns="md",
            )
        )

    def throw_out(self, connection: Connection) -> None:
        self._thrown_out.add(connection.lid)

    def has_thrown_out(self, connection: Connection) -> bool:
        return connection.lid in self._thrown_out

    def forget(self, connection: Connection) -> None:
        self._candidates.pop(connection, None)

    async def hear(self, connection: Connection, node: Node) -> bool:
        """Whether that was something about pairing."""
        candidate = self._candidates.get(connection)
        if candidate is None:
            return False
        if child(node, "pair-device-sign"):
            candidate.signed.set()
            await connection.end(stanza("stream:error", code=515))
        elif (linking := child(node, "link_code_companion_reg")) is not None:
            await self._link(candidate, node, linking)
        elif node.tag == "iq" and node.attrs.get("type") != "result":
            return False
        return True

    async def _link(self, candidate: Candidate, query: Node, linking: Node) -> None:
        if linking.attrs["stage"] == "companion_finish":
            await candidate.connection.result(query)
            if candidate.finish is not None:
                candidate.finish.set_result(linking)
            return
        ref = secrets.token_bytes(16)
        candidate.hello = Hello(
            ref=ref,
            number=number_of(linking.attrs["jid"]),
            wrapped=raw(child(linking, "link_code_pairing_wrapped_companion_ephemeral_pub")),
            device_name=raw(child(linking, "companion_platform_display")).decode(),
        )
        answer = stanza("link_code_pairing_ref", data=ref)
        await candidate.connection.result(
            query, stanza("link_code_companion_reg", answer, stage="companion_hello")
        )

    async def scan(self, text: str, phone: Phone) -> None:
        """The phone's camera sees a QR code."""
        seen = Scanned.read(text)
        candidate = next((one for one in self._candidates.values() if seen.ref in one.refs), None)
        if candidate is None:
            raise ValueError("no device shows this code any more")
        await self._take_in(candidate, phone, seen.identity, seen.secret)

    async def enter(self, code: str, phone: Phone) -> None:
        """The owner types in the code that a device shows. InvalidTag, where it is another one."""
        candidate = next((one for one in self._candidates.values() if _waits_for(one, phone)), None)
        if candidate is None or candidate.hello is None:
            raise ValueError(f"no device has asked to be paired with {phone.number}")
        linking = Linking(phone, candidate.hello, code)
        candidate.finish = asyncio.get_running_loop().create_future()
        await candidate.connection.send(linking.hello(candidate.connection.next_id()))
        finish = await candidate.finish
        identity = raw(child(finish, "companion_identity_public"))
        await self._take_in(candidate, phone, identity, linking.secret(finish))

    async def _take_in(self, candidate: Candidate, phone: Phone, identity: bytes, secret: bytes) -> None:
        device = self._last_device.get(phone.number, 0) + 1
        self._last_device[phone.number] = device
        connection = candidate.connection
        word = phone.vouches(device, identity, secret, connection.next_id(), int(time.time()))
        await connection.send(word)
        await candidate.signed.wait()


def _waits_for(candidate: Candidate, phone: Phone) -> bool:
    return candidate.hello is not None and candidate.hello.number == phone.number
