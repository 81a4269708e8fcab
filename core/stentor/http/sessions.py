"""The routes of sessions: which there are, what was said in them, and what people do to them."""

from starlette.requests import Request
from starlette.routing import Route

from stentor.adapters.sqlite.reader import Reader, page
from stentor.adapters.sqlite.session_log import Asked
from stentor.app.ground import database
from stentor.app.operations import Operations
from stentor.app.session_operations import SessionOperations, known_session
from stentor.domain.json_types import JsonObject
from stentor.domain.sessions import KINDS
from stentor.http.exchange import Answers, body_of, on_behalf, parameters_of_body
from stentor.http.queries import page_of, query_of

_LAST = 200


def session_routes(operations: Operations, answers: Answers) -> list[Route]:
    endpoints, at = SessionEndpoints(operations), answers.route
    return [
        at("/api/v1/sessions", endpoints.sessions),
        at("/api/v1/sessions/prune", endpoints.prune, "POST"),
        at("/api/v1/sessions/{session:path}/reset", endpoints.reset, "POST"),
        at("/api/v1/sessions/{session:path}", endpoints.session),
        at("/api/v1/sessions/{session:path}", endpoints.prefer, "PATCH"),
    ]


class SessionEndpoints:
    """One method per route; what they raise becomes the answer."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def _reader(self) -> Reader:
        return Reader.open(database(self._operations.app.ground.home))

    def _on_behalf(self, request: Request) -> SessionOperations:
        return SessionOperations.of(on_behalf(self._operations, request))

    async def sessions(self, request: Request) -> JsonObject:
        query = query_of(request, "kind", "agentId", "limit", "offset", also={"agent": "agentId"})
        wanted = page_of(query)
        asked = Asked(query.word("kind", KINDS), query.text("agentId"))
        with self._reader() as reader:
            found, total = reader.session_page(asked, limit=wanted.limit, offset=wanted.offset)
        return page(found, total, wanted.limit, wanted.offset, under="sessions")

    async def session(self, request: Request) -> JsonObject:
        last = query_of(request, "limit").number("limit", least=1, most=10_000) or _LAST
        with self._reader() as reader:
            found = known_session(reader, request.path_params["session"])
            return {**found, "transcript": reader.transcript(found["sessionId"], last)}

    async def prune(self, request: Request) -> JsonObject:
        return await self._on_behalf(request).prune(await body_of(request))

    async def reset(self, request: Request) -> JsonObject:
        await parameters_of_body(request)
        return await self._on_behalf(request).reset(request.path_params["session"])

    async def prefer(self, request: Request) -> JsonObject:
        body = await body_of(request)
        return await self._on_behalf(request).prefer(request.path_params["session"], body)
