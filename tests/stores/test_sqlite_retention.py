"""Retention reads what it is about through its indexes, in slices that others do not feel."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter
from stentor.contract.runners import Message
from stentor.domain.records import ErrandSeed, OccurrenceRow
from stentor.domain.retention import Limits
from stentor.domain.states import RunStatus
from stentor.testing.points import Trail
from stentor.testing.rows import (
    BOOT,
    HOUR_MS,
    NOW_MS,
    PAGER,
    SECOND_MS,
    accepted,
    claim_of,
    delivery_seed,
    job_row,
    run_end,
    run_seed,
    settlement,
)
from stentor.testing.store_conformance.steps import claim_one, finish_one, settle_one, swept

LATER_MS = NOW_MS + 10_000 * HOUR_MS
sweep = partial(swept, now_ms=LATER_MS)


@pytest.fixture
def connection(path: Path) -> apsw.Connection:
    return open_connection(path)


@pytest.fixture
async def store(path: Path, connection: apsw.Connection) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, connection, InlineWriter(connection, Trail()))
    yield store
    await store.close()


async def delivered_runs(store: SqliteStore, count: int, *, text: str = "hello") -> None:
    """Runs that did all there is to do: an instant, a session with messages, a delivery with a receipt."""
    await store.set_accounts([PAGER], NOW_MS)
    await store.add_job(job_row())
    for n in range(count):
        at_ms = NOW_MS + n * SECOND_MS
        run = replace(run_seed(f"r-{n}", scheduled_ms=at_ms), queued_ms=at_ms)
        job = await store.job("brief")
        assert job is not None
        lost = OccurrenceRow(at_ms - 1, "skipped", "overlap")
        errand = ErrandSeed(f"r-{n - 1}", outlives=True, doc="{}")
        claim = claim_of(
            job, replace(run, errand=errand), lost=(lost,), until_ms=at_ms, next_at_ms=at_ms + SECOND_MS
        )
        await claim_one(store, claim)
        delivery = delivery_seed(f"d-{n}", run_id=run.id, expires_ms=LATER_MS)
        end = run_end(run.id, RunStatus.OK, delivery, ended_ms=at_ms)
        await finish_one(store, replace(end, summary=text, messages=(Message("assistant", text),)))
        for part in await store.begin_sends(at_ms, 1, BOOT):
            await settle_one(store, settlement(part, accepted(f"m-{n}"), at_ms))
        await store.later_receipt("page", "main", f"m-{n}", "read", at_ms)


def rows(connection: apsw.Connection) -> dict[str, int]:
    """How many rows each table has."""
    tables = (
        "runs",
        "errands",
        "occurrences",
        "sessions",
        "messages",
        "deliveries",
        "parts",
        "receipts",
        "events",
    )
    return {table: connection.execute(f"SELECT count(*) FROM {table}").get for table in tables}


async def test_with_a_run_goes_everything_that_hangs_on_it(
    store: SqliteStore, connection: apsw.Connection
) -> None:
    await delivered_runs(store, 3)
    assert set(rows(connection).values()) - {0} == set(rows(connection).values())
    removed = await sweep(store, Limits(days=1))
    assert (removed.runs, removed.instants) == (3, 3)
    assert set(rows(connection).values()) == {0}


async def test_of_many_runs_the_newest_keep_everything_they_had(
    store: SqliteStore, connection: apsw.Connection
) -> None:
    await delivered_runs(store, 5)
    await sweep(store, Limits(runs=2))
    assert {**rows(connection), "events": 0} == {
        "runs": 2,
        "errands": 2,
        "occurrences": 3,
        "sessions": 2,
        "messages": 2,
        "deliveries": 2,
        "parts": 2,
        "receipts": 4,
        "events": 0,
    }


async def plans_of_a_sweep(store: SqliteStore, connection: apsw.Connection) -> dict[str, list[str]]:
    """Each statement, on one line, with the steps of its plan."""
    statements: dict[str, Any] = {}

    def note(_: apsw.Cursor, sql: str, bindings: Any) -> bool:
        if sql.split(maxsplit=1)[0] in ("SELECT", "DELETE"):
            statements[sql] = bindings
        return True

    connection.exec_trace = note
    for limits in (Limits(delivery_days=1), Limits(runs=1), Limits(bytes=1), Limits(days=1)):
        await sweep(store, limits)
    connection.exec_trace = None
    return {
        " ".join(sql.split()): [
            step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)
        ]
        for sql, bindings in statements.items()
    }


async def test_nothing_is_found_by_reading_a_whole_table(
    store: SqliteStore, connection: apsw.Connection
) -> None:
    await delivered_runs(store, 3)
    plans = await plans_of_a_sweep(store, connection)
    assert len(plans) >= 15
    whole = {
        sql: steps for sql, steps in plans.items() if any(re.match(r"SCAN (?!\()", step) for step in steps)
    }
    assert whole == {}
    # Only the sizes of one job's runs are added up and sorted.
    sorted_first = [sql for sql, steps in plans.items() if any("TEMP B-TREE" in step for step in steps)]
    assert [sql for sql in sorted_first if "sum(bytes) OVER" not in sql] == []


@pytest.mark.parametrize(
    ("beginning", "index"),
    [
        ("SELECT ended_at", "runs_ended"),
        ("SELECT queued_at, runs.rowid, id", "runs_of_job"),
        ("SELECT at, id", "events_by_time"),
        ("SELECT min(job_id) FROM runs", "runs_of_job"),
        ("DELETE FROM receipts", "receipts_once"),
        ("DELETE FROM parts", "parts_of_delivery"),
        ("DELETE FROM deliveries", "deliveries_once"),
    ],
)
async def test_a_slice_finds_its_rows_through_their_index(
    store: SqliteStore, connection: apsw.Connection, beginning: str, index: str
) -> None:
    await delivered_runs(store, 3)
    plans = await plans_of_a_sweep(store, connection)
    (steps,) = [steps for sql, steps in plans.items() if sql.startswith(beginning)]
    assert any(f"INDEX {index}" in step for step in steps), steps


async def test_space_is_given_back_but_for_what_will_be_used_again(
    store: SqliteStore, connection: apsw.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE ballast (text TEXT)")
    connection.executemany("INSERT INTO ballast VALUES (?)", [("x" * 4000,)] * 1500)
    connection.execute("DROP TABLE ballast")
    before = connection.pragma("freelist_count")
    slices = 0
    while await store.give_back():
        slices += 1
    assert before > 1400
    assert slices == 8
    assert 900 < connection.pragma("freelist_count") <= 1000
