"""Hundreds of thousands of messages may wait: the first of them leaves as soon after a start as it would alone."""

import asyncio
import time
from pathlib import Path

from tests.bench.backlog import fill

from stentor.adapters.registry import Registry
from stentor.agents.echo import EchoRunner
from stentor.app.assembly import App
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.testing.scripted import Provider, scripted_channel

FEW, MANY = 300, 300_000
TIMES_FEW = 3.0
TRIES = 3


async def seconds_until_the_first_send(home: Path) -> float:
    provider, stop = Provider(), asyncio.Event()
    seconds = 0.0

    async def watch() -> None:
        nonlocal seconds
        await stop.wait()
        seconds = time.perf_counter() - begin

    def accepted(part: Part) -> Receipt:
        stop.set()
        return provider.accept(part)

    provider.script.append(accepted)
    registry = Registry.of(channels=[scripted_channel("page", provider)], runners=[EchoRunner()])
    begin = time.perf_counter()
    app = App.open(home, role="bench", registry=registry)
    await app.run(stop, watch)
    await app.close()
    return seconds


def test_the_first_of_many_leaves_as_soon_after_a_start_as_the_first_of_few(tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    now_ms = int(time.time() * 1000)
    fill(few, FEW, now_ms)
    fill(many, MANY, now_ms)
    alone: list[float] = []
    among: list[float] = []
    for _ in range(TRIES):
        alone.append(asyncio.run(seconds_until_the_first_send(few)))
        among.append(asyncio.run(seconds_until_the_first_send(many)))
    print(f"{min(alone) * 1000:.1f} ms among {FEW}, {min(among) * 1000:.1f} ms among {MANY}")
    assert min(among) <= TIMES_FEW * min(alone), (alone, among)
