"""Who is asked to stop waits for what is on its way, not for ever, and not at all where there is nothing."""

from pathlib import Path

from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext, Connection
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import pass_time
from tests.services.stories import alerts, deliveries, sending

DRAIN_SECONDS = 25


class Thoughtful(Connection):
    """Takes so many seconds over each part."""

    def __init__(self, provider: Provider, seconds: float) -> None:
        self._provider = provider
        self._seconds = seconds

    async def send(self, part: Part) -> Receipt:
        await pass_time(self._seconds)
        return self._provider.receive(part)


def thoughtful(provider: Provider, seconds: float) -> ScriptedChannel:
    channel = scripted_channel("page", provider, Traits(send_timeout=60))

    async def opened(account: Account, ctx: ChannelContext) -> Connection:
        return Thoughtful(provider, seconds)

    channel.open = opened
    return channel


def test_a_drain_waits_for_the_answers_to_what_is_on_its_way(fast_home: Path) -> None:
    provider = Provider()
    world = Simulation(fast_home, [thoughtful(provider, 5)])
    begun_ms = world.now_ms

    async def story(operations: Operations) -> None:
        # An account that has just been opened has one part go ahead.
        await sending("page:room1")(operations)
        await pass_time(9)
        await sending("page:room2", "page:room3")(operations)

    world.live(story, seconds=1)

    assert [found["state"] for found in deliveries(fast_home)] == ["accepted"] * 3
    assert world.now_ms - begun_ms == 14_000
    assert alerts(fast_home) == []
    check(fast_home, Witness({"page": provider}))


def test_a_drain_goes_on_with_what_waits_behind_what_is_on_its_way(fast_home: Path) -> None:
    provider = Provider()
    world = Simulation(fast_home, [thoughtful(provider, 5)])
    begun_ms = world.now_ms

    world.live(sending("page:room1", "page:room1", "page:room2"), seconds=1)

    assert [found["state"] for found in deliveries(fast_home)] == ["accepted"] * 3
    assert world.now_ms - begun_ms == 10_000
    check(fast_home, Witness({"page": provider}))


def test_a_drain_has_an_end(fast_home: Path) -> None:
    provider = Provider()
    world = Simulation(fast_home, [thoughtful(provider, 50)])
    begun_ms = world.now_ms
    world.live(sending("page:room1", "page:room1"), seconds=1)

    assert [found["parts"][0]["state"] for found in deliveries(fast_home)] == ["sending", "pending"]
    assert world.now_ms - begun_ms == 1_000 * (1 + DRAIN_SECONDS)
    assert provider.requests == []


def test_who_has_nothing_to_send_goes_at_once(fast_home: Path) -> None:
    world = Simulation(fast_home, [thoughtful(Provider(), 5)])
    begun_ms = world.now_ms
    world.live(nothing, seconds=1)

    assert world.now_ms - begun_ms == 1_000
