"""How a channel writes what Markdown means, declared as data: the core does the writing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What is written before a stretch of text and behind it.
Marks = tuple[str, str]
BARE: Marks = ("", "")


@dataclass(frozen=True, slots=True)
class ListMarks:
    """Lists in a markup of their own. `{number}` stands for the item's number."""

    bullets: Marks
    numbers: Marks
    item: Marks
    numbered_item: Marks


@dataclass(frozen=True, slots=True)
class TableMarks:
    """Tables in a markup of their own."""

    table: Marks
    row: Marks
    head: Marks
    cell: Marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to write text. What is not declared is written bare, as readable text.

    format        names the dialect to the connection, as `part.format`.
    block_in      a code block whose `{language}` is known; without it such blocks are written as `block`.
    link          `{url}` stands for the address. Without it the address follows the text in brackets.
    address       an address that stands for itself; `{url}` as above.
    headings      one pair for each level; deeper levels take the last one.
    quote_line    begins each line of a quotation.
    lists         without it, items begin with `bullet` or their number.
    tables        `grid` writes a table that is at most `grid_width` wide as a code block; wider ones, and all with
                  `list`, become one item for each row.
    line_break    a new line inside a paragraph.
    escapes       what is written for a character of the text; `verbatim` the same inside code and addresses, and
                  `line_starts` where the character begins a line.
    mentions      regular expressions for what would call people, of up to 64 characters; a word may begin and end
                  where markup stands. An invisible character is put behind the first character of each match, unless
                  the job wants mentions.
    """

    format: str
    bold: Marks = BARE
    italic: Marks = BARE
    strike: Marks = BARE
    code: Marks = BARE
    block: Marks = BARE
    block_in: Marks | None = None
    link: Marks | None = None
    address: Marks = BARE
    headings: tuple[Marks, ...] = (BARE,)
    paragraph: Marks = BARE
    quote: Marks = BARE
    quote_line: str = ""
    bullet: str = "\N{BULLET} "
    rule: str = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 3
    lists: ListMarks | None = None
    tables: TableMarks | Literal["grid", "list"] = "list"
    grid_width: int = 60
    line_break: str = "\n"
    escapes: Mapping[str, str] = field(default_factory=dict[str, str])
    verbatim: Mapping[str, str] = field(default_factory=dict[str, str])
    line_starts: Mapping[str, str] = field(default_factory=dict[str, str])
    mentions: tuple[str, ...] = ()


# For people who read the text as it comes: no markup at all.
PLAIN = Dialect(format="plain", quote_line="> ")
