"""Sends that take longer than they may: given an answer at the deadline, and believed when they come back late."""

import asyncio
from collections import deque
from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.contract.channel import Connection
from stentor.contract.errors import NotSent
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation, Story, nothing
from stentor.testing.virtual_time import pass_time
from tests.services.stories import alerts, deliveries, sending

TIMEOUT = 60


class SlowConnection(Connection):
    """Answers after as many seconds as it is told, and notes what was given up meanwhile."""

    def __init__(self, provider: Provider, seconds: deque[float]) -> None:
        self.provider = provider
        self.seconds = seconds
        self.begun: list[float] = []
        self.given_up: list[str] = []

    async def send(self, part: Part) -> Receipt:
        self.begun.append(asyncio.get_running_loop().time())
        try:
            await pass_time(self.seconds.popleft() if self.seconds else 0)
        except asyncio.CancelledError:
            self.given_up.append(part.id)
            raise
        return self.provider.receive(part)


class SlowWorld:
    """A home with one slow channel."""

    def __init__(self, home: Path, *seconds: float, idempotency: str = "none") -> None:
        self.home = home
        self.provider = Provider(deduplicates=idempotency == "key")
        self.connection = SlowConnection(self.provider, deque(seconds))
        traits = Traits(idempotency=idempotency, send_timeout=TIMEOUT)
        self.simulation = Simulation(home, [self._channel(traits)])

    def _channel(self, traits: Traits) -> ScriptedChannel:
        channel = scripted_channel("page", self.provider, traits)

        async def opened(*_: object) -> Connection:
            return self.connection

        channel.open = opened
        return channel

    def parts(self) -> list[tuple[str, int]]:
        check(self.home, Witness({"page": self.provider}))
        parts = [part for delivery in deliveries(self.home) for part in delivery["parts"]]
        return [(part["state"], part["attempts"]) for part in parts]


def test_a_send_without_an_answer_in_time_is_in_doubt(fast_home) -> None:
    world = SlowWorld(fast_home, TIMEOUT + 10)
    world.simulation.live(sending("page:room1"), seconds=TIMEOUT + 1)
    assert world.parts() == [("unknown", 1)]
    assert deliveries(fast_home)[0]["parts"][0]["reason"] == "no_answer"
    assert alerts(fast_home) == ["unknown"]


def test_an_answer_at_the_last_moment_is_in_time(fast_home) -> None:
    world = SlowWorld(fast_home, TIMEOUT - 0.01)
    world.simulation.live(sending("page:room1"), seconds=TIMEOUT + 1)
    assert world.parts() == [("accepted", 1)]
    assert alerts(fast_home) == []


def test_a_late_receipt_still_belongs_to_its_part(fast_home) -> None:
    world = SlowWorld(fast_home, TIMEOUT + 10)
    world.simulation.live(sending("page:room1"), seconds=TIMEOUT + 20)
    assert world.parts() == [("accepted", 1)]
    assert len(world.provider.requests) == 1


def test_a_late_receipt_releases_what_the_part_in_doubt_held(fast_home) -> None:
    world = SlowWorld(fast_home, TIMEOUT + 10)
    held: list[tuple[str, int]] = []

    async def story(operations: Operations) -> None:
        await operations.send({"to": "page:room1", "text": "word " * 1500})
        await pass_time(TIMEOUT + 5)
        held.extend(world.parts())

    world.simulation.live(story, seconds=10)
    assert held == [("unknown", 1), ("pending", 0)]
    assert world.parts() == [("accepted", 1), ("accepted", 1)]


def test_both_answers_wait_for_a_store_that_cannot_be_written_and_count_in_their_order(fast_home) -> None:
    world = SlowWorld(fast_home, TIMEOUT + 10)

    async def story(operations: Operations) -> None:
        (connection,) = world.simulation._connections
        await operations.send({"to": "page:room1", "text": "word " * 1500})
        await pass_time(TIMEOUT - 1)
        connection.pragma("query_only", value=True)
        await pass_time(20)
        connection.pragma("query_only", value=False)

    world.simulation.live(story, seconds=10)
    assert world.parts() == [("accepted", 1), ("accepted", 1)]
    assert alerts(fast_home) == ["unknown"]


