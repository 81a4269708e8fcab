"""Those at the other end. A library that nobody here has written decrypts what they get, and encrypts what they say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyaileys.auth.creds import AuthenticationCreds, SignedKeyPair
from pyaileys.auth.state import AuthenticationState
from pyaileys.messages.wa_message import decode_wa_message_bytes, encode_wa_message_bytes
from pyaileys.proto import WAProto_pb2 as proto
from pyaileys.signal.repository import PreKeyBundle, PreKeyBundleKey, SignalError, SignalRepository
from pyaileys.signal.util import signal_pubkey

from .keys import KeyPair, fresh, keys_of, sign
from .stanzas import SERVER, Node, child, children, number_of, raw, server_of, stanza

_LID = "8"
_SIGNED_KEY = 7
_REGISTRATION = 77


def lid_of(number: str) -> str:
    """The hidden id that goes with a phone number."""
    return f"{_LID}{number}@lid"


def number_behind(lid: str) -> str:
    """The phone number that goes with a hidden id, "" where it belongs to nobody's number."""
    user = number_of(lid)
    return user[1:] if len(user) > 8 and user.startswith(_LID) else ""


def phone_jid(number: str) -> str:
    return number + SERVER


class _Memory:
    """A key store that is forgotten with its owner."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    async def get(self, key_type: str, ids: list[str]) -> dict[str, Any]:
        return {key: self._kept.get((key_type, key)) for key in ids}

    async def set(self, data: Mapping[str, Mapping[str, Any | None]]) -> None:
        for key_type, values in data.items():
            self._kept.update({(key_type, key): value for key, value in values.items()})

    async def clear(self) -> None:
        self._kept.clear()


@dataclass(frozen=True)
class Bundle:
    """The keys by which a device can be written to for the first time."""

    registration: bytes
    identity: bytes
    signed: Node
    once: list[Node]

    @classmethod
    def uploaded(cls, query: Node) -> "Bundle":
        signed = child(query, "skey")
        assert signed is not None
        keys = children(child(query, "list"), "key")
        return cls(raw(child(query, "registration")), raw(child(query, "identity")), signed, keys)

    def taken(self) -> PreKeyBundle:
        """What one writer gets: a key for one use is given out once."""
        once = self.once.pop(0)
        return PreKeyBundle(
            registration_id=int.from_bytes(self.registration, "big"),
            identity_key=signal_pubkey(self.identity),
            signed_pre_key=_bundle_key(self.signed),
            pre_key=_bundle_key(once),
        )


def _bundle_key(key: Node) -> PreKeyBundleKey:
    return PreKeyBundleKey(
        key_id=int.from_bytes(raw(child(key, "id")), "big"),
        public_key=signal_pubkey(raw(child(key, "value"))),
        signature=raw(child(key, "signature")) or None,
    )


@dataclass
class Person:
    """Somebody's phone, known by its hidden id."""

    lid: str
    _keys: _Memory = field(default_factory=_Memory)
    _given_out: int = 0

    def __post_init__(self) -> None:
        self.identity = keys_of(f"identity of {self.lid}")
        self._signed = keys_of(f"signed key of {self.lid}")
        self._signature = sign(self.identity, signal_pubkey(self._signed.public))
        credentials = AuthenticationCreds(
            noise_key=self.identity,
            pairing_ephemeral_key_pair=self.identity,
            signed_identity_key=self.identity,
            signed_pre_key=SignedKeyPair(self._signed, self._signature, _SIGNED_KEY),
            registration_id=_REGISTRATION,
            adv_secret_key="",
        )
        self._signal = SignalRepository(AuthenticationState(credentials, self._keys))
        self._told: set[str] = set()

    async def bundle(self, jid: str) -> Node:
        """The keys by which others can write to this person, with a fresh one for one use."""
        once, self._given_out = fresh(), self._given_out + 1
        known = {"public": once.public, "private": once.private}
        await self._keys.set({"pre-key": {str(self._given_out): known}})
        return stanza(
            "user",
            stanza("registration", data=_REGISTRATION.to_bytes(4, "big")),
            stanza("type", data=b"\x05"),
            stanza("identity", data=self.identity.public),
            _key("key", self._given_out, once),
            _key("skey", _SIGNED_KEY, self._signed, stanza("signature", data=self._signature)),
            jid=jid,
        )

    async def read(self, sender: str, encrypted: Node) -> proto.Message:
        """What a device has written to this person."""
        plain = await self._signal.decrypt_message(
            sender, message_type=encrypted.attrs["type"], ciphertext=raw(encrypted)
        )
        return _message(plain)

    async def read_in_group(
        self, group: str, sender: str, distribution: bytes, sealed: Node
    ) -> proto.Message:
        """What a device has written to a group, with the key that it may have brought along."""
        if distribution:
            await self._signal.process_sender_key_distribution_message(
                group, author_jid=sender, distribution_bytes=distribution
            )
        try:
            plain = await self._signal.decrypt_group_message(
                group_jid=group, author_jid=sender, ciphertext=raw(sealed)
            )
        except ValueError as error:
            raise SignalError(str(error)) from error
        return _message(plain)

    async def written(self, device: str, message: proto.Message, keys: Bundle | None) -> Node:
        """A message encrypted for one device; `keys` are used where it is the first."""
        if not await self._signal.validate_session(device):
            if keys is None:
                raise LookupError(f"{device} has uploaded no keys yet: wait for `connected`")
            await self._signal.inject_outgoing_session(device, keys.taken())
        kind, sealed = await self._signal.encrypt_message(
            device, data=encode_wa_message_bytes(message.SerializeToString())
        )
        return stanza("enc", data=sealed, v=2, type=kind)

    async def written_to_group(
        self, group: str, device: str, message: proto.Message, keys: Bundle | None
    ) -> list[Node]:
        """A message to a group; the first one carries the key for this and the following."""
        sealed, distribution = await self._signal.encrypt_group_message(
            group_jid=group,
            me_jid=self.lid,
            data=encode_wa_message_bytes(message.SerializeToString()),
        )
        body = stanza("enc", data=sealed, v=2, type="skmsg")
        if group in self._told:
            return [body]
        self._told.add(group)
        key = proto.Message()
        key.senderKeyDistributionMessage.groupId = group
        key.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = distribution
        return [await self.written(device, key, keys), body]


def _key(tag: str, number: int, keys: KeyPair, *more: Node) -> Node:
    return stanza(tag, stanza("id", data=number.to_bytes(3, "big")), stanza("value", data=keys.public), *more)


def _message(padded: bytes) -> proto.Message:
    message = proto.Message()
    message.ParseFromString(decode_wa_message_bytes(padded))
    return message


class People:
    """Everybody there is. Whoever is asked for is there; only numbers can be unknown."""

    def __init__(self) -> None:
        self.unknown_numbers: set[str] = set()
        self.canonical: dict[str, str] = {}
        self._known: dict[str, Person] = {}

    def canonical_number(self, number: str) -> str:
        """The number by which WhatsApp knows somebody, "" for nobody."""
        digits = number.lstrip("+")
        return "" if digits in self.unknown_numbers else self.canonical.get(digits, digits)

    def lid(self, jid: str) -> str:
        """The hidden id of a number or of a JID, "" for nobody."""
        if server_of(jid) == "lid":
            return f"{number_of(jid)}@lid"
        number = self.canonical_number(number_of(jid))
        return lid_of(number) if number else ""

    def person(self, jid: str) -> Person:
        lid = self.lid(jid)
        if not lid:
            raise LookupError(f"{jid} is not on WhatsApp")
        if lid not in self._known:
            self._known[lid] = Person(lid)
        return self._known[lid]
