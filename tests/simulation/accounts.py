"""The accounts of a store against what a calendar says was due."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from tests.simulation.random_jobs import PlannedJob

from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only

_OUTCOMES = """
SELECT job_id, instant, ifnull(last_instant, instant), count, outcome, run_id FROM occurrences ORDER BY job_id, instant
"""
_RUNS = """
SELECT id, job_id, scheduled_for, attempt, queued_at, ended_at FROM runs WHERE scheduled_for IS NOT NULL
"""
_JOBS = "SELECT id, accounted_at, ifnull(not_before, 0), auto_disabled IS NOT NULL FROM jobs"
# Looking takes up to a minute, and after errors the newest instant waits for up to an hour.
_ALLOWANCE_MS = 3_660_000


class Outcome(NamedTuple):
    """A row of the accounts: one instant, or `count` of them up to `last`."""

    job: str
    instant: int
    last: int
    count: int
    outcome: str
    run: str | None


class Run(NamedTuple):
    id: str
    job: str
    instant: int
    attempt: int
    queued: int
    ended: int | None


class Standing(NamedTuple):
    """Up to where a job is accounted for, until when it waits after errors, and whether the product gave it up."""

    accounted: int
    waits_until: int
    given_up: int


@dataclass(frozen=True)
class Accounts:
    """What a store says happened."""

    outcomes: Mapping[str, Sequence[Outcome]]
    runs: Sequence[Run]
    jobs: Mapping[str, Standing]

    @classmethod
    def of(cls, home: Path) -> Self:
        outcomes: defaultdict[str, list[Outcome]] = defaultdict(list)
        with closing(read_only(str(home / "stentor.db"))) as connection:
            for row in fetch(connection, _OUTCOMES):
                outcomes[row[0]].append(Outcome(*row))
            runs = [Run(*row) for row in fetch(connection, _RUNS)]
            jobs = {name: Standing(*row) for name, *row in fetch(connection, _JOBS)}
        return cls(outcomes, runs, jobs)

    @property
    def open_runs(self) -> list[Run]:
        return [run for run in self.runs if run.ended is None]

    @property
    def instants(self) -> int:
        return sum(row.count for rows in self.outcomes.values() for row in rows)

    def missing_or_invented(self, planned: PlannedJob, created_ms: int, until_ms: int) -> Iterator[str]:
        """How a job's outcomes differ from the calendar: one for each instant, and none else."""
        rows = self.outcomes.get(planned.id, ())
        due = self._due(planned, created_ms, self._end(planned.id, until_ms))
        left = Counter(due)
        for row in rows:
            covered = [at for at in due if row.instant <= at <= row.last] if row.count > 1 else [row.instant]
            left.subtract(covered)
            if (covered[0], covered[-1], len(covered)) != (row.instant, row.last, row.count):
                yield f"{planned.id} counts {row.count} from {row.instant} to {row.last}, not {len(covered)}"
        for at, missing in left.items():
            if missing:
                yield f"{planned.id} at {at} has {1 - missing} outcomes"

    def wrong_runs(self, planned: Mapping[str, PlannedJob]) -> Iterator[str]:
        """Outcomes `run` without their run, runs without such an outcome, and what ran later than its job allows."""
        wanted = {
            (row.job, row.instant) for rows in self.outcomes.values() for row in rows if row.outcome == "run"
        }
        found = {(run.job, run.instant) for run in self.runs}
        yield from (f"{job} at {at} should have run" for job, at in wanted - found)
        yield from (f"{job} at {at} should not have run" for job, at in found - wanted)
        attempts = Counter((run.job, run.instant, run.attempt) for run in self.runs)
        yield from (f"{attempt} ran {count} times" for attempt, count in attempts.items() if count > 1)
        yield from (f"{run} is still open" for run in self.open_runs)
        for run in self.runs:
            if run.job not in planned:
                continue
            missed = planned[run.job].document["missed"]
            grace_ms = 0 if missed["policy"] == "skip" else missed["graceSeconds"] * 1000
            if run.attempt == 1 and run.queued - run.instant > grace_ms + _ALLOWANCE_MS:
                yield f"{run} is later than {missed} allows"

    def _end(self, job: str, until_ms: int) -> int:
        """Claims are made a little ahead; whoever waits after errors accounts for that time when it is over."""
        standing = self.jobs[job]
        stands_still = standing.given_up or standing.waits_until > until_ms
        return standing.accounted if stands_still else max(until_ms, standing.accounted)

    def _due(self, planned: PlannedJob, created_ms: int, until_ms: int) -> list[int]:
        """The calendar; for a staggered job, at one distance behind it, whichever that is."""
        rows = self.outcomes.get(planned.id, ())
        stagger_ms = planned.document["schedule"].get("staggerMs", 0)
        if not stagger_ms or not rows:
            return planned.fires(created_ms, until_ms - stagger_ms)
        nominal = planned.fires(created_ms - stagger_ms, until_ms)
        shift = rows[0].instant - max(at for at in nominal if at <= rows[0].instant)
        assert 0 <= shift < stagger_ms, f"{planned.id} comes {shift} ms after its time"
        return [at + shift for at in nominal if created_ms < at + shift <= until_ms]
