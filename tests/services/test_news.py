"""What accounts say of themselves counts: who is down is sent nothing, who is ready gets what waits for it."""

from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.contract.errors import Ambiguous, Throttled, Unavailable
from stentor.contract.receipts import LaterReceipt, ReceiptLevel
from tests.services.attended import Gate, House
from tests.services.stories import alerts, deliveries, job, sending

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HALF = "a\ud800b"
SECRET = "wa_session_31415926"
DOWN = "⚠️ Account page:default is down: logged out"
OPEN = "✅ Account page:default is open again"
TEN = [f"page:room{n}" for n in range(10)]
OddReport: Any = LaterReceipt


def states(home: Path) -> list[str]:
    return [found["state"] for found in deliveries(home) if found["target"].startswith("page:")]


def test_an_account_that_says_it_is_down_is_sent_nothing_and_told_of_once(fast_home: Path) -> None:
    house = House(fast_home).says("down", "logged out").do(sending(*TEN), seconds=3600)

    assert (house.gate.requests, states(fast_home)) == ([], ["pending"] * 10)
    assert (house.standing, house.stored) == (("down", "logged out"), ("down", "logged out"))
    assert (alerts(fast_home), house.told) == (["account_down"], [DOWN])
    house.ends()


def test_an_account_that_goes_down_with_much_under_way_is_told_of_once(fast_home: Path) -> None:
    house = House(fast_home)
    house.gate.script.extend(Unavailable("it hung up") for _ in range(5))
    house.do(sending(*TEN), seconds=0).says("down", "logged out", seconds=3600)

    assert (alerts(fast_home), house.told) == (["account_down"], [DOWN])
    house.ends()


def test_the_alert_of_an_account_that_nothing_is_sent_to_says_what_when_and_how_to_mend_it(
    fast_home: Path,
) -> None:
    house = House(fast_home).says("down", "logged out", seconds=60)

    (part,) = house.ops.accepted
    assert part.text.splitlines() == [
        DOWN,
        "At 2026-07-01T07:00:00Z",
        "Next: mend that; stentor channels test page:default tries it, and what waits for it is sent then",
    ]
    house.ends()


def test_an_account_that_says_it_is_ready_gets_at_once_what_waited(fast_home: Path) -> None:
    house = House(fast_home).says("down", "logged out").do(sending(*TEN), seconds=60)
    house.says("ready", seconds=0.1)

    assert (states(fast_home), house.standing) == (["accepted"] * 10, ("ready", None))
    house.passes(60)
    assert house.told == [DOWN, OPEN]
    house.ends()


def test_an_account_that_is_ready_again_before_it_was_told_of_is_not_spoken_of(fast_home: Path) -> None:
    house = House(fast_home).says("down", "logged out").says("ready", seconds=3600)

    assert (alerts(fast_home), house.told) == (["account_down"], [])
    house.ends()


def test_an_account_that_goes_down_twice_is_told_of_twice(fast_home: Path) -> None:
    house = House(fast_home)
    for _ in range(2):
        house.says("down", "logged out", seconds=60).says("ready", seconds=60)

    assert house.told == [DOWN, OPEN, DOWN, OPEN]
    house.ends()


def test_other_words_for_what_is_down_already_are_shown_and_told_to_nobody(fast_home: Path) -> None:
    house = House(fast_home).says("down", "logged out", seconds=60).says("down", "banned", seconds=60)

    assert (house.standing, house.stored) == (("down", "banned"), ("down", "logged out"))
    assert (alerts(fast_home), house.told) == (["account_down"], [DOWN])
    house.ends()


def test_an_account_that_does_not_say_why_it_is_down_is_told_of_as_such(fast_home: Path) -> None:
    house = House(fast_home).says("down", seconds=60)

    assert house.told == ["⚠️ Account page:default is down: it does not say why"]
    house.ends()


@pytest.mark.parametrize("state", ["starting", "degraded"])
def test_an_account_that_is_neither_ready_nor_down_is_sent_what_there_is(fast_home: Path, state: str) -> None:
    house = House(fast_home).says(state, "the phone is asleep").do(sending("page:room1"), seconds=60)

    assert (house.standing, house.stored[0]) == ((state, "the phone is asleep"), "open")
    assert (states(fast_home), alerts(fast_home)) == (["accepted"], [])
    house.ends()


def test_what_a_lost_connection_holds_goes_when_the_account_is_ready(fast_home: Path) -> None:
    house = House(fast_home)
    house.gate.script.append(Unavailable("it hung up"))
    house.do(sending("page:room1")).says("degraded", "it hung up").says("ready", seconds=0.1)

    assert states(fast_home) == ["accepted"]
    house.ends()


def test_a_provider_that_wants_quiet_has_it_whatever_the_account_says(fast_home: Path) -> None:
    house = House(fast_home)
    house.gate.script.append(Throttled(300, scope="account"))
    house.do(sending("page:room1")).do(sending("page:room2"))
    house.says("degraded", "slow").says("ready", seconds=200)
    assert len(house.gate.requests) == 1

    house.passes(200)

    assert states(fast_home) == ["accepted", "accepted"]
    house.ends()


