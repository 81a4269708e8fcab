"""What would become of jobs. Nothing is stored, a home that is not there is not made, and no channel is opened but to ask
it what a name stands for.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stentor.adapters.registry import Registry
from stentor.adapters.sqlite import jobs
from stentor.adapters.sqlite.conversations import StoredConversations
from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.snapshot import read_only
from stentor.adapters.tz_database import choose_tz_database
from stentor.app.checking import look_up
from stentor.app.configured import agents_of, directory_of
from stentor.app.door import job_from_outside, jobs_from_outside
from stentor.app.ground import database
from stentor.app.missing import NoSuchJob
from stentor.app.seams import Seams
from stentor.config import load_config
from stentor.domain.faults import AlreadyExists
from stentor.domain.json_types import JsonObject
from stentor.domain.records import JobRow
from stentor.domain.refusals import Refused
from stentor.domain.routing import name_behind
from stentor.services.job_answers import answer
from stentor.services.job_apply import plan_apply
from stentor.services.job_edits import StoredJob
from stentor.services.job_rules import JobDefaults, JobRules, Prepared
from stentor.services.naming import Naming


@dataclass(frozen=True, slots=True)
class Preview:
    """Looks at jobs as a daemon of this home would, without one."""

    home: Path
    rules: JobRules
    naming: Naming

    def stored(self, name: str) -> JsonObject:
        return preview_stored(self.home, self.rules, name)

    def job(self, raw: Mapping[str, Any]) -> JsonObject:
        return self._knowing(lambda: preview_job(self.home, self.rules, raw))

    def apply(self, raw: object, *, prune: bool) -> JsonObject:
        return self._knowing(lambda: preview_apply(self.home, self.rules, raw, prune=prune))

    def _knowing(self, work: Callable[[], JsonObject]) -> JsonObject:
        async def look() -> JsonObject:
            return work()

        try:
            return work()
        except Refused as error:
            if name_behind(error) is None:
                raise
            return asyncio.run(self.naming.knowing(look))


def preview_at(home: Path) -> Preview:
    choose_tz_database()
    config = load_config(home)
    seams = Seams()
    registry = Registry.load()
    directory, agents = directory_of(registry, config), agents_of(config, registry, seams)
    conversations = StoredConversations(database(home))
    defaults = JobDefaults.of(config, agents, registry.tools)
    rules = JobRules(seams.clock, seams.chance, directory, defaults, conversations)
    return Preview(home, rules, Naming(directory, lambda name: look_up(home, name, directory), str))


def preview_job(home: Path, rules: JobRules, raw: Mapping[str, Any]) -> JsonObject:
    """The answer that adding this job would have; without an id of its own it gets one when it is added."""
    repaired = job_from_outside(raw)
    prepared = rules.prepare(repaired.job)
    job = prepared.job
    shown = answer(rules, prepared)
    if repaired.job.get("id") is None:
        shown["id"] = None
        if getattr(job.schedule, "stagger_ms", 0):
            shown["warnings"].append("the stagger follows from the job's id, so the instants will be others")
    elif any(row.id == job.id for row in stored_rows(home)):
        raise AlreadyExists(f"there is a job {job.id!r} already")
    return {**shown, "repaired": list(repaired.repairs)}


def preview_stored(home: Path, rules: JobRules, name: str) -> JsonObject:
    """A stored job as it stands: where its next run would deliver as things are now, or why it would not."""
    with Reader.open(database(home)) as reader:
        found = reader.job(name)
    if found is None:
        raise NoSuchJob(name)
    row = next(row for row in stored_rows(home) if row.id == found["id"])
    job = StoredJob.read(row).job
    if job is None:
        raise Refused("bad_job", f"the stored job {row.id!r} cannot be read", hint=f"{row.blocked}")
    next_at = row.next_at_ms if row.enabled else None
    preview, warnings = rules.as_things_are(job)
    prepared = Prepared(job, preview, next_at, warnings)
    state = {key: found[key] for key in ("state", "status", "blocked")}
    return {**answer(rules, prepared), **state, "repaired": []}


def preview_apply(home: Path, rules: JobRules, raw: object, *, prune: bool) -> JsonObject:
    """What applying these jobs would do."""
    jobs_given, repairs = jobs_from_outside(raw)
    plan = plan_apply(rules, stored_rows(home), jobs_given, by="", prune=prune)
    return {**plan.as_json(), "repaired": repairs, "dryRun": True}


def stored_rows(home: Path) -> Sequence[JobRow]:
    path = database(home)
    if not path.exists() or not path.stat().st_size:
        return ()
    connection = read_only(str(path))
    try:
        return jobs.everything(connection)
    finally:
        connection.close()
