"""The pages of the documentation as the tests read them: their fenced blocks, and what those are for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block. `file` is the name a reader is told to save it under."""

    page: str
    line: int
    language: str
    text: str
    file: str | None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def text_of(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def fences(page: str) -> Iterator[Fence]:
    """The blocks of a page, from top to bottom."""
    text = text_of(page)
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text"))
        yield Fence(page, line, found["language"], found["text"], found["file"])


def without_fences(page: str) -> str:
    return _FENCE.sub("", text_of(page))


def saved(page: str, name: str) -> str:
    """What a reader of `page` saves as `name`."""
    return next(fence.text for fence in fences(page) if fence.file == name)
