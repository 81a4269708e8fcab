"""Who may come in: programs of this machine that bring the token of a turn, and no web page."""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stentor.app.failures import Failure
from stentor.services.mcp_access import McpTurns, OpenTurn

# Under which the turn stands in the scope of a request that was let in.
TURN = "stentor.turn"
_BEARER = "bearer "
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "POST"}}


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    code: str
    message: str
    hint: str = ""

    def answer(self) -> Response:
        failure = Failure(1, self.code, self.message, self.hint)
        headers = _HEADERS.get(self.status)
        return Response(json.dumps(failure.as_json()), self.status, headers, "application/json")


_FOREIGN_HOST = _Refusal(421, "bad_host", "this is not the host that was meant")
_FOREIGN_ORIGIN = _Refusal(403, "bad_origin", "web pages are not let in")
_NOTHING_HERE = _Refusal(404, "not_found", "there is nothing here", "tools are where STENTOR_MCP_URL says")
_NO_TURN = _Refusal(
    401,
    "bad_token",
    "no turn that goes on has this token",
    "it stands in STENTOR_MCP_TOKEN of the turn's program",
)
# Nothing is told here but what was asked for, so that no stream has to outlive its request, and no turn.
_NO_STREAM = _Refusal(405, "bad_method", "there are no streams here", "send each message in a POST")


class Gate:
    """Stands before an application that listens at a port: whatever it lets in belongs to a turn."""

    def __init__(self, application: ASGIApp, turns: McpTurns, url: str) -> None:
        place = urlsplit(url)
        self._application = application
        self._turns = turns
        self._hosts = (place.netloc, f"localhost:{place.port}")
        self._path = place.path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._admitted(Headers(scope=scope), scope["path"])
        if isinstance(found, OpenTurn) and scope["method"] != "POST":
            found = _NO_STREAM
        if isinstance(found, _Refusal):
            await found.answer()(scope, receive, send)
        else:
            await self._application({**scope, TURN: found}, receive, send)

    def _admitted(self, headers: Headers, path: str) -> OpenTurn | _Refusal:
        # A page that was led here by a name of its own says so in one of the two.
        if headers.get("host") not in self._hosts:
            return _FOREIGN_HOST
        if "origin" in headers:
            return _FOREIGN_ORIGIN
        if path != self._path:
            return _NOTHING_HERE
        said = headers.get("authorization", "")
        token = said[len(_BEARER) :].strip() if said.lower().startswith(_BEARER) else ""
        return self._turns.behind(token) or _NO_TURN
