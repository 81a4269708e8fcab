"""Fenced code blocks in Markdown, as spans of the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE_LINE = re.compile(r"^([ \t]*)(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block from its opening line to the end of its closing line, or of the text when it is never closed.

    `body` is where the code begins and `last` where its last line ends. `opener` and `closer` are the two lines,
    for writing them again.
    """

    start: int
    body: int
    last: int
    end: int
    opener: str
    closer: str


def find_fences(text: str) -> Iterator[Fence]:
    """The fenced code blocks of `text`, in order. They never nest."""
    opening: re.Match[str] | None = None
    for line in _FENCE_LINE.finditer(text):
        if opening is None:
            # Backticks behind backticks are inline code that happens to start a line.
            if line[2][0] == "~" or "`" not in line[3]:
                opening = line
        elif line[2].startswith(opening[2]) and not line[3].strip():
            end = line.start() + len(line[0].rstrip())
            last = line.start() - (2 if text.endswith("\r\n", 0, line.start()) else 1)
            yield _fence(opening, last, end, line[0].rstrip())
            opening = None
    if opening is not None:
        yield _fence(opening, len(text), len(text), opening[1] + opening[2])


def _fence(opening: re.Match[str], last: int, end: int, closer: str) -> Fence:
    return Fence(opening.start(), opening.end() + 1, last, end, opening[0].rstrip(), closer)
