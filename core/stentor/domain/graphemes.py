"""Where a text may be cut without tearing apart what a reader sees as one character."""

import unicodedata

_ZERO_WIDTH_JOINER = "\u200d"
_ZERO_WIDTH_NON_JOINER = "\u200c"


def boundary_before(text: str, start: int, end: int) -> int:
    """The last place in (start, end] that tears nothing apart; `end` itself when a single cluster is longer."""
    place = end
    while place > start and _is_inside_cluster(text, start, place):
        place -= 1
    return place if place > start else end


def joins(before: str, after: str) -> bool:
    """Whether two neighbouring characters belong together, flags aside; either may be empty at an end of the text."""
    if not before or not after:
        return False
    if before in "\r\n":
        return before + after == "\r\n"
    return before == _ZERO_WIDTH_JOINER or _extends(after)


def _is_inside_cluster(text: str, start: int, place: int) -> bool:
    before, after = text[place - 1], text[place : place + 1]
    if joins(before, after):
        return True
    return _is_regional(before) and _is_regional(after) and _regionals_before(text, start, place) % 2 == 1


def _extends(char: str) -> bool:
    """Whether `char` belongs to the one before it: marks, joiners, skin tones, flag tags, vowels of Hangul."""
    return (
        unicodedata.category(char)[0] == "M"
        or char in (_ZERO_WIDTH_JOINER, _ZERO_WIDTH_NON_JOINER)
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\u1160" <= char <= "\u11ff"
    )


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _regionals_before(text: str, start: int, place: int) -> int:
    first = place
    while first > start and _is_regional(text[first - 1]):
        first -= 1
    return place - first
