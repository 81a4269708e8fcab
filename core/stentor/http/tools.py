"""The routes of tools: what agents can do, offered to whoever may open the socket."""

from starlette.requests import Request
from starlette.routing import Route

from stentor.app.operations import Operations
from stentor.app.owner_tools import OwnerTools
from stentor.domain.json_types import JsonObject
from stentor.http.exchange import Answers, body_of, on_behalf
from stentor.http.queries import query_of


def tool_routes(operations: Operations, answers: Answers) -> list[Route]:
    endpoints, at = ToolEndpoints(operations), answers.route
    return [
        at("/api/v1/tools", endpoints.tools),
        at("/api/v1/tools/{tool}", endpoints.call, "POST"),
    ]


class ToolEndpoints:
    """One method per route; what they raise becomes the answer."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def tools(self, request: Request) -> JsonObject:
        query_of(request)
        return await OwnerTools(self._operations).described()

    async def call(self, request: Request) -> JsonObject:
        tools = OwnerTools(on_behalf(self._operations, request))
        return await tools.call(request.path_params["tool"], await body_of(request))
