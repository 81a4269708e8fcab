"""The machine's source of randomness."""

from random import SystemRandom
from secrets import token_bytes

_ALPHABET = b"0123456789abcdefghjkmnpqrstvwxyz"
# 256 is a multiple of 32, so each character is as likely as any other.
_CHARACTERS = _ALPHABET * (256 // len(_ALPHABET))


class SystemChance:
    def __init__(self) -> None:
        self._random = SystemRandom()

    def token(self, length: int) -> str:
        return token_bytes(length).translate(_CHARACTERS).decode()

    def jitter(self) -> float:
        return self._random.uniform(-1, 1)
