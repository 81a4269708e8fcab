"""A short fingerprint of a text: enough to notice damage, and to compare without showing."""

from hashlib import sha256


def fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
