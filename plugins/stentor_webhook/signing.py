"""Signatures as Standard Webhooks defines them: HMAC-SHA256 over id, timestamp and body."""

import binascii
import hmac
from base64 import b64decode, b64encode

from stentor import CredentialsRejected

_PREFIX = "whsec_"


def signing_key(secret: str) -> bytes:
    """The key in `whsec_<base64>`, or the bytes of any other text."""
    key = _decoded(secret.removeprefix(_PREFIX)) if secret.startswith(_PREFIX) else secret.encode()
    if not key:
        raise CredentialsRejected("signing_secret is empty: put a key where the setting points")
    return key


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise CredentialsRejected(
            f"signing_secret starts with {_PREFIX} but base64 does not follow: copy it again from the receiver"
        ) from None


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
