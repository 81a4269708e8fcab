"""What the rules do to a store again and again, and how they look at it afterwards."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from stentor.domain.faults import StoreError
from stentor.domain.json_types import JsonObject
from stentor.domain.outbox import Verdict
from stentor.domain.records import (
    AccountRow,
    Claim,
    DeliverySeed,
    Finished,
    JobRow,
    Outgoing,
    RunEnd,
    RunSeed,
    Settlement,
)
from stentor.domain.retention import Limits, Position, Removed
from stentor.domain.session_limits import SessionLimits
from stentor.domain.states import RunStatus
from stentor.ports import Store
from stentor.testing.rows import BOOT, NOW_MS, claim_of, job_row, run_end, run_seed, settlement

Reopen = Callable[[], Awaitable[Store]]


class RunLog(Protocol):
    """What people see of a store. It is read beside the store and shows each commit as soon as it is made."""

    def job(self, name: str) -> JsonObject | None: ...

    def runs(self, *, limit: int, offset: int) -> tuple[list[JsonObject], int]: ...

    def run(self, run_id: str) -> JsonObject | None: ...

    def deliveries(self, *, run: str | None = None, delivery: str | None = None) -> list[JsonObject]: ...

    def alerts(self, limit: int) -> list[JsonObject]: ...

    def events(self, after: int) -> list[JsonObject]: ...

    def incidents(self, limit: int) -> list[JsonObject]: ...

    def incoming(self, channel: str | None, limit: int) -> list[JsonObject]: ...

    def edits(
        self, job: str | None = None, *, limit: int, offset: int = 0
    ) -> tuple[list[JsonObject], int]: ...

    def session(self, name: str) -> JsonObject | None: ...

    def session_figures(self) -> JsonObject: ...

    def sessions_beyond(self, limits: SessionLimits, now_ms: int) -> Removed: ...

    def counts(self) -> JsonObject: ...

    def heartbeat(self) -> int | None: ...


async def claim_one(store: Store, claim: Claim) -> Sequence[RunSeed] | None:
    """What a single claim came to; an error of it is raised."""
    (claimed,) = await store.claim([claim])
    if isinstance(claimed, StoreError):
        raise claimed
    return claimed


async def finish_one(store: Store, end: RunEnd) -> Finished:
    """What the end of a single run came to; an error of it is raised."""
    (finished,) = await store.finish_runs([end])
    if isinstance(finished, StoreError):
        raise finished
    return finished


async def settle_one(store: Store, settlement: Settlement) -> bool:
    """Whether a single verdict was taken; an error of it is raised."""
    (settled,) = await store.settle([settlement])
    if isinstance(settled, StoreError):
        raise settled
    return settled


async def stored_job(store: Store, job_id: str = "brief") -> JobRow:
    """A job that must be there."""
    job = await store.job(job_id)
    if job is None:
        raise AssertionError(f"the job {job_id} is gone")
    return job


async def claimed_run(store: Store, run: RunSeed | None = None, job: JobRow | None = None) -> RunSeed:
    """A job with one claimed run, queued."""
    run, job = run or run_seed(), job or job_row()
    await store.add_job(job)
    claimed = await claim_one(store, claim_of(job, run, next_at_ms=job.next_at_ms))
    if claimed is None or len(claimed) != 1:
        raise AssertionError(f"the claim of a fresh job came to {claimed}")
    return claimed[0]


async def running_run(store: Store, run: RunSeed | None = None, job: JobRow | None = None) -> RunSeed:
    """A job with one run under way."""
    claimed = await claimed_run(store, run, job)
    if not await store.start_run(claimed.id, claimed.boot, NOW_MS, None):
        raise AssertionError(f"the run {claimed.id} did not start")
    return claimed


async def delivering_run(store: Store, *deliveries: DeliverySeed, job: JobRow | None = None) -> RunSeed:
    """An ok run whose end put `deliveries` into the outbox, on accounts that are open."""
    run = await running_run(store, job=job)
    await open_accounts(store, deliveries)
    await finish_one(store, run_end(run.id, RunStatus.OK, *deliveries))
    return run


async def put(store: Store, *deliveries: DeliverySeed) -> None:
    """Deliveries in the outbox, on accounts that are open."""
    await open_accounts(store, deliveries)
    for seed in deliveries:
        await store.enqueue(seed)


async def open_accounts(store: Store, deliveries: Iterable[DeliverySeed]) -> None:
    accounts = {(seed.target.channel, seed.target.account or "") for seed in deliveries}
    await store.set_accounts([AccountRow(*account, "open") for account in sorted(accounts)], NOW_MS)


async def handed_out(store: Store, at_ms: int = NOW_MS, limit: int = 100) -> list[str]:
    """The ids of the parts that go next; their sending is committed."""
    return [part.part_id for part in await store.begin_sends(at_ms, limit, BOOT)]


async def sending(store: Store, at_ms: int = NOW_MS, boot: str = BOOT) -> Outgoing:
    """The only part that goes next."""
    parts = await store.begin_sends(at_ms, 100, boot)
    if len(parts) != 1:
        raise AssertionError(f"one part was to go, but it was {[part.part_id for part in parts]}")
    return parts[0]


async def answered(store: Store, verdict: Verdict, at_ms: int = NOW_MS) -> Outgoing:
    """The only part that goes next, sent and settled."""
    part = await sending(store, at_ms)
    if not await settle_one(store, settlement(part, verdict, at_ms)):
        raise AssertionError(f"the answer to {part.part_id} was not taken")
    return part


def logged_run(read: RunLog, run_id: str = "r-1") -> JsonObject:
    """A run that must be in the run log."""
    run = read.run(run_id)
    if run is None:
        raise AssertionError(f"the run log does not know {run_id}")
    return run


def logged_delivery(read: RunLog, delivery_id: str = "d-1") -> JsonObject:
    """A delivery that must be in the run log."""
    found = read.deliveries(delivery=delivery_id)
    if len(found) != 1:
        raise AssertionError(f"the run log has {len(found)} deliveries {delivery_id}")
    return found[0]


def part_states(read: RunLog, delivery_id: str = "d-1") -> list[str]:
    return [part["state"] for part in logged_delivery(read, delivery_id)["parts"]]


def alerts_about(read: RunLog, *, run: str | None = None, delivery: str | None = None) -> list[str]:
    """The causes of the alerts that name a run or a delivery, oldest first."""
    named = [
        alert["cause"]
        for alert in read.alerts(100)
        if (run is not None and alert["runId"] == run)
        or (delivery is not None and alert["deliveryId"] == delivery)
    ]
    return named[::-1]


def events_of(read: RunLog, kind: str) -> list[JsonObject]:
    return [event for event in read.events(0) if event["kind"] == kind]


async def swept(store: Store, limits: Limits, *, now_ms: int) -> Removed:
    """A whole sweep of the run log, slice by slice."""
    removed = Removed()
    position: Position | None = Position()
    while position is not None:
        slice_ = await store.prune(limits, now_ms, position)
        removed, position = removed + slice_.removed, slice_.following
    return removed
