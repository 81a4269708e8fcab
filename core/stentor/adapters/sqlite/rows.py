"""Reading rows. Their columns are typed by the schema, which is STRICT, so they are Any on this side."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import apsw

Row = tuple[Any, ...]


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


def fetch_each(connection: apsw.Connection, query: str, many: Iterable[Sequence[Any]]) -> list[Row]:
    """The rows of a query for each of many values, one after the other."""
    return connection.executemany(query, many).fetchall()


def fetch_packed(
    connection: apsw.Connection, query: str, values: Sequence[Any] = (), *, columns: int
) -> list[Row]:
    """The same rows as `fetch`, for queries that find many at a time. Blobs and fractions are not for it.

    With each row the interpreter is let go of and asked for again, and whoever asks while the loop is at work waits
    for its turn: so all rows come as one.
    """
    names = ", ".join(f"c{n}" for n in range(columns))
    packed = f"WITH found({names}) AS ({query}) SELECT json_group_array(json_array({names})) FROM found"
    return [tuple(row) for row in json.loads(only(connection, packed, values)[0])]


def listed(values: Iterable[int | str]) -> str:
    """Values for a query that takes them with `json_each`: one statement for all, however many they are."""
    return json.dumps(list(values))


class OneByOne(Exception):
    """Many items cannot be done together: each is to be tried by itself."""
