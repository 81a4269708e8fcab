"""What providers count: how long a text is in their unit."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

Unit = Literal["utf16", "characters", "bytes"]

# What the largest single character takes: a smaller limit could not hold every text.
SMALLEST_LIMIT: dict[Unit, int] = {"utf16": 2, "characters": 1, "bytes": 4}


def length(text: str, unit: Unit) -> int:
    """The length of `text` as the provider counts it."""
    if unit == "characters" or text.isascii():
        return len(text)
    if unit == "utf16":
        return len(text) + sum(char > "\uffff" for char in text)
    return offsets(text, unit)[-1]


def offsets(text: str, unit: Unit) -> Sequence[int]:
    """How far into the text each character begins, counted in `unit`; one more entry for the end."""
    if unit == "characters" or text.isascii():
        return range(len(text) + 1)
    return list(accumulate((cost(char, unit) for char in text), initial=0))


def cost(char: str, unit: Unit) -> int:
    """What one character takes."""
    if unit == "characters":
        return 1
    if unit == "utf16":
        return 1 if char <= "\uffff" else 2
    if char <= "\u07ff":
        return 1 if char <= "\x7f" else 2
    return 3 if char <= "\uffff" else 4
