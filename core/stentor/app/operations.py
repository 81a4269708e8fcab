"""What can be done to a product from outside: the one implementation behind the API and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from stentor.adapters.sqlite.outbox_log import Asked
from stentor.adapters.sqlite.reader import Reader
from stentor.app import waking
from stentor.app.assembly import App
from stentor.app.door import check_size, job_from_outside, jobs_from_outside, patch_from_outside
from stentor.app.ground import database
from stentor.app.manners import MANNERS, check_manner, manner_in
from stentor.app.missing import NoSuchJob, NoSuchRun, NotFound
from stentor.app.parameters import Parameters, not_valid
from stentor.domain.instants import iso
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, Route, RouteError, resolve


@dataclass
class Operations:
    """Takes and gives JSON; raises `Refused` and `NotFound`. `by` is who asks: the history of each job names them."""

    app: App
    by: str = "api:local"

    async def add_job(self, raw: Mapping[str, Any]) -> JsonObject:
        """Repair older shapes at the door, then check and store the job."""
        repaired = job_from_outside(raw)
        added = await self.app.book.add(repaired.job, by=self.by)
        return {**added, "repaired": list(repaired.repairs)}

    async def edit_job(self, name: str, raw: Mapping[str, Any]) -> JsonObject:
        """Change a job by a patch: absent keeps, null clears. The answer says what came of it."""
        job = self._job(name)
        repaired = patch_from_outside(raw, job)
        edited = await self.app.book.edit(str(job["id"]), repaired.job, by=self.by)
        if edited is None:
            raise NoSuchJob(name)
        return {**edited, **self._standing(str(job["id"])), "repaired": list(repaired.repairs)}

    async def set_enabled(self, name: str, *, enabled: bool) -> JsonObject:
        return await self.edit_job(name, {"enabled": enabled})

    async def remove_job(self, name: str) -> JsonObject:
        job_id = self._job_id(name)
        if not await self.app.book.remove(job_id, by=self.by):
            raise NoSuchJob(name)
        return {"removed": True, "id": job_id}

    async def apply_jobs(self, raw: Mapping[str, Any]) -> JsonObject:
        """Make the stored jobs those of a list; `prune` removes what is not in it, `dryRun` only says what would be."""
        asked = Parameters(raw, "jobs", "prune", "dryRun")
        prune, dry_run = asked.flag("prune"), asked.flag("dryRun")
        jobs, repairs = jobs_from_outside(raw.get("jobs"))
        applied = await self.app.book.apply(jobs, by=self.by, prune=prune, dry_run=dry_run)
        return {**applied, "repaired": repairs, "dryRun": dry_run}

    async def cancel_run(self, run_id: str) -> JsonObject:
        """Stop a run, or take it out of the queue. One that is over stays as it ended."""
        run = self._run(run_id)
        if run["endedAt"] is None and not await self.app.executor.cancel(run_id):
            run = self._run(run_id)
            if run["endedAt"] is None:
                hint = "the next `stentor serve` takes it over: cancel it then"
                raise Refused("not_running", f"nobody works on run {run_id!r} now", hint=hint)
        return self._run(run_id)

    async def run_job(self, name: str, *, due: bool) -> JsonObject:
        """Queue a run at once; with `due`, only if the job is waiting to be run."""
        job = self._job(name)
        if due and not self._is_due(job):
            return {"ok": True, "ran": False, "reason": "not-due", "jobId": job["id"]}
        run = await self.app.book.manual_run(str(job["id"]), self.app.executor.submit)
        if run is None:
            raise NoSuchJob(name)
        return {"ok": True, "enqueued": True, "runId": run.id, "jobId": run.job_id}

    async def send(self, raw: Mapping[str, Any]) -> JsonObject:
        """Put a message by hand into the outbox; a dry run only says where it would go."""
        check_size(raw)
        asked = Parameters(raw, "to", "text", "channel", "account", "thread", "dryRun", *MANNERS)
        to, text = asked.text("to") or "", asked.text("text") or ""
        for name, said in (("to", to), ("text", text)):
            if not said.strip():
                raise not_valid(name, "must not be blank: a message needs a target and a text")
        address = Address(to, asked.text("channel"), asked.text("account"), asked.text("thread"))
        dry_run, manner = asked.flag("dryRun"), manner_in(asked)
        route = await self.app.book.naming.knowing(lambda: self._way(address))
        check_manner(manner, self.app.ground.directory.channels[route.target.channel], route.target)
        outgoings = self.app.outgoings
        seed = await outgoings.beside(len(text), partial(outgoings.manual, route, text, manner=manner))
        if dry_run:
            return {"dryRun": True, "target": route.target.canonical, "accountId": route.account}
        await self.app.ground.store.enqueue(seed)
        self.app.dispatcher.wake()
        with Reader.open(database(self.app.ground.home)) as reader:
            return reader.deliveries(delivery=seed.id)[0]

    async def wake(self, raw: Mapping[str, Any]) -> JsonObject:
        """Wake the agent of the main session, or leave it something for its heartbeat."""
        return await waking.wake(self.app, raw)

    async def leave_for_main(self, raw: Mapping[str, Any]) -> JsonObject:
        """Leave the main session something that a daemon will find."""
        return await waking.leave(self.app, raw)

    async def _way(self, address: Address) -> Route:
        try:
            return resolve(address, self.app.ground.directory)
        except RouteError as error:
            raise Refused(error.code, error.message, hint=error.hint) from error

    def health(self) -> list[JsonObject]:
        """The accounts that were opened, as their channels report them."""
        return [
            {
                "channel": channel,
                "accountId": account,
                "state": health.state,
                "reason": health.reason or None,
                "since": iso(health.since_ms),
            }
            for (channel, account), health in sorted(self.app.connections.news.health.items())
        ]

    def _job(self, name: str) -> JsonObject:
        with Reader.open(database(self.app.ground.home)) as reader:
            job = reader.job(name)
        if job is None:
            raise NoSuchJob(name)
        return job

    def _standing(self, job_id: str) -> JsonObject:
        """How a job is doing, which no edit changes."""
        with Reader.open(database(self.app.ground.home)) as reader:
            found = reader.job(job_id) or {}
        return {key: found[key] for key in ("state", "status", "blocked") if key in found}

    def _run(self, run_id: str) -> JsonObject:
        with Reader.open(database(self.app.ground.home)) as reader:
            run = reader.run(run_id)
        if run is None:
            raise NoSuchRun(run_id)
        return run

    def _job_id(self, name: str) -> str:
        return str(self._job(name)["id"])

    def _is_due(self, job: JsonObject) -> bool:
        next_at = job["state"]["nextRunAtMs"]
        return isinstance(next_at, int) and next_at <= self.app.ground.seams.clock.now_ms()


def known_job(reader: Reader, name: str) -> str:
    """The id of a job by its id or name, also of one that is gone but has a history."""
    job = reader.job(name)
    found = reader.removed_job(name) if job is None else str(job["id"])
    if found is None and not _has_left_traces(reader, name):
        raise NotFound(
            f"there is no job {name!r}, and there was none", "`stentor cron list --all` shows all there are"
        )
    return found or name


def _has_left_traces(reader: Reader, job_id: str) -> bool:
    """What ran and what was sent may be kept longer than the word of a job's removal."""
    _, ran = reader.runs(limit=0, offset=0, id=job_id)
    _, sent = reader.delivery_page(Asked(job=job_id), limit=0, offset=0)
    return bool(ran or sent)
