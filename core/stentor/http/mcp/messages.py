"""What a line of JSON-RPC says. One that says nothing to be understood has an answer, too."""

import json
from typing import cast

from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import from_json

from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.plugin_words import whole


class Unsound(Exception):
    """A line that is no message; with what its sender is told."""

    def __init__(self, code: int, why: str, request_id: str | int | None = None) -> None:
        super().__init__(why)
        error = ErrorData(code=code, message=why)
        self.answer = JSONRPCError(jsonrpc="2.0", id=request_id, error=error)


def message_in(line: bytes) -> JSONRPCMessage:
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        raise _flaw(line) from error
    # Whatever has an id wants an answer, also where the id is none that could be answered to.
    if isinstance(message, JSONRPCNotification) and "id" in (as_object(from_json(line)) or {}):
        raise _flaw(line)
    return message


def _flaw(line: bytes) -> Unsound:
    try:
        value = _read(line)
    except (ValueError, RecursionError) as error:
        return Unsound(PARSE_ERROR, f"Parse error: this is not JSON that can be read: {error}")
    request = as_object(value)
    if request is None:
        what = "send each request on a line of its own" if isinstance(value, list) else "send a JSON object"
        return Unsound(INVALID_REQUEST, f"Invalid Request: {what}")
    code, why = _flaw_of(request)
    return Unsound(code, why, request["id"] if _is_id(request.get("id")) else None)


def _flaw_of(request: JsonObject) -> tuple[int, str]:
    wrong = {
        'jsonrpc must be "2.0"': request.get("jsonrpc") != "2.0",
        "method must be text": not isinstance(request.get("method"), str),
        "id must be text or a whole number": "id" in request and not _is_id(request["id"]),
    }
    found = [why for why, applies in wrong.items() if applies]
    if found:
        return INVALID_REQUEST, f"Invalid Request: {'; '.join(found)}"
    if as_object(request.get("params") or {}) is None:
        return INVALID_PARAMS, "Invalid params: they must be an object"
    return (
        INVALID_REQUEST,
        "Invalid Request: it holds half a character (a lone surrogate), or is nested too deeply",
    )


def _is_id(given: object) -> bool:
    if isinstance(given, str):
        return whole(given) == given
    return isinstance(given, int) and not isinstance(given, bool)


def _read(line: bytes) -> object:
    """More is read here than is taken, so that who sent it can be answered."""
    return cast("object", json.loads(line.decode("utf-8")))
