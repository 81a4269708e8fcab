"""Tables: as a grid of monospaced text where that is readable, else as a list of rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from markdown_it.token import Token

_BETWEEN_COLUMNS = "  "


@dataclass(slots=True)
class Table:
    """The cells of a table as what stands in them, row by row; the first row is its head."""

    rows: "list[list[Sequence[Token]]]" = field(default_factory=list["list[Sequence[Token]]"])

    @classmethod
    def of(cls, tokens: "Sequence[Token]") -> "Table":
        table = cls()
        for token in tokens:
            if token.type == "tr_open":
                table.rows.append([])
            elif token.type == "inline":
                table.rows[-1].append(token.children or [])
        return table

    def grid(self, widest: int) -> str | None:
        """The table as lines of one width; None if that is too wide, or would lose the address of a link."""
        said = [[plainly(cell) for cell in row] for row in self.rows]
        columns = zip(*said, strict=True)
        widths = [max(_width(cell) for cell in column) for column in columns]
        links = any(
            token.type in ("link_open", "image") for row in self.rows for cell in row for token in cell
        )
        if links or sum(widths) + len(_BETWEEN_COLUMNS) * (len(widths) - 1) > widest:
            return None
        lines = [said[0], ["-" * width for width in widths], *said[1:]]
        return "\n".join(_line(line, widths) for line in lines)

    def entries(self) -> "Iterator[list[tuple[str, Sequence[Token]]]]":
        """Each row below the head: what its cells say, beside the head of their columns.

        The head of a column in which nothing is said stands in the first row.
        """
        heads = [plainly(cell) for cell in self.rows[0]]
        unsaid = [not any(column[1:]) for column in zip(*self.rows, strict=True)]
        for row in self.rows[1:]:
            columns = zip(heads, row, unsaid, strict=True)
            yield [(head, cell) for head, cell, alone in columns if cell or (head and alone)]
            unsaid = [False] * len(heads)


def plainly(cell: "Sequence[Token]") -> str:
    return "".join(token.content for token in cell)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return _BETWEEN_COLUMNS.join(padded).rstrip()


def _width(text: str) -> int:
    """Columns in a monospaced font: letters of East Asia take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(char) in ("Mn", "Me", "Cf") else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )
