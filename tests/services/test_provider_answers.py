"""What providers say about targets, formats and the past, and what becomes of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.contract.dialects import Dialect
from stentor.contract.errors import Ambiguous, CredentialsRejected, Moved, NotSent, Rejected, Throttled
from stentor.contract.receipts import LaterReceipt, ReceiptLevel
from stentor.contract.targets import Target
from stentor.contract.traits import Rate, Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.stories import adding, alerts, deliveries, job, sending

DAY = 86_400
NEW_ROOM = Target("page", "room", "room9", "room9")
BOLD = Dialect(format="html", bold=("<b>", "</b>"), escapes={"<": "&lt;", "&": "&amp;"})


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(fast_home: Path, provider: Provider) -> Iterator[Simulation]:
    yield of_kind(fast_home, provider)
    check(fast_home, Witness({"page": provider}))


def of_kind(home: Path, provider: Provider, dialect: Dialect | None = None, **traits: Any) -> Simulation:
    return Simulation(home, [scripted_channel("page", provider, Traits(**traits), dialect)])


def each_minute(to: str = "page:room1", **delivery: Any) -> dict[str, Any]:
    schedule = {"kind": "every", "everyMs": 60_000, "anchorMs": START_MS}
    return job(schedule=schedule, delivery={"to": to, **delivery})


def states(home: Path) -> list[tuple[str, str | None]]:
    return [(delivery["state"], delivery["reason"]) for delivery in deliveries(home)]


def test_a_target_that_is_of_no_use_is_not_tried_again_and_one_alert_says_so(
    world: Simulation, provider: Provider, fast_home: Path
) -> None:
    provider.script.append(Rejected("blocked", "the bot was blocked by the user"))
    world.live(adding(each_minute()), seconds=250)
    assert len(provider.requests) == 1
    assert [state for state, _ in states(fast_home)] == ["failed"] * 4
    assert states(fast_home)[-1][1] == "target_suspended: blocked"
    assert alerts(fast_home) == ["failed"]
    assert world.live(nothing, seconds=120)
    assert len(provider.requests) == 1


def test_what_waits_for_a_target_that_turns_out_to_be_of_no_use_is_given_up(
    world: Simulation, provider: Provider, fast_home: Path
) -> None:
    provider.script.append(NotSent("connection refused"))
    provider.script.append(Rejected("gone"))
    world.live(adding(each_minute(), each_minute() | {"id": "other", "name": "Other"}), seconds=61)
    world.live(nothing, seconds=10)
    assert len(provider.requests) == 2
    assert [state for state, _ in states(fast_home)] == ["failed", "failed"]


def test_a_message_by_hand_shows_that_a_target_is_of_use_again(
    world: Simulation, provider: Provider, fast_home: Path
) -> None:
    provider.script.append(Rejected("blocked"))
    world.live(adding(each_minute()), seconds=130)
    world.live(sending("page:room1"), seconds=70)
    assert [part.text for part in provider.accepted] == ["message 0", "hello"]


def test_a_part_that_is_at_fault_itself_says_nothing_of_its_target(
    world: Simulation, provider: Provider
) -> None:
    provider.script.append(Rejected("too_large"))
    world.live(sending("page:room1", "page:room1"), seconds=5)
    assert [part.text for part in provider.accepted] == ["message 1"]


def test_a_chat_that_moved_gets_this_message_and_all_later_ones(
    world: Simulation, provider: Provider, fast_home: Path
) -> None:
    provider.script.append(Moved(NEW_ROOM))
    world.live(adding(each_minute()), seconds=190)
    assert [part.target.canonical for part in provider.requests] == ["page:room1"] + ["page:room9"] * 3
    assert len(provider.accepted) == 3
    assert [(one["target"], one["state"]) for one in deliveries(fast_home)] == [
        ("page:room9", "accepted")
    ] * 3


def test_what_waits_for_a_chat_that_moved_goes_with_it_in_order(
    world: Simulation, provider: Provider
) -> None:
    provider.script.append(Moved(NEW_ROOM))
    world.live(sending("page:room1", "page:room1", "page:room1"), seconds=10)
    assert [part.text for part in provider.accepted] == ["message 0", "message 1", "message 2"]
    assert {part.target.canonical for part in provider.accepted} == {"page:room9"}


@pytest.mark.parametrize(
    "new", [NEW_ROOM, Target("page", "room", "room1", "room1")], ids=["again", "in a circle"]
)
def test_a_chat_that_moves_on_and_on_is_not_followed(
    world: Simulation, provider: Provider, fast_home: Path, new: Target
) -> None:
    provider.script.extend(
        [Moved(NEW_ROOM), Moved(new if new.id == "room1" else Target("page", "room", "x", "x"))]
    )
    world.live(sending("page:room1"), seconds=60)
    assert len(provider.requests) == 2
    assert [state for state, _ in states(fast_home)] == ["failed"]


def test_a_thread_does_not_move_along(world: Simulation, provider: Provider, fast_home: Path) -> None:
    provider.script.append(Moved(NEW_ROOM))
    world.live(adding(each_minute("page:room1:42")), seconds=130)
    assert len(provider.requests) == 1
    (first, _) = deliveries(fast_home)
    assert first["parts"][0]["reason"] == "moved"
    assert "review the thread" in first["parts"][0]["error"]


def test_a_message_whose_thread_is_gone_goes_nowhere_else(
    world: Simulation, provider: Provider, fast_home: Path
) -> None:
    provider.script.append(Rejected("thread_gone"))
    world.live(adding(each_minute("page:room1:42")), seconds=70)
    assert len(provider.requests) == 1
    assert deliveries(fast_home)[0]["parts"][0]["reason"] == "thread_gone"


def test_a_job_may_have_the_message_in_the_parent_of_a_thread_that_is_gone(
    world: Simulation, provider: Provider, fast_home: Path
) -> None:
    provider.script.append(Rejected("thread_gone"))
    world.live(adding(each_minute("page:room1:42", onThreadGone="parent")), seconds=70)
    assert [part.target.canonical for part in provider.requests] == ["page:room1:42", "page:room1"]
    (delivery,) = deliveries(fast_home)
    assert (delivery["state"], delivery["target"]) == ("accepted", "page:room1")
    assert delivery["parts"][0]["degraded"] == "parent"


def test_markup_that_is_refused_is_left_out_once(provider: Provider, fast_home: Path) -> None:
    provider.script.append(Rejected("bad_format", "can't parse entities"))
    of_kind(fast_home, provider, BOLD).live(
        adding(job(payload={"kind": "text", "text": "**now** & then"})), seconds=10
    )
    assert [(part.text, part.format) for part in provider.requests] == [
        ("<b>now</b> &amp; then", "html"),
        ("now & then", "plain"),
    ]
    assert len({part.id for part in provider.requests}) == 1
    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["degraded"], part["attempts"]) == ("accepted", "plain_text", 2)


def test_plain_text_that_is_refused_is_refused(provider: Provider, fast_home: Path) -> None:
    provider.script.extend(Rejected("bad_format") for _ in range(5))
    of_kind(fast_home, provider, BOLD).live(
        adding(job(payload={"kind": "text", "text": "**now**"})), seconds=3600
    )
    assert len(provider.requests) == 2
    assert [state for state, _ in states(fast_home)] == ["failed"]


def test_a_provider_that_can_be_asked_is_asked_before_anything_is_sent_again(
    provider: Provider, fast_home: Path
) -> None:
    provider.script.extend([provider.accepted_then(Ambiguous("cut")), Ambiguous("cut"), Ambiguous("cut")])
    of_kind(fast_home, provider, reconcile="lookup").live(sending("page:room1", "page:room2"), seconds=600)
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["accepted", "accepted"]
    assert max(provider.counts.values()) == 1
    assert len(provider.accepted) == 2


def test_a_provider_that_does_not_say_is_asked_again(provider: Provider, fast_home: Path) -> None:
    provider.script.append(provider.accepted_then(Ambiguous("cut")))
    provider.lookups.extend([NotSent("refused"), Ambiguous("cut"), Throttled(60), CredentialsRejected("401")])
    world = of_kind(fast_home, provider, reconcile="lookup")
    world.live(sending("page:room1"), seconds=1200)
    world.live(nothing, seconds=60)
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["accepted"]
    assert len(provider.accepted) == 1


def test_a_provider_that_refuses_to_say_is_not_asked_for_ever(provider: Provider, fast_home: Path) -> None:
    provider.script.append(provider.accepted_then(Ambiguous("cut")))
    provider.lookups.append(Rejected("missing_scope", "the app may not read the channel"))
    of_kind(fast_home, provider, reconcile="lookup").live(sending("page:room1"), seconds=120)
    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["reason"]) == ("unknown", "not_told")
    assert part["error"] == "the app may not read the channel"
    assert (len(provider.requests), len(provider.asked)) == (1, 1)


def test_who_wants_it_sent_again_has_that_where_the_provider_refuses_to_say(
    provider: Provider, fast_home: Path
) -> None:
    provider.script.append(provider.accepted_then(Ambiguous("cut")))
    provider.lookups.append(Rejected("missing_scope", "the app may not read the channel"))
    wanted = job(delivery={"to": "page:room1", "onUnknown": "resend"})
    of_kind(fast_home, provider, reconcile="lookup").live(adding(wanted), seconds=120)
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["accepted"]
    assert len(provider.accepted) == 2


def test_a_part_in_doubt_never_just_expires(provider: Provider, fast_home: Path) -> None:
    provider.script.append(provider.accepted_then(Ambiguous("cut")))
    provider.lookups.extend(NotSent("refused") for _ in range(500))  # more than it is asked in a day
    of_kind(fast_home, provider, reconcile="lookup").live(sending("page:room1"), seconds=DAY + 700)
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["unknown"]
    assert len(provider.accepted) == 1


def test_a_nonce_that_outlived_its_window_while_its_account_was_shut_is_not_used(
    provider: Provider, fast_home: Path
) -> None:
    provider.script.extend([provider.accepted_then(Ambiguous("cut")), Throttled(300, scope="account")])
    of_kind(fast_home, provider, idempotency="nonce", nonce_window=120).live(
        sending("page:room1"), seconds=900
    )
    (part,) = deliveries(fast_home)[0]["parts"]
    assert part["state"] == "unknown"
    assert len(provider.accepted) == 1


def test_what_a_provider_says_later_settles_a_part_in_doubt(provider: Provider, fast_home: Path) -> None:
    async def story(operations: Operations) -> None:
        await sending("page:room1")(operations)
        await operations.app.ground.seams.clock.sleep(100)
        for part in provider.requests:
            at = datetime.fromtimestamp(operations.app.ground.seams.clock.now_ms() / 1000, UTC)
            provider.lines[-1].report(LaterReceipt(part.id, ReceiptLevel.DELIVERED, at))

    provider.script.append(provider.accepted_then(Ambiguous("cut")))
    of_kind(fast_home, provider, reconcile="receipt").live(story, seconds=200)
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["delivered"]


def test_what_is_never_confirmed_is_flagged_and_three_in_a_row_are_worth_an_alert(
    provider: Provider, fast_home: Path
) -> None:
    world = of_kind(fast_home, provider, receipt_level="delivered")
    world.live(sending("page:room1", "page:room1"), seconds=29 * 60)
    assert [delivery["unconfirmedAt"] for delivery in deliveries(fast_home)] == [None, None]
    world.live(nothing, seconds=120)
    assert None not in [delivery["unconfirmedAt"] for delivery in deliveries(fast_home)]
    assert alerts(fast_home) == []
    world.live(sending("page:room1"), seconds=31 * 60)
    assert alerts(fast_home) == ["unconfirmed"]


def test_thirty_messages_to_one_chat_keep_to_its_rate_and_delay_no_other_chat(
    provider: Provider, fast_home: Path
) -> None:
    provider.script.append(Throttled(40))
    world = of_kind(fast_home, provider, rates=(Rate(20 / 60, burst=20, scope="target"), Rate(30, burst=30)))
    world.live(sending(*["page:group"] * 30), seconds=1)
    world.live(sending("page:other"), seconds=5)
    assert [part.target.id for part in provider.requests] == ["group", "other"]
    world.live(nothing, seconds=33)
    assert len(provider.requests) == 2
    world.live(nothing, seconds=91)
    texts = [part.text for part in provider.accepted if part.target.id == "group"]
    assert texts == [f"message {n}" for n in range(30)]
    assert len(provider.requests) == 32


def test_an_old_message_that_waits_for_its_next_try_holds_up_nobody_but_its_own_target(
    world: Simulation, provider: Provider, fast_home: Path
) -> None:
    provider.script.extend(NotSent("connection refused") for _ in range(3))
    world.live(sending("page:old"), seconds=35)
    for _ in range(10):
        world.live(nothing, seconds=1)
    waiting = deliveries(fast_home)[0]["parts"][0]
    assert (waiting["attempts"], len(provider.requests)) == (3, 3)
    world.live(sending(*(f"page:room{n}" for n in range(5)), "page:old"), seconds=1)
    assert [part.target.id for part in provider.accepted] == [f"room{n}" for n in range(5)]
    assert deliveries(fast_home)[0]["parts"][0]["attempts"] == 3
    world.live(nothing, seconds=120)
    assert [part.text for part in provider.accepted if part.target.id == "old"] == ["message 0", "message 5"]
