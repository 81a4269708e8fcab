"""Thousands of sessions: each is found, and those that are too many are, without reading whole tables."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from stentor.adapters.sqlite import session_log
from stentor.adapters.sqlite.session_log import Asked
from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter
from stentor.domain.retention import Limits, Position
from stentor.domain.session_limits import SessionLimits
from stentor.testing.points import Trail
from stentor.testing.rows import HOUR_MS, NOW_MS
from stentor.testing.store_conformance.steps import swept

MANY = 3_000
_FILL = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
INSERT INTO sessions (id, key, base_key, kind, agent_id, label, current, messages, bytes, created_at, updated_at)
SELECT 's-' || i, base || iif(i % 3, ':run:s-' || i, ''), base, iif(i % 3, 'run', 'named'), 'ops', '', 1, 2, 10,
    ?2 + i, ?2 + i
FROM (SELECT i, iif(i % 3, 'agent:ops:cron:j-' || (i % 7), 'agent:ops:session:k-' || i) AS base FROM n)
"""
_SAY = """
INSERT INTO messages (session_id, seq, role, text, at)
SELECT id, seq, 'user', 'hello', updated_at FROM sessions CROSS JOIN (SELECT 1 AS seq UNION SELECT 2)
"""


@pytest.fixture
def connection(path: Path) -> apsw.Connection:
    connection = open_connection(path)
    with connection:
        connection.execute(_FILL, (MANY, NOW_MS))
        connection.execute(_SAY)
    return connection


@pytest.fixture
async def store(path: Path, connection: apsw.Connection) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, connection, InlineWriter(connection, Trail()))
    yield store
    await store.close()


def plans(connection: apsw.Connection, statements: dict[str, Any]) -> dict[str, list[str]]:
    """Each statement, on one line, with the steps of its plan."""
    return {
        " ".join(sql.split()): [
            step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)
        ]
        for sql, bindings in statements.items()
    }


def watch(connection: apsw.Connection) -> dict[str, Any]:
    statements: dict[str, Any] = {}

    def note(_: apsw.Cursor, sql: str, bindings: Any) -> bool:
        if sql.split(maxsplit=1)[0] in ("SELECT", "DELETE", "WITH", "UPDATE"):
            statements[sql] = bindings
        return True

    connection.exec_trace = note
    return statements


def read_whole(found: dict[str, list[str]]) -> list[str]:
    """The statements that read sessions or messages from one end to the other, in no order that they could use.

    An index of a few of them is no such thing.
    """
    whole = r"SCAN (?:s|sessions|messages)(?! USING (?:COVERING )?INDEX (?:sessions_by_age|messages_unanswered)).*"
    return [sql for sql, steps in found.items() if any(re.fullmatch(whole, step) for step in steps)]


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda c: session_log.find(c, "s-1234"), id="by its id"),
        pytest.param(lambda c: session_log.find(c, "agent:ops:session:k-1233"), id="by its key"),
        pytest.param(lambda c: session_log.find(c, "agent:ops:cron:j-3"), id="by its conversation"),
        pytest.param(lambda c: session_log.find(c, "nobody"), id="not at all"),
        pytest.param(lambda c: session_log.transcript(c, "s-1234", 200), id="what was said"),
        pytest.param(lambda c: session_log.sessions(c, Asked(), limit=50, offset=0), id="a page"),
        pytest.param(lambda c: session_log.of_run(c, "r-1"), id="that of a run"),
    ],
)
def test_a_session_among_thousands_is_opened_without_reading_a_whole_table(
    connection: apsw.Connection, look: Callable[[apsw.Connection], object]
) -> None:
    statements = watch(connection)
    look(connection)
    connection.exec_trace = None
    assert statements
    assert read_whole(plans(connection, statements)) == []
    connection.close()


async def test_a_sweep_reads_sessions_by_their_age_and_adds_them_up_once(
    store: SqliteStore, connection: apsw.Connection
) -> None:
    statements = watch(connection)
    limits = SessionLimits(HOUR_MS, HOUR_MS, 100, 500)
    removed = await swept(store, Limits(sessions=limits), now_ms=NOW_MS + HOUR_MS + 1_000)
    connection.exec_trace = None
    assert removed.sessions.total.sessions == MANY - 50
    found = plans(connection, statements)
    (adding_up,) = read_whole(found)
    assert adding_up.startswith("SELECT count(*), ifnull(sum(bytes), 0) FROM sessions")
    (steps,) = [steps for sql, steps in found.items() if "in_use" in sql]
    assert any("INDEX sessions_by_age" in step for step in steps)
    assert any("INDEX runs_open" in step for step in steps)
    assert any("INDEX messages_unanswered" in step for step in steps)
    assert connection.execute("SELECT count(*) FROM messages").get == 100


async def test_a_slice_ends_where_much_was_said(store: SqliteStore, connection: apsw.Connection) -> None:
    connection.execute("UPDATE sessions SET messages = 900")
    position: Position | None = Position()
    sizes: list[int] = []
    while position is not None and len(sizes) < 12:
        slice_ = await store.prune(Limits(sessions=SessionLimits(age_ms=1)), NOW_MS + HOUR_MS, position)
        position = slice_.following
        sizes.append(slice_.removed.sessions.total.sessions)
    assert {size for size in sizes if size} == {3}
