"""How Discord writes text."""

import re

from stentor.contract.dialects import Dialect
from stentor_discord.limits import LONGEST_TITLE

DIALECT = Dialect(
    format="markdown",
    bold=("**", "**"),
    italic=("*", "*"),
    strike=("~~", "~~"),
    code=("`", "`"),
    block=("```\n", "\n```"),
    block_in=("```{language}\n", "\n```"),
    link=("[", "]({url})"),
    headings=(("# ", ""), ("## ", ""), ("### ", "")),
    quote_line="> ",
    bullet="- ",
    tables="grid",
    escapes={char: f"\\{char}" for char in "\\*_~`|[]<"},
    line_starts={char: f"\\{char}" for char in "#>-+"},
    mentions=(r"@everyone", r"@here", r"<[@#][!&]?\d+>", r"@[!&]?\d{17,20}"),
)

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"(?<!\\)\[((?:\\.|[^\[\]\\])+)\]\([^()\s]*\)")
_LINE_START = re.compile(r"\A(?:#{1,3}|>|-|```\S*)(?:\s+|$)")
# What the dialect above writes. An underscore it never does: a bare one belongs to an address or to code.
_MARKS = re.compile(r"(?<!\\)(?:\*+|~~|`+)")


def title(text: str, otherwise: str) -> str:
    """The name of a thread that begins with `text`: its first line that says something, without markup."""
    for line in text.splitlines():
        bare = _LINE_START.sub("", line.strip(), count=1)
        bare = _ESCAPED.sub(r"\1", _MARKS.sub("", _LINK.sub(r"\1", bare))).strip()
        if bare:
            return _shortened(bare)
    return _shortened(otherwise)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TITLE:
        return text
    words = text[: LONGEST_TITLE - 1].rpartition(" ")[0]
    return f"{(words or text[: LONGEST_TITLE - 1]).rstrip()}\N{HORIZONTAL ELLIPSIS}"
