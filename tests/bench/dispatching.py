"""The dispatcher by itself, until all that waits has its receipt."""

import asyncio

from stentor.adapters.chance import SystemChance
from stentor.domain.outbox import Verdict
from stentor.domain.records import Outgoing
from stentor.domain.redaction import Redactor
from stentor.ports import Clock, Store
from stentor.services.connections import Connections
from stentor.services.courtesy import Courtesy
from stentor.services.dispatcher import Dispatcher
from stentor.testing.rows import BOOT

SLOTS = 256


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
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(dispatcher.run())
        await done.wait()
        running.cancel()
