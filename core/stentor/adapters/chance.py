"""The machine's source of randomness."""

import secrets
from random import SystemRandom

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class SystemChance:
    def __init__(self) -> None:
        self._random = SystemRandom()

    def token(self, length: int) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(length))

    def jitter(self) -> float:
        return self._random.uniform(-1, 1)
