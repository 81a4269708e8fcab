"""Accounting: every instant a schedule yields gets exactly one outcome, however late anybody looks."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from typing import Literal

from stentor.domain.schedules import Every, Schedule, instants, next_after
from stentor.domain.values import value

Outcome = Literal["run", "missed", "skipped"]
Policy = Literal["latest", "all", "skip"]
# Nobody was away, yet it took this long to look: the loop was frozen, and its instants are treated like missed ones.
LATE_MS = 60_000


@value
class Accounted:
    """One instant and what became of it; with `last_ms`, a range of `count` instants of the same fate.

    `late` marks a run whose instant passed while nobody was watching.
    """

    instant_ms: int
    outcome: Outcome
    reason: str = ""
    last_ms: int | None = None
    count: int = 1
    late: bool = False


@value
class Accounting:
    """A slice of the account, oldest first. Not `complete`: more is due, ask again from `accounted_until_ms`."""

    rows: tuple[Accounted, ...]
    accounted_until_ms: int
    complete: bool


@value
class MissedRule:
    """What a job wants done about instants that passed while nothing ran."""

    policy: Policy
    grace_ms: int


@value
class Look:
    """The circumstances of one look at a job: who watched since when, and what stands in the way."""

    now_ms: int
    # Claims are made a little ahead of time.
    horizon_ms: int = 0
    # Since when somebody watches without a gap: a start, the end of a sleep, a jump of the clock.
    awake_ms: int = 0
    # After errors nothing runs before this; what falls due until then is skipped, the newest excepted.
    not_before_ms: int = 0
    # The run log forgets what is older; such instants are counted, not listed.
    keep_from_ms: int = 0
    overlapping: bool = False


def account(
    schedule: Schedule,
    missed: MissedRule,
    look: Look,
    *,
    job_id: str,
    last_accounted_ms: int,
    limit: int = 1000,
) -> Accounting:
    """Decide on every instant since the last account, at most `limit` of them at once."""
    until_ms = max(last_accounted_ms, look.now_ms, look.now_ms + look.horizon_ms)
    silent = _silent_beats(schedule, missed, look, last_accounted_ms)
    if silent is not None and silent.last_ms is not None:
        return Accounting((silent,), silent.last_ms, complete=False)
    found = list(islice(instants(schedule, last_accounted_ms, until_ms, job_id=job_id), limit + 1))
    complete = len(found) <= limit
    due = found[:limit]
    newest_ms = due[-1] if due and complete else None
    rows = [_judged(instant_ms, missed, look, newest=instant_ms == newest_ms) for instant_ms in due]
    if due and due[0] < look.keep_from_ms:
        rows = list(_condensed(rows, look.keep_from_ms))
    return Accounting(tuple(rows), until_ms if complete else due[-1], complete)


def _judged(instant_ms: int, missed: MissedRule, look: Look, *, newest: bool) -> Accounted:
    age_ms = look.now_ms - instant_ms
    unwatched = instant_ms <= look.awake_ms
    waited = instant_ms < look.not_before_ms
    late = unwatched or age_ms >= LATE_MS
    if late and missed.policy == "skip" and not waited:
        return Accounted(instant_ms, "missed", "skipped_by_policy")
    if late and age_ms > missed.grace_ms and (unwatched or not waited):
        return Accounted(instant_ms, "missed", "grace")
    if waited and not newest:
        return Accounted(instant_ms, "skipped", "backoff")
    if missed.policy == "latest" and not newest:
        return Accounted(instant_ms, "missed", "coalesced")
    if look.overlapping:
        return Accounted(instant_ms, "skipped", "overlap")
    return Accounted(instant_ms, "run", late=late and not waited)


def _condensed(rows: Iterable[Accounted], keep_from_ms: int) -> Iterator[Accounted]:
    """Instants the run log would forget at once become one row for all that share a fate."""

    def fate(row: Accounted) -> object:
        listed = row.instant_ms >= keep_from_ms or row.outcome == "run"
        return row.instant_ms if listed else (row.outcome, row.reason)

    for _, group in groupby(rows, fate):
        alike = list(group)
        first, last = alike[0], alike[-1]
        yield first if first is last else replace(first, last_ms=last.instant_ms, count=len(alike))


def _silent_beats(
    schedule: Schedule, missed: MissedRule, look: Look, last_accounted_ms: int
) -> Accounted | None:
    """A beat that nobody heard for years is counted by arithmetic instead of instant by instant."""
    until_ms = min(look.keep_from_ms, look.now_ms - missed.grace_ms, look.awake_ms) - 1
    if not isinstance(schedule, Every) or until_ms <= last_accounted_ms:
        return None
    first_ms = next_after(schedule, last_accounted_ms)
    if first_ms is None or first_ms + schedule.every_ms > until_ms:
        return None
    beats = (until_ms - first_ms) // schedule.every_ms
    reason = "skipped_by_policy" if missed.policy == "skip" else "grace"
    return Accounted(first_ms, "missed", reason, first_ms + beats * schedule.every_ms, beats + 1)
