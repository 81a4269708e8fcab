"""Reads Markdown. What it means is decided elsewhere."""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# The parser drops what is nested more deeply; nobody writes that for people.
_DEEPEST = 60
_LINE_END = re.compile(r"\r\n?")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` without control characters, which no provider shows and some refuse."""
    text = _UNPRINTABLE.sub("", _LINE_END.sub("\n", text))
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def tokens(text: str) -> "Sequence[Token] | None":
    """What `text` says as Markdown; None if it is nested too deeply to be meant as such."""
    found = _parser().parse(text)
    return None if any(token.level >= _DEEPEST - 1 for token in found) else found


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - most commands render nothing

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST})
    # Definitions of links would vanish from the text, and a rule under a line is meant as a rule.
    return parser.enable(["table", "strikethrough"]).disable(["reference", "lheading"])
