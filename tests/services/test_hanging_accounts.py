"""A provider that never answers keeps the messages of its own account, and nobody else's."""

import asyncio
from pathlib import Path

from stentor.contract.channel import Connection
from stentor.contract.errors import Throttled
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.traits import Traits
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.stories import sending


class LongConnection(Connection):
    """Takes its time, and then does as it is told."""

    def __init__(self, provider: Provider, seconds: float) -> None:
        self.provider = provider
        self.seconds = seconds
        self.begun: list[float] = []

    async def send(self, part: Part) -> Receipt:
        self.begun.append(asyncio.get_running_loop().time())
        await pass_time(self.seconds)
        return self.provider.receive(part)


def channel_to(connection: LongConnection, name: str, **traits: float) -> ScriptedChannel:
    channel = scripted_channel(name, connection.provider, Traits(**traits))

    async def opened(*_: object) -> Connection:
        return connection

    channel.open = opened
    return channel


def test_an_account_that_hangs_keeps_no_other_waiting(fast_home: Path) -> None:
    slow, quick = LongConnection(Provider(), 3600), Provider()
    world = Simulation(fast_home, [channel_to(slow, "slow"), scripted_channel("page", quick)])
    life = world.begin()
    life.tell(sending("slow:room0"))
    life.pass_time(70)  # nothing is known against the account once its first try is over
    life.tell(sending(*(f"slow:room{n}" for n in range(400))))
    life.pass_time(1)
    life.tell(sending("page:room1"))
    life.pass_time(1)
    assert len(quick.accepted) == 1
    life.kill()


def test_an_account_of_many_slow_answers_gets_all_its_messages(fast_home: Path) -> None:
    slow = LongConnection(Provider(), 5)
    world = Simulation(fast_home, [channel_to(slow, "slow"), scripted_channel("page", Provider())])
    world.live(sending(*(f"slow:room{n}" for n in range(600))), seconds=40)
    assert len(slow.provider.accepted) == 600


def test_one_message_goes_ahead_through_a_gate_for_as_long_as_it_takes(fast_home: Path) -> None:
    slow = LongConnection(Provider(), 50)
    slow.provider.script.extend(Throttled(40, scope="account") for _ in range(3))
    world = Simulation(fast_home, [channel_to(slow, "slow", send_timeout=60)])
    world.live(sending(*(f"slow:room{n}" for n in range(20))), seconds=200)
    assert [round(at - slow.begun[0]) for at in slow.begun] == [0, 90, 180]
