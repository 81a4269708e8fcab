"""Accounting: every instant a schedule yields gets exactly one outcome, however late anybody looks."""

from dataclasses import dataclass
from itertools import islice
from typing import Literal

from stentor.domain.schedules import Schedule, instants

Outcome = Literal["run", "missed", "skipped"]
Policy = Literal["latest", "all", "skip"]
# A claim this late is still on time: ticks and commits take a moment.
ON_TIME_MS = 1_000


@dataclass(frozen=True, slots=True)
class Accounted:
    """One instant and what became of it; with `last_ms`, a range of `count` instants of the same fate."""

    instant_ms: int
    outcome: Outcome
    reason: str = ""
    last_ms: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Accounting:
    """A slice of the account, oldest first. Not `complete`: more is due, ask again from `accounted_until_ms`."""

    rows: tuple[Accounted, ...]
    accounted_until_ms: int
    complete: bool


def account(  # noqa: PLR0913 - the facts of a claim, all by name
    schedule: Schedule,
    *,
    job_id: str,
    last_accounted_ms: int,
    now_ms: int,
    horizon_ms: int,
    policy: Policy,
    grace_ms: int,
    overlapping: bool = False,
    limit: int = 1000,
) -> Accounting:
    """Decide on every instant since the last account up to `now_ms` or, for claims ahead of time, `horizon_ms` later."""
    until_ms = max(last_accounted_ms, now_ms, now_ms + horizon_ms)
    found = list(islice(instants(schedule, last_accounted_ms, until_ms, job_id=job_id), limit + 1))
    complete = len(found) <= limit
    due = found[:limit]
    newest_ms = due[-1] if due and complete else None
    rows: list[Accounted] = []
    for instant_ms in due:
        missed = _why_missed(policy, now_ms - instant_ms, grace_ms, newest=instant_ms == newest_ms)
        rows.append(_row(instant_ms, missed, overlapping=overlapping))
    return Accounting(tuple(rows), until_ms if complete else due[-1], complete)


def _why_missed(policy: Policy, late_ms: int, grace_ms: int, *, newest: bool) -> str:
    """Empty when the instant is to run."""
    late = late_ms >= ON_TIME_MS
    if late and policy == "skip":
        return "skipped_by_policy"
    if late and late_ms > grace_ms:
        return "grace"
    return "coalesced" if policy == "latest" and not newest else ""


def _row(instant_ms: int, missed: str, *, overlapping: bool) -> Accounted:
    if missed:
        return Accounted(instant_ms, "missed", missed)
    return Accounted(instant_ms, "skipped", "overlap") if overlapping else Accounted(instant_ms, "run")
