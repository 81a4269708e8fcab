"""The tool with which an agent looks after jobs: the same rules and words as for people at the command line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stentor.adapters.sqlite.reader import Reader
from stentor.app.caller import Caller
from stentor.app.cron_arguments import CRON, CronArguments, lifted
from stentor.app.door import job_from_outside, patch_from_outside
from stentor.contract.tools import Tool, ToolCall, ToolRefused
from stentor.domain.faults import AmbiguousName, StoreError
from stentor.domain.jobs import SESSION_PREFIX, Job
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.records import RunSeed
from stentor.domain.refusals import Refused
from stentor.domain.routing import CURRENT, Address, RouteError, resolve
from stentor.domain.sessions import source_of_run
from stentor.services.errands import Errands
from stentor.services.job_rules import Origin
from stentor.services.jobbook import JobBook
from stentor.services.tool_arguments import read, refusal, schema_of
from stentor.services.transcript import throughout

_TEXT = (
    "Looks after scheduled jobs. status, list, get and runs look; add, update, remove and run change something. "
    "Inside a run of a job it only looks, and removes that very job."
)
_LOOKING = ("status", "list", "get", "runs")
_GUARDED = (
    "a run of a job may look at jobs and remove its own, but change nothing else: say in your answer what is to be "
    "changed, for somebody to do it with `stentor cron add` or in the main session"
)
_PASSING = (
    "this session goes with its run, so no job can go on in it: name one with session:ID, or use isolated"
)
_NOWHERE = "there is no current session here: name one with session:ID, or use isolated or main"
_MAIN = "the current session is the main one, which takes systemEvent payloads only: use isolated or session:ID for this"


@dataclass(frozen=True)
class CronTools:
    """Gives each run the tool for jobs: those of its own agent, and to the default agent those of all."""

    database: Path
    book: JobBook
    errands: Errands
    # To whoever executes runs.
    submit: Callable[[RunSeed, Job], None]
    clean: Callable[[str], str]

    def of(self, run: RunSeed, job: Job) -> Mapping[str, Tool]:
        del job
        return self._of(Caller.of(run))

    def of_owner(self, by: str) -> Mapping[str, Tool]:
        """For whoever owns the home."""
        return self._of(Caller(by))

    def _of(self, caller: Caller) -> Mapping[str, Tool]:
        return {CRON: Tool(CRON, _TEXT, schema_of(CronArguments), partial(self._called, caller))}

    async def _called(self, caller: Caller, call: ToolCall, arguments: Mapping[str, object]) -> JsonObject:
        asked = read(CronArguments, arguments, CRON)
        asked.refuse_idle()
        run = caller.run
        desk = _Desk(self, caller, guarded=run is not None and self.errands.lineage(run).from_job)
        try:
            desk.refuse_guarded(asked)
            if call.over:
                raise ToolRefused("fenced: the run is over, and nothing was changed")
            done = await desk.do(asked)
        except (Refused, RouteError) as error:
            raise refusal(error.message, error.hint) from error
        except (AmbiguousName, StoreError) as error:
            raise ToolRefused(str(error)) from error
        # Jobs may hold addresses that are secrets.
        return throughout(done, self.clean)


@dataclass(frozen=True)
class _Desk:
    """What one caller may do to jobs."""

    tools: CronTools
    caller: Caller
    guarded: bool

    @property
    def agent(self) -> str:
        return self.caller.agent

    @property
    def _sees_all(self) -> bool:
        return self.caller.sees is None

    def refuse_guarded(self, asked: CronArguments) -> None:
        """What a job's run reads in the world must not become other jobs."""
        if not self.guarded or asked.action in _LOOKING:
            return
        own = None if self.caller.run is None else self.caller.run.job_id
        if asked.action == "remove" and self._job(asked)["id"] == own:
            return
        raise ToolRefused(_GUARDED)

    async def do(self, asked: CronArguments) -> JsonObject:
        match asked.action:
            case "status":
                return self._status()
            case "list":
                return self._list(asked)
            case "get":
                return self._job(asked)
            case "runs":
                return self._runs(asked)
            case "add":
                return await self._add(asked)
            case "update":
                return await self._update(asked)
            case "remove":
                return await self._remove(asked)
            case "run":
                return await self._run_now(asked)

    def _status(self) -> JsonObject:
        sees = self.caller.sees
        with self._reader() as reader:
            return {**reader.counts(sees), "nextRunAtMs": reader.next_due(sees)}

    def _list(self, asked: CronArguments) -> JsonObject:
        with self._reader() as reader:
            texts, total = reader.jobs_json(agent=self.caller.sees, everything=asked.include_disabled)
        shown = texts[asked.offset : asked.offset + asked.limit]
        return {"jobs": [json.loads(text) for text in shown], "total": total, "hidden": total - len(texts)}

    def _runs(self, asked: CronArguments) -> JsonObject:
        with self._reader() as reader:
            entries, total = reader.runs(
                limit=asked.limit,
                offset=asked.offset,
                id=self._job_with_runs(asked, reader),
                run_id=asked.run_id,
            )
        return {"entries": entries, "total": total}

    def _job_with_runs(self, asked: CronArguments, reader: Reader) -> str | None:
        """Also one that is gone; None for all of them."""
        if asked.name is None and self._sees_all:
            return None
        gone = reader.removed_job(asked.name) if asked.name is not None and self._sees_all else None
        return gone or str(self._job(asked)["id"])

    async def _add(self, asked: CronArguments) -> JsonObject:
        raw, notes = lifted(asked)
        repaired = job_from_outside(raw)
        job = repaired.job
        self._refuse_others(job)
        if job.get("agentId") is None:
            job["agentId"] = self.agent
        self._place(job)
        added = await self.tools.book.add(job, by=self.caller.by, origin=self._origin())
        return {**added, "repaired": [*notes, *repaired.repairs]}

    async def _update(self, asked: CronArguments) -> JsonObject:
        raw, notes = lifted(asked)
        job = self._job(asked)
        repaired = patch_from_outside(raw, job)
        patch = repaired.job
        self._refuse_others(patch)
        self._place({"payload": job["payload"], **patch}, patch)
        edited = await self.tools.book.edit(str(job["id"]), patch, by=self.caller.by, origin=self._origin())
        if edited is None:
            raise _gone(asked)
        return {**edited, "repaired": [*notes, *repaired.repairs]}

    async def _remove(self, asked: CronArguments) -> JsonObject:
        job_id = str(self._job(asked)["id"])
        if not await self.tools.book.remove(job_id, by=self.caller.by):
            raise _gone(asked)
        return {"removed": True, "id": job_id}

    async def _run_now(self, asked: CronArguments) -> JsonObject:
        """Outside the schedule; nobody here waits for it."""
        job, book = self._job(asked), self.tools.book
        next_ms = job["state"]["nextRunAtMs"]
        if asked.run_mode == "due" and (next_ms is None or next_ms > book.clock.now_ms()):
            return {"ok": True, "ran": False, "reason": "not-due", "jobId": job["id"]}
        run = await book.manual_run(str(job["id"]), self.tools.submit)
        if run is None:
            raise _gone(asked)
        return {"ok": True, "enqueued": True, "runId": run.id, "jobId": run.job_id}

    def _place(self, job: JsonObject, said: JsonObject | None = None) -> None:
        """The current session is the one this is said in, once and for all."""
        said = job if said is None else said
        if said.get("sessionTarget") != CURRENT:
            return
        session = None if self.caller.run is None else self.caller.run.session
        if session is None:
            raise ToolRefused(_NOWHERE)
        if session.kind == "named":
            said["sessionTarget"] = f"{SESSION_PREFIX}{session.key}"
        elif session.kind != "main":
            raise ToolRefused(_PASSING)
        elif (as_object(job.get("payload")) or {}).get("kind") == "systemEvent":
            said["sessionTarget"] = session.kind
        else:
            raise ToolRefused(_MAIN)

    def _origin(self) -> Origin | None:
        """The conversation this is said in, as far as it led outside."""
        if self.caller.run is None:
            return None
        session = self.caller.run.session
        target = self.tools.book.conversations.last(source_of_run(session))
        if target is None:
            return None
        try:
            route = resolve(Address(target.canonical, None, target.account), self.tools.book.directory)
        except RouteError:
            return None  # that way is gone: whatever else can be inferred counts
        return Origin(session.key, route)

    def _refuse_others(self, job: JsonObject) -> None:
        """Only the default agent makes jobs for others."""
        wanted = job.get("agentId")
        if wanted not in (None, self.agent) and not self._sees_all:
            raise ToolRefused(f"agent {self.agent!r} looks after its own jobs only; leave agentId out")

    def _job(self, asked: CronArguments) -> JsonObject:
        """What an agent may not touch is not there for it."""
        if asked.name is None:
            raise ToolRefused(f"{asked.action} needs a job: name it with jobId")
        with self._reader() as reader:
            job = reader.job(asked.name)
        if job is None or not (self._sees_all or job["agentId"] == self.agent):
            raise _gone(asked)
        return job

    def _reader(self) -> Reader:
        return Reader.open(self.tools.database)


def _gone(asked: CronArguments) -> ToolRefused:
    return ToolRefused(f"there is no job {asked.name!r}; the action list shows them")
