"""The nine invariants: what must be true of a store whatever happened, asserted after every end-to-end test."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import apsw

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.rows import Row, fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.adapters.tz_database import choose_tz_database
from stentor.domain.schedules import instants
from stentor.testing.scripted import Provider
from stentor.testing.stretches import stretches

_GOOD = "('accepted', 'delivered', 'read')"


class InvariantBroken(AssertionError):
    """Names the invariant and the rows that break it."""


@dataclass(frozen=True)
class Witness:
    """Who saw what: providers by channel name, and the secrets nobody may ever write down."""

    providers: dict[str, Provider] = field(default_factory=dict[str, Provider])
    secrets: Sequence[str] = ()


def check(home: Path, witness: Witness | None = None) -> None:
    """Assert all nine over the store of `home`."""
    witness = witness or Witness()
    choose_tz_database()
    path = home / "stentor.db"
    if not path.exists():
        return
    connection = read_only(str(path))
    try:
        _i1_every_instant_has_one_row(connection)
        _i2_open_runs_are_leased(connection)
        _i3_accepted_means_receipt(connection)
        _i4_no_part_is_seen_twice(witness)
        _i5_only_good_runs_send(connection)
        _i6_nothing_bad_is_silent(connection)
        _i8_reading_changes_nothing(connection, path)
        _i9_the_log_explains_every_message(connection, witness)
    finally:
        connection.close()
    _i7_no_secret_is_written(home, witness.secrets)


def _i1_every_instant_has_one_row(connection: apsw.Connection) -> None:
    for stretch in stretches(connection):
        job, schedule = stretch.job_id, stretch.schedule
        due = list(instants(schedule, stretch.since_ms, stretch.until_ms, job_id=job))
        rows = fetch(
            connection,
            "SELECT instant, ifnull(last_instant, instant) FROM occurrences WHERE job_id = ?",
            (job,),
        )
        covered = (due[bisect_left(due, first) : bisect_right(due, last)] for first, last in rows)
        counts = Counter(chain.from_iterable(covered))
        lost = [at for at in due if counts[at] != 1]
        _none("I1 every accounted instant has exactly one row", [(job, at) for at in lost])


def _i2_open_runs_are_leased(connection: apsw.Connection) -> None:
    query = """SELECT id, boot FROM runs WHERE ended_at IS NULL AND status = 'running'
        AND boot <> (SELECT value FROM meta WHERE key = 'boot')"""
    _none("I2 every running run has the live boot's lease", fetch(connection, query))


def _i3_accepted_means_receipt(connection: apsw.Connection) -> None:
    bare = f"""SELECT p.id, p.state, p.message_id FROM parts p JOIN deliveries d ON d.id = p.delivery_id
        LEFT JOIN receipts r ON r.part_id = p.id AND r.level = 'accepted'
        WHERE p.state IN {_GOOD} AND (ifnull(p.message_id, '') = '' OR r.id IS NULL OR r.target <> d.target)"""
    _none("I3 accepted means an id from the intended target", fetch(connection, bare))
    stray = f"SELECT id, state, message_id FROM parts WHERE state NOT IN {_GOOD} AND message_id IS NOT NULL"
    _none("I3 only accepted parts have an id", fetch(connection, stray))


def _i4_no_part_is_seen_twice(witness: Witness) -> None:
    for provider in witness.providers.values():
        twice = [(part, count) for part, count in provider.counts.items() if count > 1]
        _none("I4 no part is seen twice", twice)


def _i5_only_good_runs_send(connection: apsw.Connection) -> None:
    query = """SELECT p.id, r.status FROM parts p JOIN deliveries d ON d.id = p.delivery_id JOIN runs r ON r.id = d.run_id
        WHERE d.purpose = 'announce' AND p.attempts > 0 AND r.status <> 'ok'"""
    _none("I5 only an ok run announces", fetch(connection, query))


def _i6_nothing_bad_is_silent(connection: apsw.Connection) -> None:
    runs = """SELECT id, status FROM runs WHERE status IN ('error', 'timeout', 'interrupted')
        AND NOT EXISTS (SELECT 1 FROM events WHERE kind = 'alert' AND run_id = runs.id)"""
    _none("I6 every bad run has its alert", fetch(connection, runs))
    parts = """SELECT p.id, p.state FROM parts p WHERE p.state IN ('rejected', 'expired', 'unknown')
        AND NOT EXISTS (SELECT 1 FROM events WHERE kind = 'alert' AND delivery_id = p.delivery_id)
        AND NOT (p.reason = 'target_suspended' AND EXISTS (
            SELECT 1 FROM deliveries d JOIN targets USING (channel, account, target) WHERE d.id = p.delivery_id))
        AND NOT (p.reason = 'target_suspended' AND EXISTS (
            SELECT 1 FROM deliveries d JOIN deliveries e USING (channel, account, target)
            JOIN events ON events.kind = 'alert' AND events.delivery_id = e.id WHERE d.id = p.delivery_id))"""
    _none("I6 every part that did not arrive has its alert", fetch(connection, parts))
    missed = """SELECT job_id, instant FROM occurrences o WHERE outcome = 'missed'
        AND NOT EXISTS (SELECT 1 FROM events WHERE kind = 'alert' AND job_id = o.job_id)"""
    _none("I6 every missed instant has its alert", fetch(connection, missed))


def _i7_no_secret_is_written(home: Path, secrets: Iterable[str]) -> None:
    files = [path for path in home.rglob("*") if path.is_file() and path.name != "stentor.toml"]
    found = [
        (path.name, "a secret")
        for path in files
        for secret in secrets
        if secret.encode() in path.read_bytes()
    ]
    _none("I7 no secret is written anywhere", found)


def _i8_reading_changes_nothing(connection: apsw.Connection, path: Path) -> None:
    before = _dump(connection)
    with Reader.open(path) as reader:
        reader.jobs_json(agent=None, everything=True)
        reader.runs(limit=200, offset=0)
        reader.deliveries()
        reader.counts()
        reader.alerts(50)
    _none("I8 reading changes nothing", [] if _dump(connection) == before else [("dump", "differs")])


def _i9_the_log_explains_every_message(connection: apsw.Connection, witness: Witness) -> None:
    for channel, provider in witness.providers.items():
        query = (
            "SELECT p.id, p.state FROM parts p JOIN deliveries d ON d.id = p.delivery_id WHERE d.channel = ?"
        )
        states: dict[str, str] = dict(fetch(connection, query, (channel,)))
        seen = provider.counts
        unexplained = [
            part for part in seen if states.get(part, "nothing") in ("nothing", "pending", "cancelled")
        ]
        _none("I9 the log explains every message", unexplained)
        claimed = [part for part, state in states.items() if state in ("accepted", "delivered", "read")]
        _none("I9 nothing is called accepted that nobody saw", [part for part in claimed if part not in seen])


def _dump(connection: apsw.Connection) -> list[Row]:
    tables = ("jobs", "occurrences", "runs", "deliveries", "parts")
    return [row for table in tables for row in fetch(connection, f"SELECT * FROM {table}")]


def _none(rule: str, offenders: Sequence[object]) -> None:
    if offenders:
        raise InvariantBroken(f"{rule}: {list(offenders)[:5]}")
