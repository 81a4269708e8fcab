"""A tick costs what is due, not what is stored: no statement on the way reads a whole table."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter
from stentor.domain.states import RunStatus
from stentor.testing.points import Trail
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    PAGER,
    accepted,
    claim_of,
    delivery_seed,
    job_row,
    run_end,
    run_seed,
    settlement,
)
from stentor.testing.store_conformance.steps import claim_one, finish_one, settle_one

# Tables with a row per configured thing, which may be read whole.
SMALL = {"accounts"}


@dataclass
class Watched:
    """A store whose statements are written down, so that each can be asked how it is carried out."""

    store: SqliteStore
    connection: apsw.Connection
    statements: dict[str, Any] = field(default_factory=dict[str, Any])

    def watch(self) -> None:
        self.connection.exec_trace = self._note

    def _note(self, _: apsw.Cursor, sql: str, bindings: Any) -> bool:
        if sql.split(maxsplit=1)[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            self.statements[sql] = bindings
        return True

    def plans(self) -> dict[str, list[str]]:
        """Each statement, on one line, with the steps of its plan."""
        self.connection.exec_trace = None
        return {
            _as_asked(sql): [
                step for *_, step in self.connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)
            ]
            for sql, bindings in self.statements.items()
        }


@pytest.fixture
async def watched(path: Path) -> AsyncIterator[Watched]:
    connection = open_connection(path)
    store = SqliteStore(path, connection, InlineWriter(connection, Trail()))
    yield Watched(store, connection)
    await store.close()


async def work(store: SqliteStore) -> None:
    """Everything a process does again and again while it lives."""
    await store.add_job(job_row())
    await store.set_accounts([PAGER], NOW_MS)
    await store.recover(BOOT)
    await store.due(NOW_MS, 10)
    await claim_one(store, claim_of(job_row(), run_seed()))
    await store.next_due()
    await store.start_run("r-1", BOOT, NOW_MS, None)
    await store.note_phase("r-1", BOOT, "model-call")
    await store.history("s-r-1")
    await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1", texts=("one", "two"))))
    await store.next_send()
    for part in await store.begin_sends(NOW_MS, 10, BOOT):
        await settle_one(store, settlement(part, accepted()))
    await store.later_receipt("page", "main", "m-1", "read", NOW_MS)
    await store.append("page", "main", "k-1", "page:room1", {}, NOW_MS)
    await store.expire(NOW_MS)
    await store.beat(BOOT, NOW_MS)


async def test_no_statement_on_the_way_reads_a_whole_table(watched: Watched) -> None:
    watched.watch()
    await work(watched.store)
    plans = watched.plans()
    tables = {name for (name,) in watched.connection.execute("SELECT name FROM sqlite_schema")}
    assert len(plans) > 30
    read_whole = {
        sql: step
        for sql, steps in plans.items()
        for step in steps
        if (found := re.fullmatch(r"SCAN (\w+)", step)) and _table(found[1], sql) in tables - SMALL
    }
    assert read_whole == {}


@pytest.mark.parametrize(
    ("beginning", "index"),
    [
        ("SELECT (SELECT count(*) FROM runs", "jobs_due"),
        ("SELECT min(next_at)", "jobs_due"),
        ("SELECT l.priority, l.ready_at, l.head", "lanes_ready"),
        ("SELECT min(max(a.ready_at", "lanes_ready"),
        ("UPDATE lanes SET busy = 0", "parts_open"),
        ("SELECT id FROM deliveries d WHERE state IN", "deliveries_open"),
        ("SELECT p.id, p.delivery_id FROM receipts", "receipts_once"),
        ("SELECT r.id, r.job_id, r.job_name", "runs_open"),
    ],
    ids=["due", "next due", "ready lanes", "next send", "head of lane", "expired", "receipt", "open runs"],
)  # fmt: skip
async def test_a_query_reads_the_rows_it_is_about_through_their_index(
    watched: Watched, beginning: str, index: str
) -> None:
    watched.watch()
    await work(watched.store)
    plans = [steps for sql, steps in watched.plans().items() if sql.startswith(beginning)]
    assert plans, f"no statement begins with {beginning!r}"
    assert [steps for steps in plans if not any(f"INDEX {index}" in step for step in steps)] == []


async def test_parts_a_dead_process_was_sending_are_found_without_reading_all_parts(watched: Watched) -> None:
    watched.watch()
    await watched.store.recover(BOOT)
    (steps,) = [steps for sql, steps in watched.plans().items() if "p.state = 'sending'" in sql]
    assert any("INDEX parts_sending" in step for step in steps)


async def test_ready_lanes_come_in_their_order_without_being_sorted(watched: Watched) -> None:
    await watched.store.set_accounts([PAGER], NOW_MS)
    watched.watch()
    await watched.store.begin_sends(NOW_MS, 10, BOOT)
    (steps,) = [steps for sql, steps in watched.plans().items() if "FROM lanes" in sql]
    assert [step for step in steps if "TEMP B-TREE" in step] == []


async def test_lanes_of_an_account_that_is_shut_are_not_looked_at(watched: Watched) -> None:
    await watched.store.set_accounts([replace(PAGER, state="down"), replace(PAGER, account="second")], NOW_MS)
    watched.watch()
    await watched.store.begin_sends(NOW_MS, 10, BOOT)
    asked = [bindings for sql, bindings in watched.statements.items() if "FROM lanes" in sql]
    assert [account for _, account, *_ in asked] == ["second"]


def _as_asked(sql: str) -> str:
    """On one line, and without what packs the rows of a query into one."""
    return re.sub(r"^WITH found\([^)]*\) AS \(\s*", "", " ".join(sql.split()))


def _table(alias: str, sql: str) -> str:
    """The table an alias of a statement stands for."""
    found = re.search(rf"\b(\w+) (?:AS )?{alias}\b", sql)
    return found[1] if found and found[1] not in ("FROM", "JOIN", "UPDATE", "INTO") else alias
