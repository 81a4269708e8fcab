"""The embedded store: SQLite behind one writer, filling the `Store` port."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar
from uuid import uuid4

import apsw

from stentor.adapters.sqlite import (
    confirming,
    deliveries,
    desk,
    endings,
    engine,
    events,
    expiry,
    guards,
    happenings,
    incident_facts,
    incidents,
    incoming,
    jobs,
    lanes,
    life,
    retention,
    runs,
    schedule,
    sending,
    sessions,
    settling,
    transcripts,
)
from stentor.adapters.sqlite.rows import OneByOne
from stentor.adapters.sqlite.snapshot import DAMAGED, damaged
from stentor.adapters.sqlite.writer import ThreadWriter, Writer
from stentor.contract.runners import Message
from stentor.domain.alert_texts import About
from stentor.domain.alerts import Incident, Mark, News
from stentor.domain.faults import StoreError, StoreRefused, StoreUnavailable
from stentor.domain.happenings import Beats, Happening, WakeMode
from stentor.domain.job_changes import JobChange
from stentor.domain.records import (
    AccountRow,
    Arrival,
    Claim,
    DeliverySeed,
    DueJob,
    Finished,
    IncidentStep,
    JobRow,
    Outgoing,
    Preferences,
    Recovery,
    RunEnd,
    RunSeed,
    SessionSeed,
    Settlement,
)
from stentor.domain.retention import Limits, Position, Pruned, Removed
from stentor.domain.rulings import Cancelled, Hand, KnownTarget, Resend, Ruling, StoredDelivery
from stentor.domain.wishes import Wishes
from stentor.ports import Points

log = logging.getLogger(__name__)
T = TypeVar("T")
Item = TypeVar("Item")


def open_connection(path: Path) -> apsw.Connection:
    """Open the store for writing, or refuse: newer, damaged, or empty where there were jobs.

    The mark beside the file names the store that held jobs. A file that was deleted, truncated or replaced does not
    carry that name, and starting on it would quietly begin with no jobs at all.
    """
    mark = _mark(path)
    known = _marked(mark)
    if known is not None and (not path.exists() or path.stat().st_size == 0):
        raise _lost(path, mark)
    connection = engine.read_write(path)
    try:
        _compare(connection, path, mark, known)
    except DAMAGED as error:
        connection.close()
        raise damaged(str(path)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _compare(connection: apsw.Connection, path: Path, mark: Path, known: str | None) -> None:
    with connection:
        connection.execute("INSERT INTO meta VALUES ('store', ?) ON CONFLICT DO NOTHING", (uuid4().hex,))
    name = connection.execute("SELECT value FROM meta WHERE key = 'store'").get
    expected = connection.execute("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'jobs'").get or 0
    stored = connection.execute("SELECT count(*) FROM jobs").get
    if (known and known != name) or (expected and not stored):
        raise _lost(path, mark)
    if not known and stored:
        mark.write_text(json.dumps({"store": name}))


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.mark")


def _marked(mark: Path) -> str | None:
    """The store a mark names. One cut short by a power failure still says that there were jobs, but not whose."""
    if not mark.exists():
        return None
    try:
        return str(json.loads(mark.read_text())["store"])
    except (ValueError, KeyError, TypeError):
        return ""


def _lost(path: Path, mark: Path) -> StoreRefused:
    return StoreRefused(
        f"{path} holds no jobs, but there were some: restore a backup, or delete {mark} and {path} to start afresh"
    )


class SqliteStore:
    """Each method is one operation of the writer; the future resolves when its commit is on the disk."""

    def __init__(self, path: Path, connection: apsw.Connection, writer: Writer) -> None:
        self._writer = writer
        self._path = path
        self._name = connection.execute("SELECT value FROM meta WHERE key = 'store'").get

    @classmethod
    def open(cls, path: Path, points: Points) -> Self:
        """The daemon's store, with a writer thread of its own."""
        connection = open_connection(path)
        return cls(path, connection, ThreadWriter(connection, points))

    async def _do(self, operation: Callable[[apsw.Connection], T]) -> T:
        return await self._writer.submit(operation)

    async def _each(
        self, items: Sequence[Item], together: Callable[[apsw.Connection, Sequence[Item]], Sequence[T]]
    ) -> list[T | StoreError]:
        """Do all items in one operation; if it fails, each by itself, so that a bad one takes nobody with it."""
        try:
            return list(await self._do(lambda c: together(c, items)))
        except StoreUnavailable:
            raise
        except OneByOne:
            pass
        except Exception as error:
            if len(items) == 1:
                return [StoreError(str(error))]
            log.exception("of %d items one failed: each is done by itself", len(items))
        return [result for item in items for result in await self._each([item], together)]

    async def add_job(self, job: JobRow, *, by: str = "") -> None:
        await self._do(lambda c: jobs.add(c, job, by))
        self._leave_mark()

    async def change_jobs(self, changes: Sequence[JobChange]) -> None:
        await self._do(lambda c: jobs.change_all(c, changes))
        self._leave_mark()

    def _leave_mark(self) -> None:
        mark = _mark(self._path)
        if not mark.exists():
            mark.write_text(json.dumps({"store": self._name}))

    async def job(self, job_id: str) -> JobRow | None:
        return await self._do(lambda c: jobs.get(c, job_id))

    async def jobs(self) -> Sequence[JobRow]:
        return await self._do(jobs.everything)

    async def jobs_after(self, job_id: str, limit: int) -> Sequence[JobRow]:
        return await self._do(lambda c: jobs.after(c, job_id, limit))

    async def block_jobs(self, blocked: Mapping[str, str]) -> None:
        await self._do(lambda c: jobs.block(c, blocked))

    async def due(self, before_ms: int, limit: int) -> Sequence[DueJob]:
        return await self._do(lambda c: schedule.due(c, before_ms, limit))

    async def next_due(self) -> int | None:
        return await self._do(schedule.next_due)

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Sequence[RunSeed] | StoreError | None]:
        return await self._each(claims, schedule.claim_all)

    async def tz_version(self) -> str | None:
        return await self._do(schedule.tz_version)

    async def retime(self, moved: Mapping[str, int | None], version: str, *, at_ms: int) -> None:
        await self._do(lambda c: schedule.retime(c, moved, version, at_ms))

    async def schedule_failed(
        self, job_id: str, why: str, *, at_ms: int, look_again_ms: int, most: int
    ) -> None:
        await self._do(lambda c: guards.schedule_failed(c, job_id, why, at_ms, look_again_ms, most))

    async def switch_off(self, job_id: str, reason: str, why: str, *, at_ms: int) -> bool:
        return await self._do(lambda c: guards.switch_off(c, job_id, reason, why, at_ms))

    async def queue_run(self, run: RunSeed) -> RunSeed:
        return await self._do(lambda c: runs.queue(c, run))

    async def start_run(self, run_id: str, boot: str, at_ms: int, deadline_ms: int | None) -> bool:
        return await self._do(lambda c: runs.start(c, run_id, boot, at_ms, deadline_ms))

    async def note_phase(self, run_id: str, boot: str, phase: str) -> None:
        await self._do(lambda c: runs.note_phase(c, run_id, boot, phase))

    async def note_late(self, run_id: str, what: str, at_ms: int) -> None:
        await self._do(lambda c: runs.note_late(c, run_id, what, at_ms))

    async def finish_runs(self, ends: Sequence[RunEnd]) -> Sequence[Finished | StoreError]:
        return await self._each(ends, endings.finish_all)

    async def remember(self, run_id: str, boot: str, messages: Sequence[Message], at_ms: int) -> bool:
        return await self._do(lambda c: transcripts.remember(c, run_id, boot, messages, at_ms))

    async def history(self, session_id: str, most: int | None = None) -> Sequence[Message]:
        return await self._do(lambda c: transcripts.history(c, session_id, most))

    async def happen(self, session: SessionSeed, text: str, wake: WakeMode, at_ms: int) -> None:
        await self._do(lambda c: happenings.happen(c, session, text, wake, at_ms))

    async def unanswered(self, session_key: str) -> Sequence[Happening]:
        return await self._do(lambda c: happenings.unanswered(c, session_key))

    async def beats(self, job_id: str) -> Beats:
        return await self._do(lambda c: happenings.beats(c, job_id))

    async def enqueue(self, delivery: DeliverySeed) -> None:
        await self._do(lambda c: deliveries.insert_all(c, [delivery]))

    async def enqueue_of_run(self, delivery: DeliverySeed, boot: str) -> bool:
        return await self._do(lambda c: deliveries.insert_of_live_run(c, delivery, boot))

    async def begin_sends(self, now_ms: int, limit: int, boot: str) -> Sequence[Outgoing]:
        return await self._do(lambda c: sending.begin_sends(c, now_ms, limit, boot))

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool | StoreError]:
        return await self._each(settlements, settling.settle_all)

    async def later_receipt(
        self, channel: str, account: str, message_id: str, level: str, at_ms: int, part_id: str = ""
    ) -> bool:
        news = (channel, account, message_id, level, at_ms)
        return await self._do(lambda c: settling.later_receipt(c, *news, part_id))

    async def take_in(self, arrival: Arrival) -> bool:
        return await self._do(lambda c: incoming.take_in(c, arrival))

    async def next_send(self) -> int | None:
        return await self._do(lanes.next_send)

    async def expire(self, now_ms: int) -> int:
        return await self._do(lambda c: expiry.expire(c, now_ms))

    async def flag_unconfirmed(self, now_ms: int) -> int:
        return await self._do(lambda c: confirming.flag(c, now_ms))

    async def shut(self, channel: str, account: str, reason: str, now_ms: int) -> None:
        await self._do(lambda c: life.shut(c, channel, account, reason, now_ms))

    async def reopen(self, channel: str, account: str, now_ms: int) -> None:
        await self._do(lambda c: life.reopen(c, channel, account, now_ms))

    async def set_accounts(self, accounts: Sequence[AccountRow], now_ms: int) -> None:
        await self._do(lambda c: life.set_accounts(c, accounts, now_ms))

    async def delivery(self, delivery_id: str) -> StoredDelivery | None:
        return await self._do(lambda c: desk.find(c, delivery_id))

    async def resend(self, delivery: DeliverySeed, again: Resend) -> bool:
        return await self._do(lambda c: desk.resend(c, delivery, again))

    async def rule(self, rulings: Sequence[Ruling]) -> Sequence[bool]:
        return await self._do(lambda c: desk.rule(c, rulings))

    async def cancel(self, delivery_id: str, hand: Hand) -> Cancelled:
        return await self._do(lambda c: desk.cancel(c, delivery_id, hand))

    async def over(self, states: Sequence[str], before_ms: int, limit: int) -> Sequence[str]:
        return await self._do(lambda c: desk.over(c, states, before_ms, limit))

    async def drop(self, delivery_ids: Sequence[str], hand: Hand) -> Sequence[str]:
        return await self._do(lambda c: desk.drop(c, delivery_ids, hand))

    async def clear_target(self, known: KnownTarget, hand: Hand) -> bool:
        return await self._do(lambda c: desk.clear_target(c, known, hand))

    async def incident_news(self, now_ms: int, most: int) -> News:
        return await self._do(lambda c: incidents.news(c, now_ms, most))

    async def file_news(self, marks: Sequence[Mark], found: News, now_ms: int) -> bool:
        return await self._do(lambda c: incidents.file(c, marks, found, now_ms))

    async def incidents(self, after: int, most: int, now_ms: int) -> Sequence[Incident]:
        return await self._do(lambda c: incidents.still_open(c, after, most, now_ms))

    async def incident_facts(self, incident: int) -> About:
        return await self._do(lambda c: incident_facts.facts(c, incident))

    async def take_step(self, step: IncidentStep) -> bool:
        return await self._do(lambda c: incidents.take(c, step))

    async def recover(self, boot: str) -> Recovery:
        return await self._do(lambda c: life.recover(c, boot))

    async def beat(self, boot: str, now_ms: int) -> None:
        await self._do(lambda c: life.beat(c, boot, now_ms))

    async def note(self, kind: str, data: Mapping[str, object], at_ms: int) -> None:
        await self._do(lambda c: events.record(c, at_ms, kind, data))

    async def prune(self, limits: Limits, now_ms: int, begin: Position) -> Pruned:
        return await self._do(lambda c: retention.prune(c, limits, now_ms, begin))

    async def give_back(self) -> bool:
        return await self._do(retention.give_back)

    async def swept(self, removed: Removed, at_ms: int) -> None:
        await self._do(lambda c: retention.note(c, removed, at_ms))

    async def reset_session(self, session_id: str, hand: Hand) -> bool:
        return await self._do(lambda c: sessions.reset(c, session_id, hand))

    async def remove_session(self, session_id: str) -> bool:
        return await self._do(lambda c: sessions.remove(c, session_id))

    async def preferences(self, base_key: str) -> Preferences | None:
        return await self._do(lambda c: sessions.preferences(c, base_key))

    async def prefer(self, base_key: str, wishes: Wishes, hand: Hand) -> Preferences:
        return await self._do(lambda c: sessions.prefer(c, base_key, wishes, hand))

    async def newest_ms(self) -> int:
        return await self._do(life.newest)

    async def append(
        self, channel: str, account: str, key: str, target: str, body: Mapping[str, object], at_ms: int
    ) -> str:
        return await self._do(lambda c: life.journal(c, (channel, account), key, target, body, at_ms))

    async def close(self) -> None:
        await self._writer.close()
