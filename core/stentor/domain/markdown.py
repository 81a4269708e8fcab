"""Reads Markdown. What it means is decided elsewhere."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

# The parser drops what is nested more deeply; nobody writes that for people.
_DEEPEST = 60
# Each bracket that is left open is looked for again from the next one on, up to the depth above.
_MOST_OPEN_BRACKETS = 8
_BRACKET = re.compile(r"[\[\]]")
# A bar that is not escaped parts the cells of a row.
_BAR = re.compile(r"(?<!\\)\|")
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
    parser.core.ruler.at("inline", _read_lines)
    parser.block.ruler.at("table", _read_table, {"alt": ["paragraph", "reference"]})
    # Definitions of links would vanish from the text, and a rule under a line is meant as a rule.
    return parser.enable(["table", "strikethrough"]).disable(["reference", "lheading"])


def _read_lines(state: "StateCore") -> None:
    """The insides of lines. Where they would take long to read they are nothing but text."""
    for token in state.tokens:
        if token.type == "inline":
            if _is_hostile(token.content):
                token.children = list(_as_typed(token.content))
            else:
                token.children = []
                state.md.inline.parse(token.content, state.md, state.env, token.children)


def _is_hostile(text: str) -> bool:
    if text.count("[") <= _MOST_OPEN_BRACKETS:
        return False
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth = depth + 1 if bracket[0] == "[" else max(depth - 1, 0)
        if depth > _MOST_OPEN_BRACKETS:
            return True
    return False


def _as_typed(text: str) -> "Iterator[Token]":
    from markdown_it.token import Token  # noqa: PLC0415 - see above

    for number, line in enumerate(text.split("\n")):
        if number:
            yield Token("softbreak", "br", 0)
        yield Token("text", "", 0, content=line)


def _read_table(state: "StateBlock", start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - called by the parser
    """A table whose rows may have more cells than its head: what is too much stays in the last one."""
    from markdown_it.rules_block import table  # noqa: PLC0415 - see above

    before = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    typed: list[str] = []
    inside: list[Token] = []
    for token in state.tokens[before:]:
        if token.type == "tr_open" and token.map is not None:
            typed, inside = _cells(state, token.map[0]), []
        elif token.type == "inline":
            inside.append(token)
        elif token.type == "tr_close" and len(typed) > len(inside):
            inside[-1].content = " | ".join(typed[len(inside) - 1 :])
    return True


def _cells(state: "StateBlock", line: int) -> list[str]:
    said = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()
    cells = [cell.replace("\\|", "|").strip() for cell in _BAR.split(said)]
    first = 0 if cells[0] else 1
    return cells[first:] if cells[-1] else cells[first:-1]
