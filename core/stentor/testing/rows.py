"""Rows as tests hand them to a store: whole and valid, so that a test names only what it is about."""

import json

from stentor.contract.targets import Target
from stentor.domain.outbox import Gate, Verdict
from stentor.domain.records import (
    AccountRow,
    Claim,
    DeliverySeed,
    JobRow,
    OccurrenceRow,
    Outgoing,
    PartSeed,
    RunEnd,
    RunSeed,
    SessionSeed,
    Settlement,
)
from stentor.domain.states import PartState, Priority, Purpose, RunStatus, Trigger
from stentor.testing.virtual_time import START_MS

NOW_MS = START_MS
SECOND_MS = 1_000
HOUR_MS = 3_600_000
BOOT = "boot-1"
PAGER = AccountRow("page", "main", "open")


def job_row(
    job_id: str = "brief",
    *,
    next_at_ms: int | None = NOW_MS,
    enabled: bool = True,
    created_ms: int = NOW_MS - HOUR_MS,
    delete_after_run: bool = False,
) -> JobRow:
    """A job due now and accounted for up to a moment ago."""
    doc = {"id": job_id, "name": job_id.title(), "deleteAfterRun": delete_after_run}
    return JobRow(
        job_id,
        job_id.title(),
        "ops",
        json.dumps(doc),
        "{}",
        "cron",
        enabled,
        1,
        next_at_ms,
        NOW_MS - SECOND_MS,
        created_ms,
        created_ms,
    )


def session_seed(session_id: str = "s-1", *, shared_key: str | None = None) -> SessionSeed:
    """A session of one run, or with `shared_key` one that all runs naming the key have in common."""
    base = "agent:ops:cron:brief"
    if shared_key is not None:
        return SessionSeed(session_id, shared_key, shared_key, "named", "ops", "Shared", shared=True)
    return SessionSeed(session_id, f"{base}:run:{session_id}", base, "run", "ops", "Isolated", shared=False)


def run_seed(
    run_id: str = "r-1",
    *,
    job_id: str = "brief",
    scheduled_ms: int | None = NOW_MS,
    boot: str = BOOT,
    shared_key: str | None = None,
    attempt: int = 1,
) -> RunSeed:
    session = session_seed(f"s-{run_id}", shared_key=shared_key)
    trigger = Trigger.MANUAL if scheduled_ms is None else Trigger.SCHEDULE
    return RunSeed(run_id, job_id, job_id.title(), trigger, NOW_MS, boot, session, scheduled_ms, attempt)


def claim_of(
    job: JobRow,
    *runs: RunSeed,
    lost: tuple[OccurrenceRow, ...] = (),
    until_ms: int = NOW_MS,
    next_at_ms: int | None = NOW_MS + HOUR_MS,
    finished: str | None = None,
) -> Claim:
    """Account for `job` from where it stands: `runs` fire at their instants, `lost` do not."""
    fired = tuple(OccurrenceRow(run.scheduled_ms or 0, "run", run_id=run.id) for run in runs)
    return Claim(
        job.id,
        job.revision,
        job.accounted_ms,
        until_ms,
        next_at_ms,
        until_ms,
        (*lost, *fired),
        runs,
        finished,
    )


def run_end(
    run_id: str = "r-1",
    status: RunStatus = RunStatus.OK,
    *deliveries: DeliverySeed,
    boot: str = BOOT,
    ended_ms: int = NOW_MS + SECOND_MS,
    error: str | None = None,
) -> RunEnd:
    return RunEnd(run_id, boot, status, "done", ended_ms, error=error, deliveries=deliveries)


def room(name: str = "room1", *, channel: str = PAGER.channel, account: str = PAGER.account) -> Target:
    return Target(channel, "room", name, name, account=account)


def delivery_seed(
    delivery_id: str = "d-1",
    *,
    to: Target | None = None,
    texts: tuple[str, ...] = ("hello",),
    files: tuple[str, ...] = (),
    run_id: str | None = None,
    priority: Priority = Priority.ANNOUNCE,
    expires_ms: int = NOW_MS + HOUR_MS,
) -> DeliverySeed:
    """One delivery: a part for each text, then one for each file."""
    of = len(texts) + len(files)
    contents: list[tuple[str, str | None]] = [(text, None) for text in texts]
    contents += [("", json.dumps({"name": name})) for name in files]
    return DeliverySeed(
        delivery_id,
        Purpose.ANNOUNCE,
        to or room(),
        "explicit",
        NOW_MS,
        expires_ms,
        priority,
        run_id=run_id,
        job_id=None if run_id is None else "brief",
        parts=tuple(
            PartSeed(f"{delivery_id}.{n}", n, of, text, attachment=attachment)
            for n, (text, attachment) in enumerate(contents, start=1)
        ),
    )


def settlement(part: Outgoing, verdict: Verdict, at_ms: int = NOW_MS) -> Settlement:
    return Settlement(part.part_id, part.attempt, at_ms, verdict)


def accepted(message_id: str = "m-1") -> Verdict:
    return Verdict(PartState.ACCEPTED, message_id=message_id)


def unknown() -> Verdict:
    return Verdict(PartState.UNKNOWN, "no_answer", "the connection broke after the request")


def rejected() -> Verdict:
    return Verdict(PartState.REJECTED, "bad_target", "the provider knows no such room")


def not_sent(next_at_ms: int) -> Verdict:
    """Proved unsent: tried again at an instant."""
    return Verdict(PartState.RETRY_WAIT, "not_sent", "connection refused", next_at_ms=next_at_ms)


def throttled(until_ms: int) -> Verdict:
    """The provider wants quiet on the whole account."""
    gate = Gate(until_ms, "throttled")
    return Verdict(PartState.RETRY_WAIT, "throttled", "slow down", next_at_ms=until_ms, gate=gate)


def unavailable(until_ms: int) -> Verdict:
    """There was no connection, so nothing was offered to it."""
    gate = Gate(until_ms, "unavailable")
    return Verdict(PartState.PENDING, "unavailable", "not connected", gate=gate, uses_attempt=False)


def credentials_rejected() -> Verdict:
    gate = Gate(NOW_MS + HOUR_MS, "credentials: token revoked", down=True)
    return Verdict(PartState.PENDING, "credentials", "token revoked", gate=gate, uses_attempt=False)
