"""Hundreds of thousands of messages may wait: the first of them leaves as soon after a start as it would alone."""

import asyncio
import time
from pathlib import Path

from stentor.adapters.registry import Registry
from stentor.adapters.sqlite.store import open_connection
from stentor.agents.echo import EchoRunner
from stentor.app.assembly import App
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.testing.scripted import Provider, scripted_channel

FEW, MANY = 300, 300_000
PARTS_OF_A_LANE = 15
TIMES_FEW = 3.0
TRIES = 3


def fill(home: Path, parts: int) -> None:
    """A backlog as an outage leaves it: many targets, each with its own queue."""
    home.mkdir()
    connection = open_connection(home / "stentor.db")
    now, lanes = int(time.time() * 1000), parts // PARTS_OF_A_LANE
    with connection:
        connection.execute(_LANES, (lanes,))
        connection.execute(_CHATS, (lanes,))
        connection.execute(_DELIVERIES, (parts, PARTS_OF_A_LANE, now, now + 86_400_000))
        connection.execute(_PARTS, (parts, PARTS_OF_A_LANE))
        connection.execute(_HEADS)
    connection.close()
    (home / "stentor.toml").write_text("[scheduler]\ndrain_seconds = 0\n")


_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1 - 1)"
_LANES = f"""
{_NUMBERS} INSERT INTO lanes (id, channel, account, target, chat)
SELECT n + 1, 'page', 'default', 'page:room' || n, n + 1 FROM numbers
"""
_CHATS = f"""
{_NUMBERS} INSERT INTO chats (id, channel, account, target_id) SELECT n + 1, 'page', 'default', 'room' || n FROM numbers
"""
_DELIVERIES = f"""
{_NUMBERS} INSERT INTO deliveries (id, purpose, channel, account, target, kind, target_id, source, state, required, priority,
    on_unknown, created_at, expires_at)
SELECT 'd' || n, 'manual', 'page', 'default', 'page:room' || (n / ?2), 'room', 'room' || (n / ?2), 'explicit', 'pending', 1, 2,
    'hold', ?3, ?4 FROM numbers
"""
_PARTS = f"""
{_NUMBERS} INSERT INTO parts (id, delivery_id, lane, n, of, state, text, format)
SELECT 'd' || n || '.1', 'd' || n, n / ?2 + 1, 1, 1, 'pending', 'hello', 'plain' FROM numbers
"""


_HEADS = """
UPDATE lanes SET head = (
    SELECT min(seq) FROM parts WHERE lane = lanes.id AND state IN ('pending', 'retry_wait') AND held = 0)
"""


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
    fill(few, FEW)
    fill(many, MANY)
    alone: list[float] = []
    among: list[float] = []
    for _ in range(TRIES):
        alone.append(asyncio.run(seconds_until_the_first_send(few)))
        among.append(asyncio.run(seconds_until_the_first_send(many)))
    print(f"{min(alone) * 1000:.1f} ms among {FEW}, {min(among) * 1000:.1f} ms among {MANY}")
    assert min(among) <= TIMES_FEW * min(alone), (alone, among)
