"""Programs that are hard to end, and a way to see from outside when they begin and are gone."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

# Ignores SIGTERM, says so on stdout, and holds a named pipe open for as long as it lives.
STUBBORN = """
    import os, signal, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    life = open(sys.argv[1], "w")
    print("up", file=life, flush=True)
    print("ready", flush=True)
    while True:
        signal.pause()
"""


def open_for_reading(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


async def until_somebody_writes(reader: int) -> None:
    """A program that has opened the pipe says so."""
    await _until(reader, bool)


async def until_all_writers_are_gone(reader: int) -> None:
    """A pipe's end comes when the last process that could write to it is dead."""
    try:
        await _until(reader, lambda read: not read)
    finally:
        os.close(reader)


async def _until(reader: int, satisfied: Callable[[bytes], bool]) -> None:
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> None:
        if satisfied(os.read(reader, 100)):
            seen.set()

    loop.add_reader(reader, read)
    try:
        async with asyncio.timeout(5):
            await seen.wait()
    finally:
        loop.remove_reader(reader)
