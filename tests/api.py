"""The API of a daemon, asked over its socket."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from socket import AF_UNIX, SOCK_STREAM, socket

from stentor.adapters.socket_path import socket_path
from tests.outside import JsonObject, Stentor

JOB: JsonObject = {
    "id": "brief",
    "schedule": {"kind": "cron", "expr": "0 7 * * *", "tz": "UTC"},
    "payload": {"kind": "text", "text": "hi"},
    "delivery": {"to": "local:a"},
}


class Api:
    """One daemon, asked over its socket."""

    def __init__(self, stentor: Stentor) -> None:
        self.home = stentor.home

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, JsonObject]:
        content = None if body is None else json.dumps(body).encode()
        return self.ask_plainly(method, f"/api/v1/{path}", content, headers)

    def ask_plainly(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, JsonObject]:
        """With a path and a body as they are; whatever comes of it is one JSON document."""
        listener = socket_path(self.home)
        assert listener is not None
        connection = HTTPConnection("localhost")
        connection.sock = socket(AF_UNIX, SOCK_STREAM)
        connection.sock.connect(str(listener))
        connection.request(method, path, content, dict(headers or {}))
        response = connection.getresponse()
        document: JsonObject = json.loads(response.read())
        connection.close()
        return response.status, document

    def made(self, name: str) -> JsonObject:
        status, added = self.ask("POST", "jobs", {**JOB, "id": name})
        assert status == 200, added
        return added