@pytest.mark.parametrize(
    "words",
    [("up", "fine"), ("Down", "x"), ("down", None), ("down", b"x"), (None,), (["down"],), (True, "")],
    ids=["word", "capital", "no reason", "bytes", "nothing", "list", "flag"],
)
def test_words_that_make_no_sense_are_complained_of_and_change_nothing(
    fast_home: Path, caplog: pytest.LogCaptureFixture, words: tuple[Any, ...]
) -> None:
    house = House(fast_home).says("degraded", "slow").says(*words).do(sending("page:room1"))

    assert (house.standing, house.stored[0]) == (("degraded", "slow"), "open")
    assert (states(fast_home), alerts(fast_home)) == (["accepted"], [])
    assert "the plugin of channel page, account default, is at fault in health" in caplog.text
    house.ends()


def test_a_reason_that_cannot_be_stored_is_made_so(fast_home: Path) -> None:
    house = House(fast_home).says("down", HALF * 5000, seconds=60)

    state, reason = house.stored
    assert (state, str(reason)[:3], len(str(reason))) == ("down", "a\N{REPLACEMENT CHARACTER}b", 4000)
    assert house.told[0].startswith("⚠️ Account page:default is down: a\N{REPLACEMENT CHARACTER}b")
    house.ends()


@pytest.mark.parametrize("state", ["starting", "degraded"])
def test_what_an_account_said_while_it_was_opened_stands_when_it_is_open(fast_home: Path, state: Any) -> None:
    gate = Gate(openings=deque([lambda ctx: ctx.health(state, "no phone yet")]))
    house = House(fast_home, gate).do(sending("page:room1"))

    assert house.standing == (state, "no phone yet")
    house.ends()


def test_what_an_account_said_is_over_when_it_is_opened_anew(fast_home: Path) -> None:
    house = House(fast_home).says("degraded", "slow").renews()

    assert house.standing == ("ready", None)
    house.ends()


def test_an_account_that_is_down_as_soon_as_it_is_opened_is_told_of_once(fast_home: Path) -> None:
    gate = Gate(openings=deque([lambda ctx: ctx.health("down", "logged out")]))
    house = House(fast_home, gate).do(sending("page:room1"), seconds=3600)

    assert (house.standing, house.told) == (("down", "logged out"), [DOWN])
    assert states(fast_home) == ["pending"]
    house.ends()


def test_a_secret_in_a_reason_is_shown_to_nobody(fast_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = House(fast_home)

    async def story(operations: Operations) -> None:
        operations.app.ground.redactor.learn(SECRET)
        await operations.add_job(job())

    house.do(story).says("down", f"{SECRET} was revoked", seconds=60)

    assert house.standing == house.stored == ("down", "[redacted] was revoked")
    assert house.told == ["⚠️ Account page:default is down: [redacted] was revoked"]
    assert SECRET not in caplog.text
    house.ends()


def test_a_part_that_may_have_arrived_is_accepted_when_the_account_knows_its_message(fast_home: Path) -> None:
    house = House(fast_home)
    house.gate.script.append(house.gate.accepted_then(Ambiguous("it hung up")))
    house.do(sending("page:room1"), seconds=60)
    (part,) = deliveries(fast_home)[0]["parts"]
    assert part["state"] == "unknown"

    house.renews().reports(LaterReceipt("m-1", ReceiptLevel.READ, NOON, part["id"])).passes(60)

    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["messageId"]) == ("read", "m-1")
    assert len(house.gate.requests) == 1
    house.ends()


@pytest.mark.parametrize(
    "part_id",
    [None, 7, b"p", HALF, "p\0", "p" * 2000],
    ids=["none", "number", "bytes", "half", "zero", "endless"],
)
def test_a_report_on_a_part_that_cannot_be_named_so_is_dropped_and_the_next_one_counts(
    fast_home: Path, caplog: pytest.LogCaptureFixture, part_id: Any
) -> None:
    house = House(fast_home).do(sending("page:room1"))
    (part,) = deliveries(fast_home)[0]["parts"]

    house.reports(OddReport(part["messageId"], ReceiptLevel.READ, NOON, part_id))
    assert states(fast_home) == ["accepted"]
    house.reports(LaterReceipt(part["messageId"], ReceiptLevel.DELIVERED, NOON, part["id"]))

    assert states(fast_home) == ["delivered"]
    assert "the plugin of channel page, account default, is at fault in report" in caplog.text
    house.ends()


def test_an_old_connection_may_still_tell_what_became_of_a_message(fast_home: Path) -> None:
    house = House(fast_home).do(sending("page:room1")).renews()
    (part,) = deliveries(fast_home)[0]["parts"]

    async def story(operations: Operations) -> None:
        del operations
        house.gate.lines[0].report(LaterReceipt(part["messageId"], ReceiptLevel.READ, NOON))

    house.do(story)

    assert states(fast_home) == ["read"]
    house.ends()
