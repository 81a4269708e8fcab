"""What can be done to a product from outside: the one implementation behind the API and the command line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.app.assembly import App, database
from stentor.compat.openclaw import repair_job
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, RouteError, resolve

LARGEST_REQUEST = 256 * 1024


class NotFound(Exception):
    """There is nothing of that name."""


@dataclass
class Operations:
    """Takes and gives JSON; raises `Refused` and `NotFound`."""

    app: App

    async def add_job(self, raw: Mapping[str, Any]) -> JsonObject:
        """Repair older shapes at the door, then check and store the job."""
        _refuse_half_characters(raw)
        if len(json.dumps(raw).encode()) > LARGEST_REQUEST:
            raise Refused("too_large", f"a job is at most {LARGEST_REQUEST} bytes")
        repaired = repair_job(raw)
        added = await self.app.book.add(repaired.job)
        return {**added, "repaired": list(repaired.repairs)}

    async def set_enabled(self, name: str, *, enabled: bool) -> JsonObject:
        changed = await self.app.book.set_enabled(self._job_id(name), enabled=enabled)
        if changed is None:
            raise NotFound(f"there is no job {name!r}")
        return changed

    async def remove_job(self, name: str) -> JsonObject:
        job_id = self._job_id(name)
        if not await self.app.book.remove(job_id):
            raise NotFound(f"there is no job {name!r}")
        return {"removed": True, "id": job_id}

    async def run_job(self, name: str, *, due: bool) -> JsonObject:
        """Queue a run at once; with `due`, only if the job is waiting to be run."""
        job = self._job(name)
        if due and not self._is_due(job):
            return {"ok": True, "ran": False, "reason": "not-due", "jobId": job["id"]}
        queued = await self.app.book.manual_run(str(job["id"]))
        if queued is None:
            raise NotFound(f"there is no job {name!r}")
        run, parsed = queued
        self.app.executor.submit(run, parsed)
        return {"ok": True, "enqueued": True, "runId": run.id, "jobId": parsed.id}

    async def send(self, raw: Mapping[str, Any]) -> JsonObject:
        """Put a message by hand into the outbox; a dry run only says where it would go."""
        _refuse_half_characters(raw)
        unknown = set(raw) - {"to", "text", "channel", "account", "thread", "dryRun"}
        if unknown:
            raise Refused("bad_request", f"unknown field {min(unknown)!r}")
        to, text = str(raw.get("to") or ""), str(raw.get("text") or "")
        if not to.strip() or not text.strip():
            raise Refused(
                "bad_request", "a message needs a target and a text", hint="send --to TARGET --text TEXT"
            )
        address = Address(to, raw.get("channel"), raw.get("account"), raw.get("thread"))
        try:
            route = resolve(address, self.app.directory)
        except RouteError as error:
            raise Refused(error.code, error.message, hint=error.hint) from error
        if raw.get("dryRun"):
            return {"dryRun": True, "target": route.target.canonical, "accountId": route.account}
        seed = self.app.outgoings.manual(route, text)
        await self.app.store.enqueue(seed)
        self.app.dispatcher.wake()
        with Reader.open(database(self.app.home)) as reader:
            return reader.deliveries(delivery=seed.id)[0]

    def health(self) -> list[JsonObject]:
        """The accounts that were opened, as their channels report them."""
        return [
            {"channel": channel, "accountId": account, "state": health.state, "reason": health.reason or None}
            for (channel, account), health in sorted(self.app.connections.health.items())
        ]

    def _job(self, name: str) -> JsonObject:
        with Reader.open(database(self.app.home)) as reader:
            job = reader.job(name)
        if job is None:
            raise NotFound(f"there is no job {name!r}; `stentor cron list --all` shows them")
        return job

    def _job_id(self, name: str) -> str:
        return str(self._job(name)["id"])

    def _is_due(self, job: JsonObject) -> bool:
        next_at = job["state"]["nextRunAtMs"]
        return isinstance(next_at, int) and next_at <= self.app.seams.clock.now_ms()


def _refuse_half_characters(raw: Mapping[str, Any]) -> None:
    """JSON can spell half of a surrogate pair; nothing that writes or sends text can."""
    try:
        json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refused(
            "bad_text",
            "the text holds half a character (a lone surrogate)",
            hint="write the character itself",
        ) from None
