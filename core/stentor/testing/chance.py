"""Randomness that repeats."""

from random import Random

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class SeededChance:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - repeatable on purpose

    def token(self, length: int) -> str:
        return "".join(self._random.choice(_ALPHABET) for _ in range(length))

    def jitter(self) -> float:
        return self._random.uniform(-1, 1)
