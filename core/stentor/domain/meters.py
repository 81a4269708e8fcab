"""What stretches of a styled text take of a part, looked up instead of written down."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol

from stentor.domain.styled import Mark, Pen, Run, shared
from stentor.domain.units import Unit, cost, length


class Scale(Protocol):
    """What counts: characters, and marks from the depth `kept` on as they are opened and closed."""

    def characters(self, run: Run) -> Iterable[int]: ...

    def opening(self, marks: Sequence[Mark], kept: int) -> int: ...

    def closing(self, marks: Sequence[Mark], kept: int) -> int: ...


class Meter:
    """Says how far a part may reach. A part pays for opening again what is open where it begins."""

    def __init__(self, runs: Sequence[Run], scale: Scale, budget: int) -> None:
        self._budget = budget
        self._before: list[int] = []
        self._through: list[int] = [0]
        spent = 0
        marks: tuple[Mark, ...] = ()
        for run in runs:
            kept = shared(marks, run.marks)
            spent += scale.closing(marks, kept) + scale.opening(run.marks, kept)
            marks = run.marks
            opening, closing = scale.opening(marks, 0), scale.closing(marks, 0)
            for each in scale.characters(run):
                self._before.append(spent - opening)
                spent += each
                self._through.append(spent + closing)

    def reach(self, start: int) -> int:
        """Where a part that begins at `start` ends at the latest."""
        return bisect_right(self._through, self._before[start] + self._budget) - 1


class ShownScale:
    """Only what is seen counts."""

    def __init__(self, unit: Unit) -> None:
        self._unit: Unit = unit

    def characters(self, run: Run) -> Iterable[int]:
        return (cost(char, self._unit) for char in run.text)

    def opening(self, marks: Sequence[Mark], kept: int) -> int:  # noqa: ARG002 - marks are not seen
        return 0

    def closing(self, marks: Sequence[Mark], kept: int) -> int:  # noqa: ARG002 - marks are not seen
        return 0


class SentScale:
    """What is written counts, with markup and escapes; never less than what will be written."""

    def __init__(self, pen: Pen, unit: Unit) -> None:
        self._pen = pen
        self._unit: Unit = unit
        self._known: dict[tuple[str, str], int] = {}

    def characters(self, run: Run) -> Iterable[int]:
        prefix = length(self._pen.prefix(run.marks), self._unit)
        return (self._of(char, run.kind) + (prefix if char == "\n" else 0) for char in run.text)

    def opening(self, marks: Sequence[Mark], kept: int) -> int:
        """A mark that is opened may begin a line, so it pays for what its lines begin with."""
        opened = "".join(self._pen.markup_of(mark).open for mark in marks[kept:])
        return self._with_prefixes(opened, marks, 1) if len(marks) > kept else 0

    def closing(self, marks: Sequence[Mark], kept: int) -> int:
        return self._with_prefixes(
            "".join(self._pen.markup_of(mark).close for mark in marks[kept:]), marks, 0
        )

    def _with_prefixes(self, markup: str, marks: Sequence[Mark], more: int) -> int:
        lines = markup.count("\n") + more
        return length(markup, self._unit) + lines * length(self._pen.prefix(marks), self._unit)

    def _of(self, char: str, kind: str) -> int:
        known = self._known.get((char, kind))
        if known is None:
            known = self._known[char, kind] = self._measured(char, kind)
        return known

    def _measured(self, char: str, kind: str) -> int:
        pen, unit = self._pen, self._unit
        if kind == "code":
            return length(pen.verbatim.get(char, char), unit)
        if kind == "layout":
            return cost(char, unit)
        if char == "\n":
            return length(pen.line_break, unit)
        written = length(pen.escapes.get(char, char), unit)
        return max(written, length(pen.line_starts.get(char, ""), unit))


class StretchScale:
    """Marked stretches count, one each."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen

    def characters(self, run: Run) -> Iterable[int]:
        return (0 for _ in run.text)

    def opening(self, marks: Sequence[Mark], kept: int) -> int:
        return sum(1 for mark in marks[kept:] if self._pen.markup_of(mark).open)

    def closing(self, marks: Sequence[Mark], kept: int) -> int:  # noqa: ARG002 - counted when it was opened
        return 0
