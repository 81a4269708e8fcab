"""Where a text may be cut, at the places where a reader would."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from stentor.domain.graphemes import joins

# Blanks that may become a cut (a no-break space may not), and the end of a sentence in scripts without blanks.
_BLANK = r"(?P<blank>[^\S\u00a0\u2007\u202f]+)"
_SENTENCE = r"(?<=[\u3002\uff01\uff1f])(?=[^\s\u300d\u300f\uff09\u201d\u2019\u3002\uff01\uff1f])"
# Links and inline code are matched only so that no blank inside them is.
_WHOLE = r"(?P<whole>`[^`\n]+`|\[[^\[\]\n]*\]\([^()\s]*\))"
SHOWN_GAP = re.compile(rf"{_BLANK}|{_SENTENCE}|(?P<whole>(?!))")
MARKDOWN_GAP = re.compile(rf"{_WHOLE}|{_BLANK}|{_SENTENCE}")
BLANK = re.compile(r"[^\S\u00a0\u2007\u202f]+")
NEWLINE = re.compile(r"\r?\n")
# Closing quotes, brackets and emphasis stand behind the full stop.
_SENTENCE_END = re.compile(
    r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019\xbb)\]*_\u300d\u300f\uff09]{0,3}\Z"
)


@dataclass(slots=True)
class Places:
    """Where parts may end, in ascending order, best kind of place first."""

    gap: re.Pattern[str]
    paragraphs: list[int] = field(default_factory=list[int])
    lines: list[int] = field(default_factory=list[int])
    code_lines: list[int] = field(default_factory=list[int])
    sentences: list[int] = field(default_factory=list[int])
    words: list[int] = field(default_factory=list[int])

    def add_prose(self, text: str, start: int, end: int) -> None:
        for found in self.gap.finditer(text, start, end):
            neighbours_join = joins(
                text[max(found.start() - 1, 0) : found.start()], text[found.end() : found.end() + 1]
            )
            if found["whole"] is None and not neighbours_join:
                self._kind(text, found).append(found.start())

    def add_code(self, text: str, start: int, end: int) -> None:
        newlines = NEWLINE.finditer(text, start, end)
        self.code_lines += [found.start() for found in newlines if found.start() > start]

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


def after_blanks(text: str, place: int) -> int:
    """Behind the blanks at `place`, but a line keeps its indentation."""
    blanks = BLANK.match(text, place)
    if blanks is None:
        return place
    newline = blanks[0].rfind("\n")
    return blanks.end() if newline < 0 else place + newline + 1


def after_newline(text: str, place: int) -> int:
    newline = NEWLINE.match(text, place)
    return newline.end() if newline else place


def first_line(text: str) -> int:
    """Where the first line that says something begins."""
    return text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