def test_a_late_error_changes_nothing(fast_home) -> None:
    world = SlowWorld(fast_home, TIMEOUT + 10)
    world.provider.script.append(NotSent("connection refused"))
    world.simulation.live(sending("page:room1"), seconds=TIMEOUT + 60)
    assert world.parts() == [("unknown", 1)]


def test_a_late_receipt_of_a_part_that_was_sent_again_meanwhile_changes_nothing(fast_home) -> None:
    world = SlowWorld(fast_home, TIMEOUT + 10, 0, idempotency="key")
    world.simulation.live(sending("page:room1"), seconds=TIMEOUT + 60)
    assert world.parts() == [("accepted", 2)]
    assert len(world.provider.requests) == 2


def test_a_send_that_hangs_holds_its_lane_only_until_the_deadline(fast_home) -> None:
    world = SlowWorld(fast_home, 3600)
    world.simulation.live(sending("page:room1", "page:room1"), seconds=TIMEOUT + 1)
    assert world.parts() == [("unknown", 1), ("accepted", 1)]


def sending_one_at_a_time(*targets: str) -> Story:
    async def story(operations: Operations) -> None:
        operations.app.dispatcher.slots = 1
        await pass_time(1)
        await sending(*targets)(operations)

    return story


def test_a_send_that_hangs_holds_its_slot_only_until_the_deadline(fast_home) -> None:
    world = SlowWorld(fast_home, 3600)
    world.simulation.live(sending_one_at_a_time("page:room1", "page:room2", "page:room3"), seconds=100)
    assert world.connection.begun == [1, 1 + TIMEOUT, 1 + TIMEOUT]
    assert world.parts() == [("unknown", 1), ("accepted", 1), ("accepted", 1)]


@pytest.mark.parametrize("late", [[], [NotSent("connection refused")]], ids=["receipt", "error"])
def test_what_comes_back_late_gives_no_second_slot_back(fast_home, late) -> None:
    world = SlowWorld(fast_home, TIMEOUT + 10, 30)
    world.provider.script.extend(late)
    world.simulation.live(sending_one_at_a_time("page:room1", "page:room2", "page:room3"), seconds=120)
    assert world.connection.begun == [1, 1 + TIMEOUT, 1 + TIMEOUT + 30]


def test_the_deadline_of_a_send_that_was_answered_gives_no_second_slot_back(fast_home) -> None:
    world = SlowWorld(fast_home, 1, TIMEOUT - 0.5)
    world.simulation.live(sending_one_at_a_time("page:room1", "page:room2", "page:room3"), seconds=120)
    assert world.connection.begun == [1, 2, 2 + TIMEOUT - 0.5]


def test_a_send_that_never_comes_back_is_given_up_in_the_end(fast_home) -> None:
    world = SlowWorld(fast_home, 3600)
    given_up: list[int] = []

    async def story(operations: Operations) -> None:
        await sending("page:room1")(operations)
        for seconds in (TIMEOUT + 299, 2):
            await pass_time(seconds)
            given_up.append(len(world.connection.given_up))

    world.simulation.live(story, seconds=1)
    assert given_up == [0, 1]
    assert world.parts() == [("unknown", 1)]


def test_the_end_of_the_process_leaves_a_hanging_send_to_the_next(fast_home) -> None:
    world = SlowWorld(fast_home, 3600)
    world.simulation.live(sending("page:room1"), seconds=1)
    assert [part["state"] for part in deliveries(fast_home)[0]["parts"]] == ["sending"]
    world.simulation.live(nothing, seconds=1)
    assert world.parts() == [("unknown", 1)]
