"""What parts make of their delivery, deliveries of their run, and both of a job that goes when it is done."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import deliveries
from stentor.adapters.sqlite.events import alarm, event, record, record_all
from stentor.adapters.sqlite.rows import Row, fetch, fetch_packed, first, listed, write_each
from stentor.domain.outbox import roll_up
from stentor.domain.runs import RunOutcome, completion_status, delivery_status
from stentor.domain.states import (
    GOOD_DELIVERY,
    OPEN_PART,
    CompletionStatus,
    DeliveryState,
    PartState,
    RunStatus,
)

# What somebody ruled of an unknown part of `d` counts for everything that follows from it; the part keeps its state.
AS_RULED = """
CASE WHEN p.state <> 'unknown' THEN p.state ELSE CASE d.settled ->> ('$.parts."' || p.n || '"')
    WHEN 'delivered' THEN 'delivered' WHEN 'not-delivered' THEN 'rejected' ELSE 'unknown' END END
"""
# What stands beside a run, such as an alert about it, is no part of its result; nor is what something else stood in for.
# CROSS JOIN keeps the order of the loops, so that the rows of one delivery, or of one run, come together.
_PARTS = f"""
SELECT d.id, d.rowid, d.state, d.reason, d.run_id, d.job_id, {AS_RULED}
FROM json_each(?) w CROSS JOIN deliveries d ON d.id = w.value CROSS JOIN parts p ON p.delivery_id = d.id
"""
_RUNS = """
SELECT r.rowid, r.job_id, r.status, r.routes <> '[]', r.delivery_status, r.completion_status, d.state, d.required
FROM json_each(?) w CROSS JOIN runs r ON r.id = w.value LEFT JOIN deliveries d ON d.run_id = r.id
    AND d.purpose IN ('announce', 'tool')
    AND NOT EXISTS (SELECT 1 FROM deliveries f WHERE f.linked_to = d.id AND f.link = 'fallback')
"""
_DELIVERY_NOW = """
WITH w (number, state, reason) AS ({rows})
UPDATE deliveries SET state = w.state, reason = w.reason FROM w WHERE deliveries.rowid = w.number
"""
_RUN_NOW = """
WITH w (number, delivered, completed) AS ({rows})
UPDATE runs SET delivery_status = w.delivered, completion_status = w.completed FROM w WHERE runs.rowid = w.number
"""
_LEAVING = """
SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND finished = 'done' AND doc ->> '$.deleteAfterRun' = 1
"""
_DONE = """
SELECT 1 FROM jobs WHERE id = ?1 AND finished = 'done' AND doc ->> '$.deleteAfterRun' = 1
AND NOT EXISTS (SELECT 1 FROM runs WHERE job_id = ?1 AND ended_at IS NULL)
AND 'succeeded' = (SELECT completion_status FROM runs WHERE job_id = ?1 AND trigger <> 'manual'
    ORDER BY queued_at DESC, attempt DESC LIMIT 1)
