"""How requests are read, and answers written."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stentor.app.author import AUTHOR_HEADER, from_header
from stentor.app.door import LARGEST_APPLICATION, LARGEST_REQUEST, check_size, too_large
from stentor.app.failures import Failure, failure_of
from stentor.app.operations import Operations
from stentor.app.parameters import Parameters
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Refused
from stentor.http.queries import query_of

log = logging.getLogger(__name__)
_STATUS_OF_EXIT = {2: 400, 4: 404, 7: 403}
# JSON may spell a character of two bytes in six.
_SPELT_OUT = 3
_LEAVING = Failure(1, "leaving", "the daemon is stopping", "ask again when it runs")
Endpoint = Callable[[Request], Awaitable[JsonObject]]


@dataclass(frozen=True, slots=True)
class Answers:
    """One JSON document for every outcome, errors included. `clean` keeps secrets out of what errors quote."""

    clean: Callable[[str], str]

    def route(self, path: str, endpoint: Endpoint, method: str = "GET") -> Route:
        async def handle(request: Request) -> Response:
            try:
                return _json(200, await endpoint(request))
            except Exception as error:  # noqa: BLE001 - the caller gets a sentence, the daemon goes on
                return self._failed(error)
            except asyncio.CancelledError:
                # Whoever still asks when the daemon leaves: nobody waits for the answer to this any longer.
                return _json(503, self._cleaned(_LEAVING))

        return Route(path, handle, methods=[method])

    def refuse(self, request: Request, error: Exception) -> Response:
        """What has no route, or not by this method."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        where = request.url.path
        if status == 404:
            failure = Failure(4, "not_found", f"there is nothing at {where}", "the paths begin with /api/v1/")
        else:
            failure = Failure(2, "bad_method", f"{request.method} is not for {where}")
        headers = error.headers if isinstance(error, HTTPException) else None
        return _json(status, self._cleaned(failure), headers)

    def _failed(self, error: Exception) -> Response:
        failure = failure_of(error)
        if failure.code == "internal":
            log.error("a request failed", exc_info=error, extra={"event": "request_failed"})
        return _json(_STATUS_OF_EXIT.get(failure.exit_code, 500), self._cleaned(failure))

    def _cleaned(self, failure: Failure) -> JsonObject:
        details = tuple((self.clean(path), self.clean(why)) for path, why in failure.details)
        message, hint = self.clean(failure.message), self.clean(failure.hint)
        return replace(failure, message=message, hint=hint, details=details).as_json()


async def body_of(request: Request) -> JsonObject:
    """The JSON object that a request brings; nothing at all is an empty one."""
    body = await _read(request, _SPELT_OUT * LARGEST_REQUEST, told=LARGEST_REQUEST)
    check_size(body)
    return body


async def application_of(request: Request) -> JsonObject:
    """The same, where many jobs come at once; each of them is held to the limit of one."""
    return await _read(request, LARGEST_APPLICATION, told=LARGEST_APPLICATION)


async def parameters_of_body(request: Request, *known: str) -> Parameters:
    return Parameters(await body_of(request), *known)


def on_behalf(operations: Operations, request: Request) -> Operations:
    """Who may open the socket may say on whose behalf; whoever says nothing is somebody on this machine."""
    by = from_header(request.headers.get(AUTHOR_HEADER, ""))
    return replace(operations, by=by) if by else operations


async def _read(request: Request, largest: int, *, told: int) -> JsonObject:
    query_of(request)  # whoever brings a body says everything there
    size = 0
    chunks: list[bytes] = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise too_large(told)
        chunks.append(chunk)
    try:
        body = as_object(json.loads(b"".join(chunks) or b"{}"))
    except (ValueError, RecursionError) as error:
        raise Refused("bad_json", f"the body is not JSON: {error}") from error
    if body is None:
        raise Refused("bad_json", "the body must be a JSON object")
    return body


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False)
    return Response(content, status, headers=dict(headers or {}), media_type="application/json")
