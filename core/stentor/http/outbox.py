"""The routes of deliveries and targets: what is in the outbox, and what operators do about it."""

from starlette.requests import Request
from starlette.routing import Route

from stentor.adapters.sqlite.outbox_log import Asked
from stentor.adapters.sqlite.reader import Reader, page
from stentor.app.ground import database
from stentor.app.missing import NoSuchDelivery
from stentor.app.operations import Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.app.parameters import Parameters
from stentor.app.target_filters import target_of_deliveries
from stentor.domain.json_types import JsonObject
from stentor.domain.states import Purpose
from stentor.http.exchange import Answers, body_of, on_behalf, parameters_of_body
from stentor.http.queries import STATES, job_of, page_of, query_of, since_of

_FILTERS = ("runId", "target", "state", "jobId", "channel", "purpose", "since")
_ALSO = {"run": "runId", "job": "jobId"}


def outbox_routes(operations: Operations, answers: Answers) -> list[Route]:
    endpoints, at = OutboxEndpoints(operations), answers.route
    return [
        at("/api/v1/deliveries", endpoints.deliveries),
        at("/api/v1/deliveries/settle", endpoints.settle, "POST"),
        at("/api/v1/deliveries/drop", endpoints.drop, "POST"),
        at("/api/v1/deliveries/{delivery}", endpoints.delivery),
        at("/api/v1/deliveries/{delivery}/resend", endpoints.resend, "POST"),
        at("/api/v1/deliveries/{delivery}/settle", endpoints.settle_one, "POST"),
        at("/api/v1/deliveries/{delivery}/cancel", endpoints.cancel, "POST"),
        at("/api/v1/targets", endpoints.targets),
        at("/api/v1/targets/clear", endpoints.clear_target, "POST"),
    ]


class OutboxEndpoints:
    """One method per route; what they raise becomes the answer."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def _reader(self) -> Reader:
        return Reader.open(database(self._operations.app.ground.home))

    def _on_behalf(self, request: Request) -> OutboxOperations:
        return OutboxOperations.of(on_behalf(self._operations, request))

    async def deliveries(self, request: Request) -> JsonObject:
        query = query_of(request, *_FILTERS, "limit", "offset", also=_ALSO)
        wanted = page_of(query)
        with self._reader() as reader:
            asked = self._asked(query, reader)
            found, total = reader.delivery_page(asked, limit=wanted.limit, offset=wanted.offset)
        return page(found, total, wanted.limit, wanted.offset, under="deliveries")

    def _asked(self, query: Parameters, reader: Reader) -> Asked:
        return Asked(
            run=query.text("runId"),
            target=target_of_deliveries(
                reader, query.text("target"), lambda: self._operations.app.ground.directory
            ),
            state=query.word("state", STATES),
            job=job_of(query, reader),
            channel=query.text("channel"),
            purpose=query.word("purpose", list(Purpose)),
            since_ms=since_of(query),
        )

    async def delivery(self, request: Request) -> JsonObject:
        query_of(request)
        name = request.path_params["delivery"]
        with self._reader() as reader:
            found = reader.delivery(name)
        if found is None:
            raise NoSuchDelivery(name)
        return found

    async def resend(self, request: Request) -> JsonObject:
        body = await body_of(request)
        return await self._on_behalf(request).resend(request.path_params["delivery"], body)

    async def settle(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).settle(await body_of(request))

    async def settle_one(self, request: Request) -> JsonObject:
        body = await body_of(request)
        return await self._on_behalf(request).settle_one(request.path_params["delivery"], body)

    async def cancel(self, request: Request) -> JsonObject:
        await parameters_of_body(request)
        return await self._on_behalf(request).cancel(request.path_params["delivery"])

    async def drop(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).drop(await body_of(request))

    async def targets(self, request: Request) -> JsonObject:
        query_of(request)
        with self._reader() as reader:
            return {"targets": reader.known_targets()}

    async def clear_target(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).clear_target(await body_of(request))
