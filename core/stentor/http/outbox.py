"""The routes of deliveries and targets: what is in the outbox, and what operators do about it."""

from starlette.requests import Request
from starlette.routing import Route

from stentor.adapters.sqlite.outbox_log import Asked
from stentor.adapters.sqlite.reader import Reader, page
from stentor.app.assembly import database
from stentor.app.door import refuse_half_characters
from stentor.app.operations import NotFound, Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.domain.instants import from_iso
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.http.exchange import answer, body_of, number_of, on_behalf

_FILTERS = ("run", "target", "state", "job", "channel", "purpose")


def outbox_routes(operations: Operations) -> list[Route]:
    endpoints = OutboxEndpoints(operations)
    return [
        Route("/api/v1/deliveries", answer(endpoints.deliveries)),
        Route("/api/v1/deliveries/settle", answer(endpoints.settle), methods=["POST"]),
        Route("/api/v1/deliveries/drop", answer(endpoints.drop), methods=["POST"]),
        Route("/api/v1/deliveries/{delivery}", answer(endpoints.delivery)),
        Route("/api/v1/deliveries/{delivery}/resend", answer(endpoints.resend), methods=["POST"]),
        Route("/api/v1/deliveries/{delivery}/settle", answer(endpoints.settle_one), methods=["POST"]),
        Route("/api/v1/deliveries/{delivery}/cancel", answer(endpoints.cancel), methods=["POST"]),
        Route("/api/v1/targets", answer(endpoints.targets)),
        Route("/api/v1/targets/clear", answer(endpoints.clear_target), methods=["POST"]),
    ]


class OutboxEndpoints:
    """One method per route; what they raise becomes the answer."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def _reader(self) -> Reader:
        return Reader.open(database(self._operations.app.home))

    def _on_behalf(self, request: Request) -> OutboxOperations:
        return OutboxOperations.of(on_behalf(self._operations, request))

    async def deliveries(self, request: Request) -> JsonObject:
        limit, offset = number_of(request, "limit", 50), number_of(request, "offset", 0)
        asked = Asked(**{key: request.query_params.get(key) for key in _FILTERS}, since_ms=_since(request))
        with self._reader() as reader:
            found, total = reader.delivery_page(asked, limit=limit, offset=offset)
        return page(found, total, limit, offset, under="deliveries")

    async def delivery(self, request: Request) -> JsonObject:
        name = request.path_params["delivery"]
        with self._reader() as reader:
            found = reader.delivery(name)
        if found is None:
            raise NotFound(f"there is no delivery {name!r}")
        return found

    async def resend(self, request: Request) -> JsonObject:
        body = await _words(request)
        return await self._on_behalf(request).resend(request.path_params["delivery"], body)

    async def settle(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).settle(await _words(request))

    async def settle_one(self, request: Request) -> JsonObject:
        body = await _words(request)
        return await self._on_behalf(request).settle_one(request.path_params["delivery"], body)

    async def cancel(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).cancel(request.path_params["delivery"])

    async def drop(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).drop(await _words(request))

    async def targets(self, request: Request) -> JsonObject:
        del request
        with self._reader() as reader:
            return {"targets": reader.known_targets()}

    async def clear_target(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).clear_target(await _words(request))


async def _words(request: Request) -> JsonObject:
    body = await body_of(request)
    refuse_half_characters(body)
    return body


def _since(request: Request) -> int | None:
    text = request.query_params.get("since")
    try:
        return None if text is None else from_iso(text)
    except ValueError as error:
        raise Refused("bad_request", f"since: {error}") from error
