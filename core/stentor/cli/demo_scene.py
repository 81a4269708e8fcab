"""The scene of the demo: a temporary home, three jobs, and a webhook receiver that is busy at first."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from stentor.app.operations import Operations
from stentor.domain.json_types import JsonObject
from stentor.ports import Clock

_CONFIG = """
[channels.webhook.accounts.default]
allow_networks = ["127.0.0.0/8"]
"""
_BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_TAKEN = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@dataclass
class Receiver:
    """A webhook receiver on loopback that refuses twice and then accepts."""

    answers: list[int] = field(default_factory=list[int])
    url: str = ""

    async def run(self, ready: asyncio.Event) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        ready.set()
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        await reader.readexactly(length)
        busy = len(self.answers) < 2
        self.answers.append(429 if busy else 204)
        writer.write(_BUSY if busy else _TAKEN)
        await writer.drain()
        writer.close()


def set_the_stage(home: Path) -> None:
    """Write the demo's configuration: the guard must be told that loopback is meant."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "stentor.toml").write_text(_CONFIG)


def jobs(clock: Clock, hook: str) -> list[JsonObject]:
    """A text every two seconds, one agent turn, and one payload for the busy receiver."""
    now = clock.now_ms()
    return [
        {
            "id": "tick",
            "name": "Text every 2 s",
            "schedule": {"kind": "every", "everyMs": 2000, "anchorMs": now + 1000},
            "payload": {"kind": "text", "text": "It is {{scheduledForLocal}}"},
            "delivery": {"to": "local:inbox"},
        },
        {
            "id": "agent",
            "name": "Isolated agent turn",
            "schedule": {"kind": "at", "at": str(now + 1500)},
            "payload": {"kind": "agentTurn", "message": "What is new today?"},
            "delivery": {"to": "local:agents"},
        },
        {
            "id": "hook",
            "name": "Webhook, busy at first",
            "schedule": {"kind": "at", "at": str(now + 2000)},
            "payload": {"kind": "text", "text": "Nightly report: all green"},
            "delivery": {"mode": "webhook", "to": hook},
        },
    ]


async def add_all(operations: Operations, raw: list[JsonObject]) -> None:
    for job in raw:
        await operations.add_job(job)
