"""Keys on Curve25519. They follow from what they are for, so that nothing has to be kept between two runs."""

import hashlib
from functools import cache

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pyaileys.auth.creds import KeyPair
from pyaileys.crypto.curve25519_signature import curve25519_sign

__all__ = ["KeyPair", "derived", "fresh", "keys_of", "shared", "sign"]


def keys_of(purpose: str) -> KeyPair:
    return _pair(X25519PrivateKey.from_private_bytes(hashlib.sha256(purpose.encode()).digest()))


def fresh() -> KeyPair:
    return _pair(X25519PrivateKey.generate())


def _pair(private: X25519PrivateKey) -> KeyPair:
    return KeyPair(public=private.public_key().public_bytes_raw(), private=private.private_bytes_raw())


def shared(ours: KeyPair, theirs: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(ours.private).exchange(
        X25519PublicKey.from_public_bytes(theirs)
    )


def sign(keys: KeyPair, message: bytes) -> bytes:
    return _signature(keys.private, message)


@cache
def _signature(private: bytes, message: bytes) -> bytes:
    return curve25519_sign(private, message)


def derived(secret: bytes, length: int, *, salt: bytes = b"", info: bytes = b"") -> bytes:
    return HKDF(SHA256(), length, salt or None, info).derive(secret)
