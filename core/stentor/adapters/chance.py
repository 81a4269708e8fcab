"""The machine's source of randomness."""

from random import SystemRandom
from secrets import token_bytes

_ALPHABET = b"0123456789abcdefghjkmnpqrstvwxyz"
# 256 is a multiple of 32, so each character is as likely as any other.
_CHARACTERS = _ALPHABET * (256 // len(_ALPHABET))
# Whoever asks the system lets go of the interpreter, and with a busy writer beside it has to wait for its next turn:
# so the system is asked for many characters at a time.
_AT_ONCE = 4096


class SystemChance:
    """For the loop's thread alone."""

    def __init__(self) -> None:
        self._random = SystemRandom()
        self._ready = ""

    def token(self, length: int) -> str:
        if len(self._ready) < length:
            self._ready += token_bytes(max(length, _AT_ONCE)).translate(_CHARACTERS).decode()
        token, self._ready = self._ready[:length], self._ready[length:]
        return token

    def jitter(self) -> float:
        return self._random.uniform(-1, 1)
