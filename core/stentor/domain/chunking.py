"""Cut a Markdown text into parts that a provider accepts, at the places where a reader would."""

from bisect import bisect_right

from stentor.domain.fences import Fence, find_fences
from stentor.domain.graphemes import boundary_before
from stentor.domain.places import MARKDOWN_GAP, Places, after_blanks, after_newline, first_line
from stentor.domain.units import SMALLEST_LIMIT, Unit, length, offsets


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
    kept = text[first_line(text) :].rstrip()
    return [kept] if kept else []


class _Cutter:
    """One text on its way into parts. Everything is looked up once, so the work grows with the text alone."""

    def __init__(self, text: str, limit: int, unit: Unit) -> None:
        self._text = text
        self._limit = limit
        self._unit: Unit = unit
        self._offsets = offsets(text, unit)
        # A fence whose two lines fill half a part is not worth repeating; it is cut like any text.
        self._fences = [
            fence for fence in find_fences(text) if self._opening(fence) + self._closing(fence) <= limit // 2
        ]
        self._starts = [fence.start for fence in self._fences]
        self._places = Places(MARKDOWN_GAP)
        resume = 0
        for fence in self._fences:
            self._places.add_prose(text, resume, fence.start)
            self._places.add_code(text, fence.body, fence.last)
            resume = fence.end
        self._places.add_prose(text, resume, len(text))

    def cut(self) -> list[str]:
        parts: list[str] = []
        stop = len(self._text.rstrip())
        start = first_line(self._text)
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
        place = self._places.best(start, end, code_end)
        if place is None:
            place = boundary_before(self._text, max(start, torn.body) if torn else start, code_end)
        fence = self._fence_at(place)
        if fence is None:
            return place, "", after_blanks(self._text, place)
        # What is left of this fence is its closing line alone: it has just been written.
        resume = (
            after_blanks(self._text, fence.end) if place >= fence.last else after_newline(self._text, place)
        )
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
