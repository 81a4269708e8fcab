"""Lays a Markdown text out for a dialect: blocks become runs, with all that a reader is to see."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stentor.contract.dialects import ListMarks, Marks, TableMarks
from stentor.domain.inlines import Inlines
from stentor.domain.markdown import tokens
from stentor.domain.styled import Mark, Markup, Run, shown
from stentor.domain.tables import Table, plainly

if TYPE_CHECKING:
    from markdown_it.token import Token

_LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_STEP = "  "
# An empty cell has to stand where it stands.
_NOTHING = "\N{NO-BREAK SPACE}"


def laid_out(text: str, inlines: Inlines, notes: Sequence[str] = ()) -> Sequence[Run]:
    """The runs of `text`, and of `notes` below it."""
    runs = list(_read(text, inlines))
    for note in notes:
        runs += [Run("\n\n" if runs else "", (), "layout"), Run(note)]
    return [run for run in runs if run.text]


def _read(text: str, inlines: Inlines) -> Iterable[Run]:
    """What is nested too deeply, or is markup around nothing, is shown as it was typed."""
    found = tokens(text)
    runs = _Layout(text, inlines).read(found) if found is not None else []
    return runs if shown(runs).strip() else _as_typed(text, inlines)


def _as_typed(text: str, inlines: Inlines) -> Iterator[Run]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield Run("\n")
        yield from inlines.literal(line, ())


@dataclass(slots=True)
class _List:
    """A list under way: the number its last item was typed with and the one it has, if they are numbered."""

    numbered: bool
    typed: str = ""
    number: str = ""

    def count(self, typed: str) -> None:
        """On to the next item. It keeps its number, unless all are typed with the same one."""
        self.number = typed if typed != self.typed else str(int(self.number) + 1)
        self.typed = typed


class _Layout:
    """Blocks from top to bottom. The marks are those of the blocks that are open."""

    def __init__(self, text: str, inlines: Inlines) -> None:
        self._lines = text.split("\n")
        self._inlines = inlines
        self._dialect = inlines.dialect
        self._runs: list[Run] = []
        self._marks: tuple[Mark, ...] = ()
        self._outer: list[tuple[Mark, ...]] = []
        self._lists: list[_List] = []
        # Nothing has been written since a block began, so no gap is due.
        self._fresh = True

    def read(self, found: "Sequence[Token]") -> list[Run]:
        handlers: dict[str, Callable[[Token], None]] = {
            "paragraph_open": self._paragraph,
            "heading_open": self._heading,
            "blockquote_open": self._quote,
            "bullet_list_open": self._list,
            "ordered_list_open": self._list,
            "list_item_open": self._item,
            "inline": self._inline,
            "fence": self._code,
            "code_block": self._code,
            "hr": self._rule,
        }
        table = -1
        for place, token in enumerate(found):
            if token.type == "table_open":
                table = place
            elif token.type == "table_close":
                self._table(found[table], Table.of(found[table:place]))
                table = -1
            elif table >= 0:
                continue
            elif token.type in handlers:
                handlers[token.type](token)
            else:
                self._close(token)
        return self._runs

    def _put(self, text: str, marks: tuple[Mark, ...] | None = None) -> None:
        self._runs.append(Run(text, self._marks if marks is None else marks, "layout"))

    def _begin(self, token: "Token") -> None:
        """A block begins: as far below the one before it as it was typed."""
        if not self._fresh and token.map is not None:
            above = self._lines[token.map[0] - 1] if token.map[0] else ""
            self._put("\n" if above.strip(" >\t") else "\n\n")
        self._fresh = True

    def _open(self, marks: tuple[Mark, ...]) -> None:
        self._outer.append(self._marks)
        self._marks = marks

    def _close(self, token: "Token") -> None:
        self._marks = self._outer.pop()
        if token.type in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
        elif token.type == "list_item_close":
            self._fresh = False

    def _paragraph(self, token: "Token") -> None:
        follows = not self._fresh
        self._begin(token)
        if follows:
            self._put(self._indent)
        self._open(
            self._marks if token.hidden else self._inlines.pushed(self._marks, self._dialect.paragraph)
        )

    def _heading(self, token: "Token") -> None:
        self._begin(token)
        headings = self._dialect.headings
        level = min(int(token.tag[1:]), len(headings))
        self._open(self._inlines.pushed(self._marks, headings[level - 1]))

    def _quote(self, token: "Token") -> None:
        self._begin(token)
        pair, line = self._dialect.quote, self._dialect.quote_line
        if any(mark.markup.open == pair[0] for mark in self._marks):
            pair = ("", "")
        self._open((*self._marks, Mark(Markup(*pair, line), Markup(line="> "))))

    def _list(self, token: "Token") -> None:
        self._begin(token)
        numbered = token.type == "ordered_list_open"
        self._lists.append(_List(numbered))
        marks = self._dialect.lists
        if marks is None:
            self._open(self._marks)
        else:
            self._open((*self._marks, _mark(marks.numbers if numbered else marks.bullets)))

    def _item(self, token: "Token") -> None:
        self._begin(token)
        current = self._lists[-1]
        if current.numbered:
            current.count(token.info)
        said = f"{current.number}. " if current.numbered else self._dialect.bullet
        said = _STEP * (len(self._lists) - 1) + said
        if self._dialect.lists is None:
            self._put(said)
            self._open(self._marks)
        else:
            self._open((*self._marks, _item_mark(self._dialect.lists, current.number, said)))

    def _inline(self, token: "Token") -> None:
        self._extend(self._inlines.runs(token.children or [], self._marks, self._indent))

    def _extend(self, runs: Iterable[Run]) -> None:
        self._runs.extend(runs)
        self._fresh = False

    def _code(self, token: "Token") -> None:
        content, language = _code_of(token)
        if content:
            self._begin(token)
            self._block(content, language)

    def _block(self, content: str, language: str) -> None:
        pair = self._dialect.block
        if language and self._dialect.block_in is not None:
            opening, closing = self._dialect.block_in
            pair = (opening.replace("{language}", language), closing)
        self._extend([Run(_unclosing(content, pair[1].strip()), (*self._marks, _mark(pair)), "code")])

    def _rule(self, token: "Token") -> None:
        self._begin(token)
        self._put(self._dialect.rule)
        self._fresh = False

    def _table(self, token: "Token", table: Table) -> None:
        self._begin(token)
        marks = self._dialect.tables
        grid = table.grid(self._dialect.grid_width) if marks == "grid" else None
        if isinstance(marks, TableMarks):
            self._native(table, marks)
        elif grid is not None:
            self._block(grid, "")
        else:
            self._entries(table)

    def _native(self, table: Table, marks: TableMarks) -> None:
        whole = (*self._marks, _mark(marks.table))
        for number, row in enumerate(table.rows):
            if number:
                self._put("\n", whole)
            of_row = (*whole, _mark(marks.row))
            for column, cell in enumerate(row):
                if column:
                    self._put("\t", of_row)
                of_cell = (*of_row, _mark(marks.cell if number else marks.head))
                self._extend(self._inlines.runs(cell, of_cell))
                if not plainly(cell):
                    self._put(_NOTHING, of_cell)

    def _entries(self, table: Table) -> None:
        """One item for each row: its first cell, and below it what the others say."""
        if len(table.rows) == 1:
            for column, cell in enumerate(table.rows[0]):
                self._put(" " if column else "")
                self._extend(self._inlines.runs(cell, self._marks))
        bold = self._inlines.pushed(self._marks, self._dialect.bold)
        for number, row in enumerate(table.entries()):
            for column, (head, cell) in enumerate(row):
                marks = self._marks if column else bold
                if number or column:
                    self._put("\n")
                if column:
                    self._put(self._dialect.bullet)
                self._extend([Run(f"{head}: " if head else "", marks)])
                self._extend(self._inlines.runs(cell, marks))

    @property
    def _indent(self) -> str:
        return _STEP * len(self._lists) if self._dialect.lists is None else ""


def _mark(pair: Marks) -> Mark:
    return Mark(Markup(*pair))


def _item_mark(marks: ListMarks, number: str, said: str) -> Mark:
    opening, closing = marks.numbered_item if number else marks.item
    return Mark(Markup(opening.replace("{number}", number), closing), Markup(said))


def _code_of(token: "Token") -> tuple[str, str]:
    """The code of a block and its language. What stands there and is no language is as much text as the rest."""
    content, info = token.content.rstrip("\n"), token.info.strip()
    closed = _is_closed(token)
    if closed and content.strip() and _LANGUAGE.fullmatch(info):
        return content, info
    if not closed:
        content = content.removesuffix(token.markup)
    return "\n".join(part for part in (info, content) if part.strip()), ""


def _is_closed(token: "Token") -> bool:
    """Whether a block of code has a last line: it takes up a line more than what stands in it and above it."""
    first, end = token.map or (0, 0)
    lines = token.content.removesuffix("\n").count("\n") + 1 if token.content else 0
    return end - first == lines + 2


def _unclosing(content: str, closing: str) -> str:
    """Code that does not end its own markup: something invisible stands inside each closing mark."""
    if closing not in content or not closing:
        return content
    return re.sub(f"{re.escape(closing[0])}(?={re.escape(closing[1:])})", f"{closing[0]}\u200b", content)
