"""The owner's phone: it scans codes or has them typed in, and so makes a connection a device of the account."""

import hashlib
import hmac
import os
from base64 import b64decode
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pyaileys.proto import WAProto_pb2 as proto

from .keys import KeyPair, derived, fresh, keys_of, shared, sign
from .people import lid_of, phone_jid
from .stanzas import SERVER, Node, child, raw, stanza

_OF_THE_ACCOUNT = b"\x06\x00"
_ROUNDS = 2 << 16


@dataclass(frozen=True)
class Scanned:
    """What a QR code says."""

    ref: str
    identity: bytes
    secret: bytes

    @classmethod
    def read(cls, text: str) -> "Scanned":
        ref, _, identity, secret, *_ = text.rpartition("#")[2].split(",")
        return cls(ref, b64decode(identity), b64decode(secret))


@dataclass(frozen=True)
class Hello:
    """What a device sends that is to be paired by a code."""

    ref: bytes
    number: str
    wrapped: bytes
    device_name: str


class Linking:
    """The conversation that follows when the owner types in a code: neither side tells the code."""

    def __init__(self, phone: "Phone", hello: Hello, code: str) -> None:
        self._phone, self._hello = phone, hello
        self._code = code.replace("-", "").encode()
        self._ours = fresh()
        self._theirs = self._crypted(hello.wrapped[48:80], hello.wrapped[:32], hello.wrapped[32:48])

    def hello(self, stanza_id: str) -> Node:
        salt, start = os.urandom(32), os.urandom(16)
        wrapped = salt + start + self._crypted(self._ours.public, salt, start)
        return stanza(
            "notification",
            stanza(
                "link_code_companion_reg",
                stanza("link_code_pairing_wrapped_primary_ephemeral_pub", data=wrapped),
                stanza("primary_identity_pub", data=self._phone.keys.public),
                stanza("link_code_pairing_ref", data=self._hello.ref),
                stage="primary_hello",
            ),
            from_=SERVER,
            id=stanza_id,
            type="link_code_companion_reg",
        )

    def secret(self, finish: Node) -> bytes:
        """What the device and the phone now share. InvalidTag, where the code was not the device's."""
        bundle = raw(child(finish, "link_code_pairing_wrapped_key_bundle"))
        together = shared(self._ours, self._theirs)
        key = derived(together, 32, salt=bundle[:32], info=b"link_code_pairing_key_bundle_encryption_key")
        opened = AESGCM(key).decrypt(bundle[32:44], bundle[44:], None)
        identities = shared(self._phone.keys, opened[:32])
        return derived(together + identities + opened[64:], 32, info=b"adv_secret")

    def _crypted(self, data: bytes, salt: bytes, start: bytes) -> bytes:
        key = hashlib.pbkdf2_hmac("sha256", self._code, salt, _ROUNDS, 32)
        crypting = Cipher(algorithms.AES(key), modes.CTR(start)).encryptor()
        return crypting.update(data) + crypting.finalize()


class Phone:
    def __init__(self, number: str) -> None:
        self.number = number
        self.lid = lid_of(number)
        self.keys: KeyPair = keys_of(f"identity of {self.lid}")

    def vouches(self, device: int, identity: bytes, secret: bytes, stanza_id: str, now: int) -> Node:
        """The word of the phone for a device with this identity, sealed with the secret of the code."""
        details = proto.ADVDeviceIdentity(rawId=123, timestamp=now, keyIndex=device).SerializeToString()
        signed = proto.ADVSignedDeviceIdentity(
            details=details,
            accountSignatureKey=self.keys.public,
            accountSignature=sign(self.keys, _OF_THE_ACCOUNT + details + identity),
        ).SerializeToString()
        sealed = proto.ADVSignedDeviceIdentityHMAC(
            details=signed, hmac=hmac.digest(secret, signed, "sha256")
        ).SerializeToString()
        jid, lid = (name.replace("@", f":{device}@") for name in (phone_jid(self.number), self.lid))
        return stanza(
            "iq",
            stanza(
                "pair-success",
                stanza("device-identity", data=sealed),
                stanza("device", jid=jid, lid=lid),
                stanza("platform", name="android"),
            ),
            from_=SERVER,
            type="set",
            id=stanza_id,
            xmlns="md",
            t=now,
        )
