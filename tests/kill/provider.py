"""The far side of both channels: an HTTP server in a thread that counts what it has read before it answers."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from typing import Any, Self, cast

from stentor.contract.payloads import Part
from stentor.contract.targets import Target
from stentor.testing.scripted import Provider


@dataclass(frozen=True)
class Seen:
    """One request that was read to its end. `key` is all a receiver has to tell a repetition by."""

    channel: str
    key: str
    body: dict[str, Any]


class CountingProvider(ThreadingHTTPServer):
    """Accepts everything. With a `latency` it takes that long from reading a request to answering it."""

    daemon_threads = False  # closing waits for all of them
    request_queue_size = 256  # a full one resets connections, and nobody could tell why

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.latency: Callable[[], float] = lambda: 0.0
        self._numbers = count(1)
        self._closing = Event()

    @classmethod
    @contextmanager
    def running(cls) -> Generator[Self]:
        with cls() as provider:
            thread = Thread(target=provider.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield provider
            finally:
                provider._closing.set()
                provider.shutdown()
                thread.join()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def take(self, request: Seen) -> str:
        """Count a request, and think about it; returns the message's id."""
        self.seen.append(request)
        number = next(self._numbers)
        self._closing.wait(self.latency())
        return f"m-{number}"

    def counts(self, channel: str) -> Counter[str]:
        """How often each part arrived."""
        return Counter(request.key for request in self.seen if request.channel == channel)

    def keys_by_run(self) -> dict[str, set[str]]:
        """Under which keys each run's event arrived."""
        keys: dict[str, set[str]] = {}
        for request in self.seen:
            if "runId" in request.body:
                keys.setdefault(request.body["runId"], set()).add(request.key)
        return keys

    def witness(self, channel: str, *, deduplicates: bool) -> Provider:
        """What was seen, as the invariants ask for it."""
        provider = Provider(deduplicates=deduplicates)
        for key in self.counts(channel).elements():
            provider.accept(Part(key, "", Target(channel, "", "", ""), 1, 1, "", 1))
        return provider

    def handle_error(self, request: object, client_address: object) -> None:
        """That a client is killed is what these tests are about; anything else is a fault of this server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(cast("Any", request), client_address)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        provider = cast("CountingProvider", self.server)
        length = int(self.headers["Content-Length"])
        raw = self.rfile.read(length)
        if len(raw) < length:
            return
        channel = self.path.split("/")[1]
        body: dict[str, Any] = json.loads(raw)
        key = self.headers["webhook-id"] or body["part"]
        answer = json.dumps({"id": provider.take(Seen(channel, key, body))}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """The requests themselves are the log."""
