"""How requests are read, and answers written."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from stentor.app.author import AUTHOR_HEADER, from_header
from stentor.app.door import LARGEST_REQUEST
from stentor.app.failures import failure_of
from stentor.app.operations import Operations
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Refused

_STATUS_OF_EXIT = {2: 400, 4: 404, 7: 403}
Handler = Callable[[Request], Awaitable[Response]]


def answer(endpoint: Callable[[Request], Awaitable[object]]) -> Handler:
    """One JSON document for every outcome, errors included."""

    async def handle(request: Request) -> Response:
        try:
            return _json(200, await endpoint(request))
        except Exception as error:  # noqa: BLE001 - the caller gets a sentence, the daemon goes on
            failure = failure_of(error)
            return _json(_STATUS_OF_EXIT.get(failure.exit_code, 500), failure.as_json())

    return handle


async def body_of(request: Request, largest: int = LARGEST_REQUEST) -> JsonObject:
    """The JSON object that a request brings; nothing at all is an empty one."""
    size = 0
    chunks: list[bytes] = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise Refused("too_large", f"a request is at most {largest} bytes")
        chunks.append(chunk)
    try:
        body = as_object(json.loads(b"".join(chunks) or b"{}"))
    except (ValueError, RecursionError) as error:
        raise Refused("bad_json", f"the body is not JSON: {error}") from error
    if body is None:
        raise Refused("bad_json", "the body must be a JSON object")
    return body


def number_of(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal():
        raise Refused("bad_request", f"{name} must be a whole number")
    return int(text)


def on_behalf(operations: Operations, request: Request) -> Operations:
    """Who may open the socket may say on whose behalf; whoever says nothing is somebody on this machine."""
    by = from_header(request.headers.get(AUTHOR_HEADER, ""))
    return replace(operations, by=by) if by else operations


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json")