"""


class Change(NamedTuple):
    """Some part of a delivery is not what it was. `lost` names what became of a part that is given up.

    What somebody did by hand is nothing to tell them. With a reason to be `suppressed` a delivery is left out on
    purpose, rather than failed, if nothing of it was sent.
    """

    delivery_id: str
    at_ms: int
    why: str = ""
    lost: str = ""
    by_hand: bool = False
    suppressed: str = ""


class Standing(NamedTuple):
    """A delivery as it stood before its parts changed, and the parts as they are now."""

    id: str
    row: int
    state: str
    reason: str
    run_id: str | None
    job_id: str | None
    parts: tuple[str, ...]


def after_changes(
    connection: apsw.Connection, changes: Sequence[Change], known: Sequence[Standing] = ()
) -> None:
    """Roll parts up into their deliveries; neither a bad end nor a lost part passes in silence.

    What the caller knows of them need not be looked up.
    """
    news = {change.delivery_id: change for change in changes}
    updates: list[tuple[int, str, str]] = []
    runs: list[str] = []
    failed: list[str] = []
    happened: list[Row] = []
    told = {standing.id for standing in known}
    unknown = [delivery for delivery in news if delivery not in told]
    for before in (*known, *_standing(connection, unknown)):
        state, reason = _rolled_up(before.parts)
        if state is DeliveryState.FAILED and news[before.id].suppressed:
            state, reason = DeliveryState.SUPPRESSED, news[before.id].suppressed
        if (state, reason) != (before.state, before.reason):
            updates.append((before.row, state, reason))
        if state != before.state and before.run_id is not None:
            runs.append(before.run_id)
            if state is DeliveryState.FAILED and not news[before.id].by_hand:
                failed.append(before.id)
        happened += _happened(before, state, reason, news[before.id])
    record_all(connection, happened)
    write_each(connection, _DELIVERY_NOW, updates)
    if failed:
        deliveries.stand_in(connection, failed)
    jobs = summarise_runs(connection, runs)
    leaving = fetch(connection, _LEAVING, (listed(jobs),)) if jobs else []
    for (job_id,) in leaving:
        retire_if_done(connection, job_id, max(change.at_ms for change in changes))


def summarise_runs(connection: apsw.Connection, run_ids: Iterable[str]) -> list[str]:
    """Derive what each run's deliveries amount to; gives the jobs of those that have succeeded.

    Runs and deliveries keep their own states.
    """
    updates: list[tuple[int, str, str]] = []
    succeeded: list[str] = []
    found = fetch_packed(connection, _RUNS, (listed(dict.fromkeys(run_ids)),), columns=8)
    for run, rows in groupby(found, key=itemgetter(slice(6))):
        row, job_id, status, requested, *before = run
        states = tuple((state, required) for *_, state, required in rows if state is not None)
        words = _words(status, states, requested=bool(requested))
        if words != tuple(before):
            updates.append((row, *words))
        if words[1] == CompletionStatus.SUCCEEDED:
            succeeded.append(job_id)
    write_each(connection, _RUN_NOW, updates)
    return succeeded


def retire_if_done(connection: apsw.Connection, job_id: str, at_ms: int) -> None:
    """Remove a finished one-shot that asked for it, once everything it had to deliver is known to be there."""
    if first(connection, _DONE, (job_id,)):
        connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        connection.execute("UPDATE meta SET value = CAST(value AS INTEGER) - 1 WHERE key = 'jobs'")
        record(connection, at_ms, "job.retired", job_id=job_id)


def _standing(connection: apsw.Connection, delivery_ids: Collection[str]) -> Iterator[Standing]:
    found = fetch(connection, _PARTS, (listed(delivery_ids),)) if delivery_ids else []
    for delivery, rows in groupby(found, key=itemgetter(slice(6))):
        yield Standing._make((*delivery, tuple(row[6] for row in rows)))


@lru_cache
def _rolled_up(parts: tuple[str, ...]) -> tuple[DeliveryState, str]:
    return roll_up([PartState(part) for part in parts])


@lru_cache
def _words(status: str, deliveries: tuple[tuple[str, int], ...], *, requested: bool) -> tuple[str, str]:
    states = tuple((DeliveryState(state), bool(required)) for state, required in deliveries)
    outcome = RunOutcome(RunStatus(status), states, requested=requested)
    return delivery_status(outcome), completion_status(outcome)


def _happened(before: Standing, state: DeliveryState, reason: str, change: Change) -> Iterator[Row]:
    run_id, job_id = before.run_id, before.job_id
    if state != before.state:
        kind = f"delivery.{state}"
        yield event(change.at_ms, kind, job_id=job_id, run_id=run_id, delivery_id=before.id)
    elif not change.lost:
        return
    if change.by_hand:
        return
    cause = _worth_an_alert(before.parts, state, change.lost)
    if cause:
        why = change.why or f"{reason} parts were accepted"
        yield alarm(change.at_ms, cause, why, job_id=job_id, run_id=run_id, delivery_id=before.id)


def _worth_an_alert(parts: Iterable[str], state: DeliveryState, lost: str) -> str:
    """The cause of an alert: how a delivery ended, or what became of a part while the rest goes on."""
    if state is DeliveryState.UNKNOWN or not OPEN_PART.intersection(parts):
        return "" if state in GOOD_DELIVERY or state is DeliveryState.SUPPRESSED else state.value
    return lost
