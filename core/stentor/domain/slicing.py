"""Cuts a styled text into parts before any markup is written, so that each part is whole in itself."""

from bisect import bisect_right
from collections.abc import Sequence

from stentor.contract.traits import Limits
from stentor.domain.graphemes import boundary_before
from stentor.domain.mentions import Mentions
from stentor.domain.meters import Meter, SentScale, ShownScale, StretchScale
from stentor.domain.places import SHOWN_GAP, Places, after_blanks, after_newline, first_line
from stentor.domain.styled import Mark, Pen, Run, Slicer, shown


def cut(runs: Sequence[Run], pen: Pen, limits: Limits, mentions: Mentions) -> list[list[Run]]:
    """Parts that are within `limits` once `pen` has written them. Blanks at a cut are dropped, nothing else is.

    No cut makes a mention of what was none.
    """
    return _Cutter(_affordable(runs, pen, limits), pen, limits, mentions).cut()


def smallest_limit(pen: Pen, limits: Limits) -> int:
    """What any character takes at the worst, and as much again for the marks around it."""
    written = (*pen.escapes.values(), *pen.verbatim.values(), *pen.line_starts.values(), pen.line_break)
    return 2 * max(4, *map(len, written)) if limits.counted == "sent" else 4


def _affordable(runs: Sequence[Run], pen: Pen, limits: Limits) -> Sequence[Run]:
    """Without marks that would take half of a part or more: text goes before markup, links before emphasis."""
    if limits.counted == "shown":
        return runs
    scale = SentScale(pen, limits.unit)

    def price(marks: Sequence[Mark]) -> int:
        return scale.opening(marks, 0) + scale.closing(marks, 0)

    def kept(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
        while marks and price(marks) > limits.text // 2:
            spare = next((mark for mark in reversed(marks) if not mark.whole), marks[-1])
            marks = tuple(mark for mark in marks if mark is not spare)
        return marks

    return [run._replace(marks=kept(run.marks)) for run in runs]


class _Cutter:
    """One text on its way into parts. Everything is looked up once, so the work grows with the text alone."""

    def __init__(self, runs: Sequence[Run], pen: Pen, limits: Limits, mentions: Mentions) -> None:
        self._text = shown(runs)
        self._mentions = mentions
        self._slicer = Slicer(runs)
        scale = ShownScale(limits.unit) if limits.counted == "shown" else SentScale(pen, limits.unit)
        self._meters = [Meter(runs, scale, limits.text)]
        if limits.stretches is not None:
            self._meters.append(Meter(runs, StretchScale(pen), limits.stretches))
        self._wholes = _wholes(runs)
        self._whole_starts = [start for start, _ in self._wholes]
        self._places = self._found_places(runs)

    def cut(self) -> list[list[Run]]:
        parts: list[list[Run]] = []
        stop = len(self._text.rstrip())
        start = first_line(self._text)
        while start < stop:
            end = min(*(meter.reach(start) for meter in self._meters), stop)
            place = self._place(start, max(end, start + 1)) if end < stop else stop
            said = self._text[start:place].rstrip()
            if said.strip():
                parts.append(list(self._slicer.between(start, start + len(said))))
            start = self._resume(place) if place < stop else stop
        return parts

    def _place(self, start: int, end: int) -> int:
        place = self._places.best(start, end, end)
        if place is not None:
            return place
        place = boundary_before(self._text, start, end)
        at = bisect_right(self._whole_starts, place) - 1
        if at >= 0 and start < self._wholes[at][0] and place < self._wholes[at][1]:
            return self._wholes[at][0]
        return self._mentions.before(self._text, start, place)

    def _resume(self, place: int) -> int:
        in_block = self._in_block(self._slicer.at(place))
        return after_newline(self._text, place) if in_block else after_blanks(self._text, place)

    def _found_places(self, runs: Sequence[Run]) -> Places:
        places = Places(SHOWN_GAP)
        prose = 0
        for start, run in zip(self._slicer.starts, runs, strict=True):
            end = start + len(run.text)
            if self._in_block(run) or _whole_mark(run) is not None:
                places.add_prose(self._text, prose, start)
                prose = end
            if self._in_block(run):
                places.add_code(self._text, start, end)
        places.add_prose(self._text, prose, len(self._text))
        return places

    def _in_block(self, run: Run) -> bool:
        return run.kind == "code" and _whole_mark(run) is None


def _whole_mark(run: Run) -> Mark | None:
    return next((mark for mark in run.marks if mark.whole), None)


def _wholes(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """Where links and inline code begin and end; a link may be made of several runs."""
    found: list[tuple[int, int]] = []
    before: Mark | None = None
    end = 0
    for run in runs:
        start, end = end, end + len(run.text)
        mark = _whole_mark(run)
        if mark is not None and mark is before:
            found[-1] = (found[-1][0], end)
        elif mark is not None:
            found.append((start, end))
        before = mark
    return found
