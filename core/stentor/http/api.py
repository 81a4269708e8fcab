"""The JSON API: thin routes over the operations, with the same words as the command line."""

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from stentor.adapters.sqlite.reader import Reader, page
from stentor.app.assembly import database
from stentor.app.door import LARGEST_APPLICATION
from stentor.app.operations import NotFound, Operations, known_job
from stentor.app.previewing import preview_job, preview_stored
from stentor.domain.json_types import JsonObject
from stentor.http.exchange import answer, body_of, number_of, on_behalf
from stentor.http.outbox import outbox_routes


def api(operations: Operations) -> Starlette:
    """Every route of this release."""
    endpoints = Endpoints(operations)
    routes = [
        Route("/healthz", answer(endpoints.healthz)),
        Route("/api/v1/status", answer(endpoints.status)),
        Route("/api/v1/jobs", answer(endpoints.jobs)),
        Route("/api/v1/jobs", answer(endpoints.add_job), methods=["POST"]),
        Route("/api/v1/jobs/preview", answer(endpoints.preview_job), methods=["POST"]),
        Route("/api/v1/jobs/apply", answer(endpoints.apply_jobs), methods=["POST"]),
        Route("/api/v1/jobs/{job:path}/run", answer(endpoints.run_job), methods=["POST"]),
        Route("/api/v1/jobs/{job:path}/edits", answer(endpoints.edits)),
        Route("/api/v1/jobs/{job:path}", answer(endpoints.job)),
        Route("/api/v1/jobs/{job:path}", answer(endpoints.edit_job), methods=["PATCH"]),
        Route("/api/v1/jobs/{job:path}", answer(endpoints.remove_job), methods=["DELETE"]),
        Route("/api/v1/runs", answer(endpoints.runs)),
        Route("/api/v1/runs/{run}", answer(endpoints.run)),
        Route("/api/v1/runs/{run}/cancel", answer(endpoints.cancel_run), methods=["POST"]),
        *outbox_routes(operations),
        Route("/api/v1/send", answer(endpoints.send), methods=["POST"]),
    ]
    return Starlette(routes=routes)


class Endpoints:
    """One method per route; what they raise becomes the answer."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def _reader(self) -> Reader:
        return Reader.open(database(self._operations.app.home))

    def _on_behalf(self, request: Request) -> Operations:
        return on_behalf(self._operations, request)

    async def healthz(self, request: Request) -> JsonObject:
        return {"ok": True}

    async def status(self, request: Request) -> JsonObject:
        with self._reader() as reader:
            return {
                **reader.counts(),
                "boot": self._operations.app.boot,
                "accounts": self._operations.health(),
                "incidents": reader.incidents(50),
            }

    async def jobs(self, request: Request) -> JsonObject:
        with self._reader() as reader:
            texts, total = reader.jobs_json(agent=request.query_params.get("agent"), everything=True)
        return {"jobs": [json.loads(text) for text in texts], "total": total, "hidden": 0}

    async def job(self, request: Request) -> JsonObject:
        with self._reader() as reader:
            found = reader.job(request.path_params["job"])
        if found is None:
            raise NotFound(f"there is no job {request.path_params['job']!r}")
        return found

    async def add_job(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).add_job(await body_of(request))

    async def edit_job(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).edit_job(request.path_params["job"], await body_of(request))

    async def preview_job(self, request: Request) -> JsonObject:
        app, body = self._operations.app, await body_of(request)
        if set(body) == {"id"}:
            return preview_stored(app.home, app.book.rules, str(body["id"]))
        return preview_job(app.home, app.book.rules, body)

    async def apply_jobs(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).apply_jobs(await body_of(request, LARGEST_APPLICATION))

    async def edits(self, request: Request) -> JsonObject:
        limit, offset = number_of(request, "limit", 50), number_of(request, "offset", 0)
        name = request.path_params["job"]
        with self._reader() as reader:
            entries, total = reader.edits(known_job(reader, name), limit=limit, offset=offset)
        return page(entries, total, limit, offset)

    async def remove_job(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).remove_job(request.path_params["job"])

    async def run_job(self, request: Request) -> JsonObject:
        body = await body_of(request)
        return await self._operations.run_job(request.path_params["job"], due=body.get("due") is True)

    async def runs(self, request: Request) -> JsonObject:
        limit, offset = number_of(request, "limit", 50), number_of(request, "offset", 0)
        wanted = {key: request.query_params.get(key) for key in ("id", "run_id", "status", "delivery_status")}
        with self._reader() as reader:
            query = request.query_params.get("query")
            entries, total = reader.runs(limit=limit, offset=offset, query=query, **wanted)
        return page(entries, total, limit, offset)

    async def run(self, request: Request) -> JsonObject:
        with self._reader() as reader:
            found = reader.run(request.path_params["run"])
        if found is None:
            raise NotFound(f"there is no run {request.path_params['run']!r}")
        return found

    async def cancel_run(self, request: Request) -> JsonObject:
        return await self._operations.cancel_run(request.path_params["run"])

    async def send(self, request: Request) -> JsonObject:
        return await self._operations.send(await body_of(request))
