"""Cut a text into parts that a provider accepts, at the places where a reader would."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from stentor.domain.fences import Fence, find_fences
from stentor.domain.graphemes import boundary_before, joins

Unit = Literal["utf16", "characters", "bytes"]

# What the largest single character takes: a smaller limit could not hold every text.
SMALLEST_LIMIT: dict[Unit, int] = {"utf16": 2, "characters": 1, "bytes": 4}

# Blanks that may become a cut (a no-break space may not), the end of a sentence in scripts without blanks, and
# links and inline code, which are matched only so that no blank inside them is.
_GAP = re.compile(
    r"(?P<whole>`[^`\n]+`|\[[^\[\]\n]*\]\([^()\s]*\))"
    r"|(?P<blank>[^\S\u00a0\u2007\u202f]+)"
    r"|(?<=[\u3002\uff01\uff1f])(?=[^\s\u300d\u300f\uff09\u201d\u2019\u3002\uff01\uff1f])"
)
_BLANK = re.compile(r"[^\S\u00a0\u2007\u202f]+")
_NEWLINE = re.compile(r"\r?\n")
# Closing quotes, brackets and emphasis stand behind the full stop.
_SENTENCE_END = re.compile(
    r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019\xbb)\]*_\u300d\u300f\uff09]{0,3}\Z"
)


def length(text: str, unit: Unit) -> int:
    """The length of `text` as the provider counts it."""
    return _offsets(text, unit)[-1]


def chunk(text: str, limit: int, unit: Unit) -> list[str]:
    """Cut `text` into parts of at most `limit`; blanks at a cut are dropped, everything else is kept.

    A code block that is cut is closed in one part and opened again in the next.
    """
    if limit < SMALLEST_LIMIT[unit]:
        raise ValueError(f"a limit of {limit} {unit} holds no character; give {SMALLEST_LIMIT[unit]} or more")
    if len(text) * SMALLEST_LIMIT[unit] <= limit:
        return _whole(text)
    return _Cutter(text, limit, unit).cut()


def _whole(text: str) -> list[str]:
    """A text that fits however much its characters take, without the blank lines around it."""
    start = text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
    kept = text[start:].rstrip()
    return [kept] if kept else []


def _cost(char: str, unit: Unit) -> int:
    if unit == "utf16":
        return 1 if char <= "\uffff" else 2
    if char <= "\u07ff":
        return 1 if char <= "\x7f" else 2
    return 3 if char <= "\uffff" else 4


def _offsets(text: str, unit: Unit) -> Sequence[int]:
    """How far into the text each character begins, counted in `unit`; one more entry for the end."""
    if unit == "characters":
        return range(len(text) + 1)
    return list(accumulate((_cost(char, unit) for char in text), initial=0))


@dataclass(slots=True)
class _Boundaries:
    """Where parts may end, in ascending order, best kind of place first."""

    paragraphs: list[int] = field(default_factory=list[int])
    lines: list[int] = field(default_factory=list[int])
    code_lines: list[int] = field(default_factory=list[int])
    sentences: list[int] = field(default_factory=list[int])
    words: list[int] = field(default_factory=list[int])

    def add_prose(self, text: str, start: int, end: int) -> None:
        for found in _GAP.finditer(text, start, end):
            neighbours_join = joins(
                text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
            )
            if found["whole"] is None and not neighbours_join:
                self._kind(text, found).append(found.start())

    def add_code(self, text: str, fence: Fence) -> None:
        newlines = _NEWLINE.finditer(text, fence.body, fence.last)
        self.code_lines += [found.start() for found in newlines if found.start() > fence.body]

    def best(self, start: int, end: int, code_end: int) -> int | None:
        """The best place in (start, end], but a part is not left short when a lesser place would fill it."""
        for floor in (start + (end - start) // 3, start):
            for places in (self.paragraphs, self.lines, self.code_lines, self.sentences, self.words):
                ceiling = code_end if places is self.code_lines else end
                at = bisect_right(places, ceiling) - 1
                if at >= 0 and places[at] > floor:
                    return places[at]
        return None

    def _kind(self, text: str, found: re.Match[str]) -> list[int]:
        newlines = found[0].count("\n")
        if newlines:
            return self.lines if newlines == 1 else self.paragraphs
        before = text[max(found.start() - 4, 0) : found.start()]
        return self.sentences if _SENTENCE_END.search(before) else self.words


class _Cutter:
    """One text on its way into parts. Everything is looked up once, so the work grows with the text alone."""

    def __init__(self, text: str, limit: int, unit: Unit) -> None:
        self._text = text
        self._limit = limit
        self._unit: Unit = unit
        self._offsets = _offsets(text, unit)
        # A fence whose two lines fill half a part is not worth repeating; it is cut like any text.
        self._fences = [
            fence for fence in find_fences(text) if self._opening(fence) + self._closing(fence) <= limit // 2
        ]
        self._starts = [fence.start for fence in self._fences]
        self._boundaries = _Boundaries()
        resume = 0
        for fence in self._fences:
            self._boundaries.add_prose(text, resume, fence.start)
            self._boundaries.add_code(text, fence)
            resume = fence.end
        self._boundaries.add_prose(text, resume, len(text))

    def cut(self) -> list[str]:
        parts: list[str] = []
        stop = len(self._text.rstrip())
        start = self._text.rfind("\n", 0, len(self._text) - len(self._text.lstrip())) + 1
        while start < stop:
            fence = self._fence_at(start)
            prefix = f"{fence.opener}\n" if fence else ""
            budget = self._limit - (self._opening(fence) if fence else 0)
            end = min(self._reach(start, budget), stop)
            suffix = ""
            resume = stop
            if end < stop:
                end, suffix, resume = self._place(start, end, budget)
            body = self._text[start:end] if suffix else self._text[start:end].rstrip()
            if body.strip():
                parts.append(f"{prefix}{body}{suffix}")
            start = resume
        return parts

    def _place(self, start: int, end: int, budget: int) -> tuple[int, str, int]:
        """Where the part ends, what is written behind it, and where the next part begins."""
        torn = self._fence_at(end)
        code_end = self._reach(start, budget - self._closing(torn)) if torn else end
        place = self._boundaries.best(start, end, code_end)
        if place is None:
            place = boundary_before(self._text, max(start, torn.body) if torn else start, code_end)
        fence = self._fence_at(place)
        if fence is None:
            return place, "", self._after_blanks(place)
        # What is left of this fence is its closing line alone: it has just been written.
        resume = self._after_blanks(fence.end) if place >= fence.last else self._after_newline(place)
        return place, f"\n{fence.closer}", resume

    def _fence_at(self, place: int) -> Fence | None:
        """The fence whose code a cut at `place` would tear apart."""
        at = bisect_right(self._starts, place) - 1
        fence = self._fences[at] if at >= 0 else None
        return fence if fence and fence.body < place < fence.end else None

    def _reach(self, start: int, budget: int) -> int:
        return bisect_right(self._offsets, self._offsets[start] + budget) - 1

    def _opening(self, fence: Fence) -> int:
        return length(f"{fence.opener}\n", self._unit)

    def _closing(self, fence: Fence) -> int:
        return length(f"\n{fence.closer}", self._unit)

    def _after_blanks(self, place: int) -> int:
        """Behind the blanks at `place`, but a line keeps its indentation."""
        blanks = _BLANK.match(self._text, place)
        if blanks is None:
            return place
        newline = blanks[0].rfind("\n")
        return blanks.end() if newline < 0 else place + newline + 1

    def _after_newline(self, place: int) -> int:
        newline = _NEWLINE.match(self._text, place)
        return newline.end() if newline else place
