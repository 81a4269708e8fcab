"""Rows, many at a time. Their columns are typed by the schema, which is STRICT, so they are Any on this side."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any

import apsw

Row = tuple[Any, ...]
_MOST_ROWS = 64
_read = json.JSONDecoder().raw_decode


def fetch(connection: apsw.Connection, query: str, values: Sequence[Any] = ()) -> list[Row]:
    return connection.execute(query, tuple(values)).fetchall()


def first(connection: apsw.Connection, query: str, values: Sequence[Any] = ()) -> Row | None:
    # Read to its end: a statement left half-way would stand in the way of the commit.
    found = fetch(connection, query, values)
    return found[0] if found else None


def only(connection: apsw.Connection, query: str, values: Sequence[Any] = ()) -> Row:
    """The one row a query is known to have."""
    found = first(connection, query, values)
    if found is None:
        raise LookupError(f"no row for: {query}")
    return found


def number(connection: apsw.Connection, query: str, values: Sequence[Any] = ()) -> int | None:
    """The single value of a query that yields a number or NULL."""
    value: int | None = only(connection, query, values)[0]
    return value


def fetch_packed(
    connection: apsw.Connection, query: str, values: Sequence[Any] = (), *, columns: int
) -> list[Row]:
    """The same rows as `fetch`, for queries that find many at a time. Blobs and fractions are not for it.

    With each row the interpreter is let go of and asked for again, and whoever asks while the loop is at work waits
    for its turn: so all rows come as one text. Each is a line of it, because the loop has to wait while one is read.
    """
    names = ", ".join(f"c{n}" for n in range(columns))
    packed = f"WITH found({names}) AS ({query}) SELECT group_concat(json_array({names}), char(10)) FROM found"
    lines: str | None = only(connection, packed, values)[0]
    return [] if lines is None else [tuple(_read(line)[0]) for line in lines.split("\n")]


def write_each(connection: apsw.Connection, statement: str, rows: Sequence[Row]) -> int:
    """Run a statement for many rows at once: they stand where it says `{rows}`. Gives how many it has changed.

    As with reading, the interpreter is let go of once per statement rather than once per row. They go in portions of
    a power of two, so that the statements are few and SQLite knows them already.
    """
    before, begin = connection.total_changes(), 0
    while begin < len(rows):
        size = min(_MOST_ROWS, 1 << (len(rows) - begin).bit_length() - 1)
        portion = rows[begin : begin + size]
        connection.execute(_for_rows(statement, len(portion[0]), size), tuple(chain.from_iterable(portion)))
        begin += size
    return connection.total_changes() - before


@cache
def _for_rows(statement: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return statement.replace("{rows}", f"VALUES {', '.join([row] * rows)}")


def listed(values: Iterable[int | str | Sequence[Any]]) -> str:
    """Values for a query that takes them with `json_each`: one statement for all, however many they are."""
    return json.dumps(list(values))


class OneByOne(Exception):
    """Many items cannot be done together: each is to be tried by itself."""
