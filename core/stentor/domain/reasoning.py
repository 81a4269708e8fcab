"""Takes out of a reply what a model thought aloud before it, and leaves what it writes about thinking."""

import re

_OPENING = r"<think(?:ing)?>"
_CLOSING = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
# In code a tag is text: fenced code, which must be closed, and code inside a line. It does not begin inside a word.
_NEXT = re.compile(
    rf"^[ \t]*(?P<fence>`{{3,}}(?=[^`\n]*$)|~{{3,}})|(?<![\w`])(?P<ticks>`+)|(?P<tag>{_OPENING})",
    re.IGNORECASE | re.MULTILINE,
)
_TICKS = re.compile(r"`+")


def without_reasoning(text: str) -> str:
    """`text` without its closed reasoning blocks, and without one it opens with and never closes."""
    kept: list[str] = []
    resume = 0
    code = _Code(text)
    while (tag := _opening(text, resume, code)) is not None:
        closing = _CLOSING.search(text, tag.end())
        kept.append(text[resume : tag.start()])
        if closing is None:
            unfinished = not "".join(kept).strip()
            return "" if unfinished else "".join([*kept, text[tag.start() :]])
        resume = closing.end()
    return "".join([*kept, text[resume:]])


def _opening(text: str, start: int, code: "_Code") -> re.Match[str] | None:
    """The next reasoning block that does not begin inside code."""
    while (found := _NEXT.search(text, start)) is not None:
        if found["tag"]:
            return found
        start = code.end_of(found)
    return None


class _Code:
    """Finds where code ends. What was found to be never closed is not looked for again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._unclosed: dict[str, int] = {}

    def end_of(self, found: re.Match[str]) -> int:
        """Behind the code that begins here; behind the marks alone where none does."""
        if found["fence"]:
            return self._end_of_fence(found["fence"], found.end()) or found.end()
        line_end = self._text.find("\n", found.end())
        ticks = _TICKS.finditer(self._text, found.end(), len(self._text) if line_end < 0 else line_end)
        return next((run.end() for run in ticks if run[0] == found["ticks"]), found.end())

    def _end_of_fence(self, fence: str, start: int) -> int | None:
        mark, marks = fence[0], len(fence)
        if marks >= self._unclosed.get(mark, marks + 1):
            return None
        closing = re.compile(rf"^[ \t]*{mark}{{{marks},}}[ \t]*$", re.MULTILINE).search(self._text, start)
        if closing is None:
            self._unclosed[mark] = marks
            return None
        return closing.end()
