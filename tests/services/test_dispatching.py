"""What the dispatcher makes of every answer a channel can give, on virtual time."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.contract.errors import (
    Ambiguous,
    CredentialsRejected,
    Moved,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
)
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from tests.services.stories import alerts, deliveries, sending

ELSEWHERE = Target("page", "room", "room9", "room9")
ABROAD = Target("mail", "room", "room9", "room9")


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(fast_home: Path, provider: Provider) -> Iterator[Simulation]:
    simulation = Simulation(fast_home, [scripted_channel("page", provider)])
    yield simulation
    check(fast_home, Witness({"page": provider}))


def keyed(home: Path, provider: Provider) -> Simulation:
    provider.deduplicates = True
    return Simulation(home, [scripted_channel("page", provider, Traits(idempotency="key"))])


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        pytest.param(Rejected("blocked", "the bot was blocked"), "rejected", "blocked", id="rejected"),
        pytest.param(Ambiguous("connection lost"), "unknown", "no_answer", id="ambiguous"),
        pytest.param(Moved(ABROAD), "rejected", "moved", id="moved to another channel"),
        pytest.param(RuntimeError("a bug"), "unknown", "plugin_error", id="bug"),
        pytest.param(SystemExit(3), "unknown", "plugin_error", id="tries to end the process"),
        pytest.param(asyncio.CancelledError(), "unknown", "plugin_error", id="cancelled from within"),
        pytest.param(lambda part: None, "unknown", "no_identity", id="returns nothing"),
        pytest.param(lambda part: Receipt(part.target, ""), "unknown", "no_identity", id="empty id"),
        pytest.param(lambda part: Receipt(ELSEWHERE, "m1"), "unknown", "wrong_target", id="another target"),
    ],
)
def test_an_answer_that_is_no_receipt_is_never_tried_again(
    world, provider, fast_home, answer, state, reason
) -> None:
    provider.script.append(answer)
    world.live(sending("page:room1"), seconds=3600)
    (delivery,) = deliveries(fast_home)
    (part,) = delivery["parts"]
    assert (part["state"], part["reason"], part["attempts"]) == (state, reason, 1)
    assert len(provider.requests) == 1
    assert alerts(fast_home) == ["unknown" if state == "unknown" else "failed"]


def test_what_was_proved_unsent_is_tried_after_5_25_120_and_600_seconds(world, provider, fast_home) -> None:
    provider.script.extend(NotSent("connection refused") for _ in range(4))
    world.live(sending("page:room1"), seconds=900)
    (delivery,) = deliveries(fast_home)
    assert delivery["state"] == "accepted"
    assert delivery["parts"][0]["attempts"] == 5
    assert len(provider.accepted) == 1
    assert alerts(fast_home) == []


def test_a_provider_that_refuses_five_times_is_given_up(world, provider, fast_home) -> None:
    provider.script.extend(NotSent("try later", refused=True) for _ in range(9))
    world.live(sending("page:room1"), seconds=7200)
    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["reason"], part["attempts"]) == ("rejected", "exhausted", 5)


def test_retry_after_is_kept_exactly(world, provider, fast_home) -> None:
    provider.script.append(Throttled(40))
    world.live(sending("page:room1"), seconds=39)
    assert len(provider.requests) == 1
    world.live(nothing, seconds=2)
    assert len(provider.requests) == 2
    assert deliveries(fast_home)[0]["state"] == "accepted"


def test_a_throttled_account_waits_as_a_whole_and_probes_once(world, provider, fast_home) -> None:
    provider.script.append(Throttled(40, scope="account"))
    world.live(sending("page:room1"), seconds=1)
    world.live(sending("page:room2", "page:room3"), seconds=30)
    assert len(provider.requests) == 1
    world.live(nothing, seconds=60)
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["accepted"] * 3


@pytest.mark.parametrize(("seconds", "told"), [(600, []), (3600, ["account_down"])])
def test_that_a_whole_account_may_not_write_for_long_is_told_once(
    world, provider, fast_home, seconds, told
) -> None:
    held = Throttled(seconds, scope="account", message="no writing to strangers")
    provider.script.extend(held for _ in range(5))
    world.live(sending(*(f"page:room{n}" for n in range(5))), seconds=60)
    assert alerts(fast_home) == told
    world.live(nothing, seconds=6 * seconds)
    assert {delivery["state"] for delivery in deliveries(fast_home)} == {"accepted"}


def test_a_wait_longer_than_the_delivery_lives_expires_it_at_once(world, provider, fast_home) -> None:
    provider.script.append(Throttled(90_000))
    world.live(sending("page:room1"), seconds=1)
    (delivery,) = deliveries(fast_home)
    assert (delivery["state"], delivery["parts"][0]["state"]) == ("failed", "expired")
    assert alerts(fast_home) == ["failed"]


def test_an_unavailable_channel_uses_up_no_attempt(world, provider, fast_home) -> None:
    provider.script.extend(Unavailable("not connected") for _ in range(20))
    world.live(sending("page:room1"), seconds=50)
    assert deliveries(fast_home)[0]["parts"][0]["attempts"] == 0
    world.live(nothing, seconds=300)
    assert deliveries(fast_home)[0]["parts"][0]["attempts"] == 1
    assert deliveries(fast_home)[0]["state"] == "accepted"


def test_rejected_credentials_stop_the_account_with_one_alert(world, provider, fast_home) -> None:
    provider.script.append(CredentialsRejected("401"))
    world.live(sending(*(f"page:room{n}" for n in range(20))), seconds=600)
    assert len(provider.requests) == 1
    assert {delivery["parts"][0]["state"] for delivery in deliveries(fast_home)} == {"pending"}
    assert alerts(fast_home) == ["account_down"]
    world.live(nothing, seconds=5)
    assert {delivery["state"] for delivery in deliveries(fast_home)} == {"accepted"}
    assert len(provider.requests) == 21


def test_one_target_in_trouble_delays_only_itself_and_keeps_its_order(world, provider, fast_home) -> None:
    provider.script.append(NotSent("connection refused"))
    world.live(sending("page:room1", "page:room1", "page:room2"), seconds=1)
    assert [part.text for part in provider.accepted] == ["message 2"]
    world.live(nothing, seconds=60)
    assert [part.text for part in provider.accepted] == ["message 2", "message 0", "message 1"]


def test_an_unknown_part_does_not_stop_the_next_delivery_of_its_lane(world, provider, fast_home) -> None:
    provider.script.append(Ambiguous("cut"))
    world.live(sending("page:room1", "page:room1"), seconds=10)
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["unknown", "accepted"]


def test_with_a_key_a_part_in_doubt_is_sent_again_under_the_same_id(fast_home, provider) -> None:
    provider.script.append(provider.accepted_then(Ambiguous("cut")))
    keyed(fast_home, provider).live(sending("page:room1"), seconds=60)
    assert len(provider.requests) == 2
    assert len({part.id for part in provider.requests}) == 1
    assert len(provider.accepted) == 1
    assert deliveries(fast_home)[0]["state"] == "accepted"
    check(fast_home, Witness({"page": provider}))


def test_a_nonce_serves_only_while_its_window_is_open(fast_home, provider) -> None:
    traits = Traits(idempotency="nonce", nonce_window=120)
    simulation = Simulation(fast_home, [scripted_channel("page", provider, traits)])
    provider.script.extend(Ambiguous("cut") for _ in range(500))
    simulation.live(sending("page:room1"), seconds=600)
    (part,) = deliveries(fast_home)[0]["parts"]
    assert part["state"] == "unknown"
    assert 2 <= part["attempts"] <= 125


def test_nothing_older_than_its_expiry_is_sent(world, provider, fast_home) -> None:
    provider.script.extend(NotSent("connection refused") for _ in range(2000))
    world.live(sending("page:room1"), seconds=86_400 + 700)
    (delivery,) = deliveries(fast_home)
    assert delivery["parts"][0]["state"] == "expired"
    sent = len(provider.requests)
    world.live(nothing, seconds=3600)
    assert len(provider.requests) == sent


def test_ten_restarts_change_no_attempts_of_what_waits(world, provider, fast_home) -> None:
    provider.script.append(Throttled(3600))
    world.live(sending("page:room1", "page:room1"), seconds=1)
    for _ in range(10):
        world.live(nothing, seconds=1)
    attempts = [delivery["parts"][0]["attempts"] for delivery in deliveries(fast_home)]
    assert attempts == [1, 0]
    assert len(provider.requests) == 1


def test_what_a_channel_quotes_of_a_secret_is_written_nowhere(fast_home, provider) -> None:
    secret = "abcdefgh1234567"

    async def story(operations: Operations) -> None:
        operations.app.ground.redactor.learn(secret)
        await sending("page:room1", "page:room2")(operations)

    provider.script.extend([CredentialsRejected(f"refuses the token {secret}"), Ambiguous(f"sent {secret}")])
    Simulation(fast_home, [scripted_channel("page", provider)]).live(story, seconds=10)
    check(fast_home, Witness(secrets=[secret]))
    assert "account_down" in alerts(fast_home)
