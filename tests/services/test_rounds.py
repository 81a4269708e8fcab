"""The dispatcher's rounds: what comes back and what goes next share a commit, and nobody on the loop waits for either."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.stories import deliveries, sending

# More than this in one turn of the loop would be felt by everybody else on it.
AT_ONCE = 16
ROOMS = [f"page:room{number}" for number in range(100)]


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(fast_home: Path, provider: Provider) -> Iterator[Simulation]:
    simulation = Simulation(fast_home, [scripted_channel("page", provider)])
    yield simulation
    check(fast_home, Witness({"page": provider}))


async def queued(operations: Operations, *targets: str, slots: int = len(ROOMS)) -> None:
    """A message to each target waits in the outbox, and the next round takes as many as there are slots."""
    dispatcher = operations.app.dispatcher
    dispatcher.slots = 0
    await pass_time(1)
    await sending(*targets)(operations)
    dispatcher.slots = slots
    dispatcher.wake()


def test_an_answer_and_the_next_send_are_one_commit(world) -> None:
    names = world.live(lambda o: queued(o, *ROOMS[:5], slots=1), seconds=5).trail.names
    settled = [at for at, name in enumerate(names) if name == "store.settle.before"]
    assert len(settled) == 5
    for at in settled:
        assert names[at - 1] == "store.begin_sends.before"
        assert names.index("commit.after", at) < names.index("store.begin_sends.after", at)


def test_the_next_part_of_a_lane_does_not_begin_in_the_commit_of_the_one_before_it(world) -> None:
    names = world.live(lambda o: queued(o, *["page:room1"] * 5), seconds=5).trail.names
    sends = [at for at, name in enumerate(names) if name == "transport.send.before"]
    assert len(sends) == 5
    for one, two in pairwise(sends):
        between = names[one:two]
        answered = between.index("store.settle.after")
        assert between.index("store.begin_sends.before", answered) < between.index("commit.after", answered)


def test_what_comes_back_together_is_written_down_together(world, provider) -> None:
    names = world.live(lambda o: queued(o, *ROOMS), seconds=5).trail.names
    assert len(provider.accepted) == len(ROOMS)
    assert names.count("store.settle.after") < len(ROOMS) / AT_ONCE


def test_a_herd_of_sends_leaves_everybody_else_their_turns(world, provider) -> None:
    turn = 0
    turns: Counter[int] = Counter()

    def noted(part: Part) -> Receipt:
        turns[turn] += 1
        return provider.accept(part)

    async def story(operations: Operations) -> None:
        nonlocal turn
        provider.script.extend([noted] * len(ROOMS))
        await queued(operations, *ROOMS)
        while len(provider.accepted) < len(ROOMS):
            turn += 1
            await asyncio.sleep(0)

    world.live(story, seconds=1)
    assert sum(turns.values()) == len(ROOMS)
    assert max(turns.values()) <= AT_ONCE


def test_an_answer_waits_for_a_store_that_is_full(world, provider, fast_home) -> None:
    states: list[str] = []

    async def story(operations: Operations) -> None:
        (connection,) = world._connections

        def filled(part: Part) -> Receipt:
            connection.pragma("max_page_count", 1)
            return replace(provider.accept(part), message_id="m" * 50_000)

        provider.script.append(filled)
        await sending("page:room1")(operations)
        await pass_time(30)
        states.extend(part["state"] for part in deliveries(fast_home)[0]["parts"])
        connection.pragma("max_page_count", 1_000_000)

    world.live(story, seconds=5)
    assert states == ["sending"]
    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["attempts"], len(part["messageId"])) == ("accepted", 1, 50_000)
    assert part["acceptedAt"] == "2026-07-01T07:00:00Z"
    assert len(provider.requests) == 1
