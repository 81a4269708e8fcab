"""What a channel promises of one target or one account counts there: pace, doubt, and how much it can do at a time."""

from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.contract.errors import Ambiguous
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.traits import Rate, Traits
from stentor.testing.scripted import Provider, ScriptedChannel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.odd_channels import odd_channel, odd_line
from tests.services.stories import deliveries, sending


class Counter:
    """How many sends are under way, and how many there ever were at a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0
        self.most = 0

    async def send(self, line: Any, part: Part) -> Receipt:
        self.now += 1
        self.most = max(self.most, self.now)
        await pass_time(self.seconds)
        self.now -= 1
        received: Receipt = line.provider.receive(part)
        return received


def counting(counter: Counter, traits: Traits) -> ScriptedChannel:
    async def send(line: object, part: Part) -> Receipt:
        return await counter.send(line, part)

    return odd_line("page", Provider(), traits, send=send)


def test_no_more_is_with_a_provider_than_its_channel_can_do(fast_home: Path) -> None:
    counter = Counter(seconds=1)
    channel = counting(counter, Traits(at_once=3))
    Simulation(fast_home, [channel]).live(sending(*(f"page:room{n}" for n in range(30))), seconds=30)

    assert counter.most == 3
    assert len(channel.provider.accepted) == 30


def test_who_does_not_answer_in_time_holds_nobody_up_any_longer(fast_home: Path) -> None:
    counter = Counter(seconds=10_000)
    channel = counting(counter, Traits(at_once=2, send_timeout=5))
    Simulation(fast_home, [channel]).live(sending(*(f"page:room{n}" for n in range(6))), seconds=30)

    assert [found["state"] for found in deliveries(fast_home)] == ["unknown"] * 6


@pytest.mark.parametrize(
    ("promised", "requests", "state"),
    [
        (Traits(idempotency="none"), 1, "unknown"),
        (Traits(idempotency="key"), 2, "accepted"),
        (RuntimeError("a bug"), 1, "unknown"),
        ("key", 1, "unknown"),
        (Traits(send_timeout=-1), 1, "unknown"),
    ],
    ids=["less", "the same", "a bug", "no traits", "what nobody could keep"],
)
def test_what_is_promised_of_a_target_decides_what_a_doubt_about_it_means(
    fast_home: Path, promised: Any, requests: int, state: str
) -> None:
    def traits_of(channel: object, target: object) -> Any:
        if isinstance(promised, BaseException):
            raise promised
        return promised

    provider = Provider(deduplicates=True)
    provider.script.append(provider.accepted_then(Ambiguous("cut")))
    channel = odd_channel("page", provider, Traits(idempotency="key"), traits_of=traits_of)
    Simulation(fast_home, [channel]).live(sending("page:room1"), seconds=60)

    assert len(provider.requests) == requests
    assert [found["state"] for found in deliveries(fast_home)] == [state]


@pytest.mark.parametrize(
    ("rates", "sent"),
    [((Rate(1),), 10), ((), 50), ("fast", 20), ((Rate(0),), 20), (RuntimeError("a bug"), 20)],
    ids=["slower", "as it likes", "no rates", "what nobody could keep", "a bug"],
)
def test_an_account_keeps_to_its_own_pace_or_else_to_that_of_its_channel(
    fast_home: Path, rates: Any, sent: int
) -> None:
    def own(channel: object, settings: object) -> Any:
        if isinstance(rates, BaseException):
            raise rates
        return rates

    channel = odd_channel("page", Provider(), Traits(rates=(Rate(2),)), rates=own)
    counts: list[int] = []

    async def story(operations: Operations) -> None:
        await sending(*(f"page:room{n}" for n in range(50)))(operations)
        await operations.app.ground.seams.clock.sleep(9.5)
        counts.append(len(channel.provider.accepted))

    Simulation(fast_home, [channel]).live(story, seconds=15)

    assert abs(counts[0] - sent) <= 1
