"""Text with marks around stretches of it, and the pens that write it down."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from stentor.contract.dialects import Dialect

# `text` and `code` are escaped, each in its way; `layout` is written as it is.
Kind = Literal["text", "code", "layout"]


class Markup(NamedTuple):
    """What is written before a stretch and behind it, and in front of each of its lines."""

    open: str = ""
    close: str = ""
    line: str = ""


NO_MARKUP = Markup()


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """One stretch: two marks that look alike are still two. A `whole` one is cut only if it fits no part."""

    markup: Markup
    plain: Markup = NO_MARKUP
    whole: bool = False


class Run(NamedTuple):
    """Text that is marked alike from its beginning to its end."""

    text: str
    marks: tuple[Mark, ...] = ()
    kind: Kind = "text"


def shown(runs: Sequence[Run]) -> str:
    """What a reader sees of `runs`, whatever the dialect."""
    return "".join(run.text for run in runs)


def shared(one: Sequence[Mark], other: Sequence[Mark]) -> int:
    """How many of the outer marks are the same."""
    count = 0
    for count, (mine, theirs) in enumerate(zip(one, other, strict=False), start=1):
        if mine is not theirs:
            return count - 1
    return count


class Slicer:
    """Takes stretches out of runs, without looking at the rest of them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.starts: list[int] = []
        self.runs = runs
        end = 0
        for run in runs:
            self.starts.append(end)
            end += len(run.text)

    def at(self, place: int) -> Run:
        return self.runs[bisect_right(self.starts, place) - 1]

    def between(self, start: int, end: int) -> Iterator[Run]:
        for number in range(bisect_right(self.starts, start) - 1, len(self.runs)):
            first, run = self.starts[number], self.runs[number]
            if first >= end:
                return
            text = run.text[max(start - first, 0) : end - first]
            if text:
                yield run._replace(text=text)


def _in_markup(mark: Mark) -> Markup:
    return mark.markup


def _in_plain(mark: Mark) -> Markup:
    return mark.plain


def _unmarked(mark: Mark) -> Markup:  # noqa: ARG001 - a pen asks each mark how to write it
    return NO_MARKUP


@dataclass(frozen=True)
class Pen:
    """Writes runs down: markup around them, escapes inside them."""

    markup_of: Callable[[Mark], Markup] = _in_markup
    escapes: Mapping[str, str] = field(default_factory=dict[str, str])
    verbatim: Mapping[str, str] = field(default_factory=dict[str, str])
    line_starts: Mapping[str, str] = field(default_factory=dict[str, str])
    line_break: str = "\n"

    @classmethod
    def of(cls, dialect: Dialect) -> "Pen":
        return cls(
            escapes=dialect.escapes,
            verbatim=dialect.verbatim,
            line_starts=dialect.line_starts,
            line_break=dialect.line_break,
        )

    def write(self, runs: Sequence[Run]) -> str:
        return _Page(self).written(runs)

    def prefix(self, marks: Sequence[Mark]) -> str:
        """What a line under these marks begins with."""
        return "".join(self.markup_of(mark).line for mark in marks)

    def escaped(self, text: str, kind: Kind) -> str:
        """A text without line ends, as it stands inside a line."""
        if kind == "layout":
            return text
        table = self.escapes if kind == "text" else self.verbatim
        return "".join(table.get(char, char) for char in text)


# The same without markup, with the addresses of links behind them; and nothing but what is seen.
PLAIN_PEN = Pen(_in_plain)
BARE_PEN = Pen(_unmarked)


class _Page:
    """One writing: it knows which marks are open and whether a line has just begun."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._written: list[str] = []
        self._open: tuple[Mark, ...] = ()
        self._line_begins = True
        self._nothing_said = True

    def written(self, runs: Sequence[Run]) -> str:
        for run in runs:
            self._turn_to(run.marks)
            line_break = self._pen.line_break if run.kind == "text" else "\n"
            for number, line in enumerate(run.text.split("\n")):
                if number:
                    self._end_line(run.marks, line_break)
                self._put_text(line, run)
        self._turn_to(())
        return "".join(self._written)

    def _turn_to(self, marks: tuple[Mark, ...]) -> None:
        kept = shared(self._open, marks)
        for depth in range(len(self._open), kept, -1):
            self._put_markup(self._pen.markup_of(self._open[depth - 1]).close, self._open[: depth - 1])
        for depth in range(kept, len(marks)):
            self._put_markup(self._pen.markup_of(marks[depth]).open, marks[:depth])
        self._open = marks

    def _put_markup(self, markup: str, outer: Sequence[Mark]) -> None:
        for number, line in enumerate(markup.split("\n")):
            if number:
                self._end_line(outer, "\n")
            self._put(line, outer)

    def _put_text(self, line: str, run: Run) -> None:
        if not line:
            return
        begins = run.kind == "text" and self._nothing_said
        self._put(self._first(line) if begins else self._pen.escaped(line, run.kind), run.marks)
        if run.kind != "layout" and line.strip():
            self._nothing_said = False

    def _first(self, line: str) -> str:
        """A text that begins a line: what would make something else of it there is escaped as well."""
        blanks = len(line) - len(line.lstrip())
        instead = self._pen.line_starts.get(line[blanks : blanks + 1])
        if instead is None:
            return self._pen.escaped(line, "text")
        return f"{line[:blanks]}{instead}{self._pen.escaped(line[blanks + 1 :], 'text')}"

    def _put(self, written: str, marks: Sequence[Mark]) -> None:
        if written:
            if self._line_begins:
                self._written.append(self._pen.prefix(marks))
            self._written.append(written)
            self._line_begins = False

    def _end_line(self, marks: Sequence[Mark], line_break: str) -> None:
        if self._line_begins:
            self._written.append(self._pen.prefix(marks).rstrip())
        self._written.append(line_break)
        self._line_begins = self._nothing_said = True
