"""The dispatcher by itself, until all that waits has its receipt."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from stentor.adapters.chance import SystemChance
from stentor.adapters.secrets import Secrets
from stentor.domain.outbox import Verdict
from stentor.domain.records import Outgoing
from stentor.domain.redaction import Redactor
from stentor.domain.routing import Directory
from stentor.ports import Clock, Store
from stentor.services.connections import Connections
from stentor.services.courtesy import Courtesy
from stentor.services.dispatcher import Dispatcher
from stentor.services.news import News
from stentor.testing.rows import BOOT

SLOTS = 256
# Far more than it ever takes: what never ends is to fail, and to say so.
_AT_MOST_SECONDS = 240


def connected(
    directory: Directory, store: Store, clock: Clock, home: Path, environ: Mapping[str, str]
) -> Connections:
    """The accounts, with nothing between them and their providers."""
    secrets = Secrets(Redactor(), environ, home)
    return Connections(
        directory, store, clock, home, secrets, News(store, clock, str), lambda connection: connection
    )


async def dispatched(store: Store, clock: Clock, connections: Connections, parts: int) -> None:
    """Send so many parts, until the receipt of each is on the disk."""
    left, done = parts, asyncio.Event()

    def receipt_seen(part: Outgoing, verdict: Verdict) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    dispatcher = Dispatcher(
        store,
        clock,
        SystemChance(),
        connections.directory,
        connections,
        Courtesy(),
        Redactor(),
        BOOT,
        SLOTS,
        receipt_seen,
    )
    async with asyncio.timeout(_AT_MOST_SECONDS), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(dispatcher.run())
        await done.wait()
        running.cancel()
