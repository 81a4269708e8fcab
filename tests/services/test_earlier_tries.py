"""What becomes known of an earlier try while a later one goes on, and what a later one cannot say of an earlier."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.contract.channel import Connection
from stentor.contract.errors import Ambiguous, NotSent, Rejected
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import pass_time
from tests.services.stories import JsonObject, adding, deliveries, job, sending

Send = Callable[[Part], Awaitable[Receipt]]


@pytest.fixture
def provider() -> Provider:
    return Provider(deduplicates=True)


@pytest.fixture(autouse=True)
def checked(fast_home: Path, provider: Provider) -> Iterator[None]:
    yield
    check(fast_home, Witness({"page": provider}))


def sends_with(provider: Provider, home: Path, send: Send, traits: Traits) -> Simulation:
    class Told(Connection):
        async def send(self, part: Part) -> Receipt:
            return await send(part)

    async def opened(*_: object) -> Connection:
        return Told()

    channel = scripted_channel("page", provider, traits)
    channel.open = opened
    return Simulation(home, [channel])


def only_part(home: Path) -> JsonObject:
    (delivery,) = deliveries(home)
    (part,) = delivery["parts"]
    return part


def test_a_receipt_of_the_first_try_ends_the_trying(provider: Provider, fast_home: Path) -> None:
    attempts: list[int] = []

    async def send(part: Part) -> Receipt:
        attempts.append(part.attempt)
        if part.attempt > 1:
            raise Ambiguous("lost")
        await pass_time(20)
        return provider.accept(part)

    world = sends_with(provider, fast_home, send, Traits(send_timeout=2))
    world.live(adding(job(delivery={"to": "page:room1", "onUnknown": "resend"})), seconds=50)
    world.live(nothing, seconds=900)
    assert only_part(fast_home)["state"] == "accepted"
    assert attempts == [1, 2]


def test_a_receipt_of_the_first_try_counts_though_the_second_was_never_answered(
    provider: Provider, fast_home: Path
) -> None:
    async def send(part: Part) -> Receipt:
        if part.attempt > 1:
            await asyncio.get_running_loop().create_future()
        await pass_time(7)
        return provider.accept(part)

    world = sends_with(provider, fast_home, send, Traits(send_timeout=4, idempotency="nonce", nonce_window=7))
    world.live(sending("page:room1"), seconds=60)
    assert only_part(fast_home)["state"] == "accepted"


def test_a_rejection_says_nothing_of_an_earlier_try_that_may_have_arrived(
    provider: Provider, fast_home: Path
) -> None:
    provider.script.extend([provider.accepted_then(Ambiguous("reset")), Rejected("too_large")])
    world = Simulation(fast_home, [scripted_channel("page", provider, Traits(idempotency="key"))])
    world.live(sending("page:room1"), seconds=200)
    part = only_part(fast_home)
    assert (part["state"], part["reason"], part["error"]) == ("unknown", "no_answer", "too_large")


def test_refusals_come_to_an_end_though_an_earlier_try_may_have_arrived(
    provider: Provider, fast_home: Path
) -> None:
    provider.script.append(Ambiguous("reset"))
    provider.script.extend(NotSent("503", refused=True) for _ in range(100))
    world = Simulation(fast_home, [scripted_channel("page", provider, Traits(idempotency="key"))])
    world.live(sending("page:room1"), seconds=86_000)
    assert only_part(fast_home)["state"] == "unknown"
    assert len(provider.requests) == 6


def test_what_was_being_sent_when_it_was_cancelled_is_not_sent_again(
    provider: Provider, fast_home: Path
) -> None:
    attempts: list[int] = []

    async def send(part: Part) -> Receipt:
        attempts.append(part.attempt)
        await pass_time(5)
        raise NotSent("refused")

    async def story(operations: Operations) -> None:
        await sending("page:room1")(operations)
        await operations.app.ground.seams.clock.sleep(2)
        (delivery,) = deliveries(fast_home)
        await OutboxOperations.of(operations).cancel(delivery["id"])

    sends_with(provider, fast_home, send, Traits()).live(story, seconds=300)
    assert only_part(fast_home)["state"] == "cancelled"
    assert attempts == [1]
