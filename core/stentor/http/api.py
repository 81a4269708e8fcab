"""The JSON API: thin routes over the operations, with the same words as the command line."""

import json

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request

from stentor.adapters.sqlite.reader import Reader, page
from stentor.app.account_operations import AccountOperations
from stentor.app.confirming import askable, confirmed
from stentor.app.ground import database
from stentor.app.missing import NoSuchJob, NoSuchRun
from stentor.app.operations import Operations, known_job
from stentor.app.parameters import Parameters
from stentor.app.previewing import preview_job, preview_stored
from stentor.domain.json_types import JsonObject
from stentor.domain.states import DeliveryStatus, RunStatus
from stentor.http.accounts import account_routes
from stentor.http.exchange import Answers, application_of, body_of, on_behalf, parameters_of_body
from stentor.http.outbox import outbox_routes
from stentor.http.queries import job_of, page_of, query_of
from stentor.http.sessions import session_routes
from stentor.http.tools import tool_routes

_RUN_FILTERS = ("jobId", "runId", "status", "deliveryStatus", "query")
# As the command line has them, and as the store does.
_ALSO = {
    "id": "jobId",
    "job": "jobId",
    "run": "runId",
    "run_id": "runId",
    "delivery_status": "deliveryStatus",
}


def api(operations: Operations) -> Starlette:
    """Every route of this release."""
    endpoints = Endpoints(operations)
    answers = Answers(operations.app.ground.redactor.clean)
    at = answers.route
    routes = [
        at("/healthz", endpoints.healthz),
        at("/api/v1/status", endpoints.status),
        at("/api/v1/jobs", endpoints.jobs),
        at("/api/v1/jobs", endpoints.add_job, "POST"),
        at("/api/v1/jobs/preview", endpoints.preview_job, "POST"),
        at("/api/v1/jobs/apply", endpoints.apply_jobs, "POST"),
        at("/api/v1/jobs/{job:path}/run", endpoints.run_job, "POST"),
        at("/api/v1/jobs/{job:path}/edits", endpoints.edits),
        at("/api/v1/jobs/{job:path}", endpoints.job),
        at("/api/v1/jobs/{job:path}", endpoints.edit_job, "PATCH"),
        at("/api/v1/jobs/{job:path}", endpoints.remove_job, "DELETE"),
        at("/api/v1/runs", endpoints.runs),
        at("/api/v1/runs/{run}", endpoints.run),
        at("/api/v1/runs/{run}/cancel", endpoints.cancel_run, "POST"),
        *outbox_routes(operations, answers),
        *session_routes(operations, answers),
        *account_routes(AccountOperations(operations.app), answers),
        *tool_routes(operations, answers),
        at("/api/v1/send", endpoints.send, "POST"),
        at("/api/v1/wake", endpoints.wake, "POST"),
    ]
    application = Starlette(routes=routes, exception_handlers={HTTPException: answers.refuse})
    # What is nearly a path is none: an answer is a document, never a way to another place.
    application.router.redirect_slashes = False
    return application


class Endpoints:
    """One method per route; what they raise becomes the answer."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def _reader(self) -> Reader:
        return Reader.open(database(self._operations.app.ground.home))

    def _on_behalf(self, request: Request) -> Operations:
        return on_behalf(self._operations, request)

    async def healthz(self, request: Request) -> JsonObject:
        del request
        return {"ok": True}

    async def status(self, request: Request) -> JsonObject:
        query_of(request)
        with self._reader() as reader:
            return {
                **reader.counts(),
                "sessions": reader.session_figures(),
                "mainSession": {**reader.main_session(), **self._operations.app.heartbeat.outlook()},
                "boot": self._operations.app.ground.boot,
                "accounts": self._operations.health(),
                "incidents": reader.incidents(50),
            }

    async def jobs(self, request: Request) -> JsonObject:
        agent = query_of(request, "agentId", also={"agent": "agentId"}).text("agentId")
        with self._reader() as reader:
            texts, total = reader.jobs_json(agent=agent, everything=True)
        return {"jobs": [json.loads(text) for text in texts], "total": total, "hidden": 0}

    async def job(self, request: Request) -> JsonObject:
        query_of(request)
        with self._reader() as reader:
            found = reader.job(request.path_params["job"])
        if found is None:
            raise NoSuchJob(request.path_params["job"])
        return found

    async def add_job(self, request: Request) -> JsonObject:
        return await self._confirmed(await self._on_behalf(request).add_job(await body_of(request)))

    async def edit_job(self, request: Request) -> JsonObject:
        edited = await self._on_behalf(request).edit_job(request.path_params["job"], await body_of(request))
        return await self._confirmed(edited)

    async def preview_job(self, request: Request) -> JsonObject:
        app, body = self._operations.app, await body_of(request)
        if set(body) == {"id"}:
            name = Parameters(body, "id").text("id") or ""
            return await self._confirmed(preview_stored(app.ground.home, app.book.rules, name))

        async def look() -> JsonObject:
            return preview_job(app.ground.home, app.book.rules, body)

        return await self._confirmed(await app.book.naming.knowing(look))

    async def _confirmed(self, shown: JsonObject) -> JsonObject:
        app = self._operations.app
        return await confirmed(shown, askable(shown, app.ground.directory), AccountOperations(app).known)

    async def apply_jobs(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).apply_jobs(await application_of(request))

    async def edits(self, request: Request) -> JsonObject:
        asked = page_of(query_of(request, "limit", "offset"))
        name = request.path_params["job"]
        with self._reader() as reader:
            found = known_job(reader, name)
            entries, total = reader.edits(found, limit=asked.limit, offset=asked.offset)
        return page(entries, total, asked.limit, asked.offset)

    async def remove_job(self, request: Request) -> JsonObject:
        await parameters_of_body(request)
        return await self._on_behalf(request).remove_job(request.path_params["job"])

    async def run_job(self, request: Request) -> JsonObject:
        asked = await parameters_of_body(request, "due")
        return await self._operations.run_job(request.path_params["job"], due=asked.flag("due"))

    async def runs(self, request: Request) -> JsonObject:
        query = query_of(request, *_RUN_FILTERS, "limit", "offset", also=_ALSO)
        asked = page_of(query)
        status = query.word("status", list(RunStatus))
        delivery_status = query.word("deliveryStatus", list(DeliveryStatus))
        with self._reader() as reader:
            entries, total = reader.runs(
                limit=asked.limit,
                offset=asked.offset,
                query=query.text("query"),
                id=job_of(query, reader),
                run_id=query.text("runId"),
                status=status,
                delivery_status=delivery_status,
            )
        return page(entries, total, asked.limit, asked.offset)

    async def run(self, request: Request) -> JsonObject:
        query_of(request)
        with self._reader() as reader:
            found = reader.run(request.path_params["run"])
        if found is None:
            raise NoSuchRun(request.path_params["run"])
        return found

    async def cancel_run(self, request: Request) -> JsonObject:
        await parameters_of_body(request)
        return await self._operations.cancel_run(request.path_params["run"])

    async def send(self, request: Request) -> JsonObject:
        return await self._operations.send(await body_of(request))

    async def wake(self, request: Request) -> JsonObject:
        return await self._operations.wake(await body_of(request))
