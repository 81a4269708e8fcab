"""Alerts, and the notices that it is over, get through to somebody; and what is over is known by what arrived."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from stentor.app.assembly import App
from stentor.app.operations import Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.contract.errors import Ambiguous, Moved, Rejected
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target
from stentor.testing.points import Trail
from stentor.testing.scripted import Provider
from stentor.testing.simulation import Simulation, Story
from stentor.testing.virtual_time import VirtualClock, VirtualLoop
from tests.services.stories import JsonObject, deliveries, job, sending
from tests.services.towns import GLOBALLY, Streak, Town, failing, scripted

ARRIVE_AGAIN = ("ops:global", "✅ Deliveries to page:room1 arrive again")
DO_NOT_ARRIVE = ("ops:global", "⚠️ Deliveries to page:room1 do not arrive: too long")
DAY_MS = 86_400_000
Deed = Callable[[OutboxOperations], Awaitable[JsonObject]]


class TickingClock(VirtualClock):
    """A clock as it is: between two readings some time has passed."""

    def now_ms(self) -> int:
        self.start_ms += 1
        return super().now_ms()


class Restless(Simulation):
    """A process in which everything takes a moment."""

    def _born(self, crash_at: int | None) -> tuple[Trail, VirtualLoop, list[App]]:
        born = super()._born(crash_at)
        self._clock = TickingClock(self.now_ms)
        return born


def ticking(town: Town) -> Town:
    town.world = Restless(town.home, town.world.channels, town.world.runners)
    return town


def by_hand(deed: Deed) -> Story:
    async def story(operations: Operations) -> None:
        await deed(OutboxOperations(operations.app, "cli:ann"))

    return story


def settled(delivery: str) -> Story:
    return by_hand(lambda desk: desk.settle({"ids": [delivery], "as": "delivered"}))


def the_unknown(home: Path) -> str:
    (found,) = [delivery["id"] for delivery in deliveries(home) if delivery["state"] == "unknown"]
    return str(found)


def test_an_alert_that_is_refused_goes_the_next_way_however_long_all_this_takes(fast_home: Path) -> None:
    ops = Provider(script=scripted(Rejected("bad_target", "no such room")))
    town = ticking(Town(fast_home, config=GLOBALLY, ops=ops)).live(failing(), seconds=100)
    assert [where for where, _ in town.told] == ["page:room1"]
    refused, instead = town.alerts
    assert (refused["state"], instead["state"], instead["linkedTo"]) == ("failed", "accepted", refused["id"])
    assert [told["deliveryId"] for told in town.incidents[0]["toldTo"]] == [instead["id"]]


def test_where_nobody_could_be_told_status_says_so(fast_home: Path) -> None:
    refusals = [Rejected("bad_target", "no") for _ in range(9)]
    page, ops = Provider(script=scripted(*refusals)), Provider(script=scripted(*refusals))
    town = ticking(Town(fast_home, config=GLOBALLY, page=page, ops=ops)).live(failing(), seconds=100)
    (incident,) = town.incidents
    assert (incident["told"], incident["toldTo"], len(town.alerts)) == (1, [], 2)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Rejected("bad_target", "no such room"), id="refused"),
        pytest.param(Ambiguous("cut"), id="it may have arrived"),
    ],
)
def test_a_notice_that_it_is_over_goes_the_next_way_like_an_alert(fast_home: Path, answer: Exception) -> None:
    ops = Provider(script=scripted())
    ops.script.extend([ops.accept, answer])
    town = Town(fast_home, Streak(1), GLOBALLY, ops=ops).live(failing(), seconds=250)
    assert [alert["purpose"] for alert in town.alerts] == ["failure", "recovery", "recovery"]
    where, said = town.told[0]
    assert (where, said.split(";")[0]) == ("page:room1", '✅ Job "Brief" is good again')
    _, lost, instead = town.alerts
    assert (instead["state"], instead["link"], instead["linkedTo"]) == ("accepted", "fallback", lost["id"])
    town.live(seconds=200)
    assert (len(town.alerts), town.incidents) == (3, [])


def test_a_notice_that_gets_nowhere_is_let_go(fast_home: Path) -> None:
    no = [Rejected("bad_target", "no") for _ in range(9)]
    page, ops = Provider(), Provider()
    ops.script.extend([ops.accept, *no])
    page.script.extend([page.accept, *no[1:2]])
    town = Town(fast_home, Streak(1), GLOBALLY, page=page, ops=ops)
    town.live(failing(delivery={"to": "ops:room1"}, failureAlert={"to": "page:x"}), seconds=400)
    assert [alert["target"] for alert in town.alerts] == ["page:x", "page:x", "ops:global", "ops:room1"]
    for _ in range(3):
        town.live(seconds=100)
    assert len(town.alerts) == 4


def test_a_ruling_is_no_proof_that_a_target_works(fast_home: Path) -> None:
    answers = Rejected("too_large", "too long"), Ambiguous("no answer")
    town = Town(fast_home, config=GLOBALLY, page=Provider(script=scripted(*answers)))
    town.told_to(sending("page:room1", "page:room1"), seconds=30)
    assert town.told[0] == DO_NOT_ARRIVE
    town.told_to(settled(the_unknown(fast_home)), seconds=30)
    assert ARRIVE_AGAIN not in town.told
    assert [found["cause"] for found in town.incidents] == ["undelivered"]
    town.told_to(sending("page:room1"), seconds=30)
    assert town.told[-1] == ARRIVE_AGAIN
    assert town.incidents == []


def test_what_is_dropped_by_force_is_in_doubt_no_more(fast_home: Path) -> None:
    town = Town(fast_home, config=GLOBALLY, page=Provider(script=scripted(Ambiguous("no answer"))))
    town.live(job(), seconds=30)
    assert [found["cause"] for found in town.incidents] == ["unknown"]
    lost = the_unknown(fast_home)
    town.told_to(by_hand(lambda desk: desk.drop({"ids": [lost], "force": True})), seconds=70)
    assert town.incidents == []


def test_a_target_where_nothing_is_sent_any_more_is_no_trouble_for_ever(fast_home: Path) -> None:
    town = Town(fast_home, config=GLOBALLY, page=Provider(script=scripted(Rejected("too_large", "too long"))))
    town.told_to(sending("page:room1"), seconds=30)
    town.world.now_ms += 7 * DAY_MS
    town.live(seconds=70)
    assert [found["cause"] for found in town.incidents] == ["undelivered"]
    town.world.now_ms += DAY_MS
    town.live(seconds=70)
    assert town.incidents == []
    assert town.told == [DO_NOT_ARRIVE]


def test_an_alert_whose_place_has_moved_and_is_gone_there_is_told_elsewhere(fast_home: Path) -> None:
    """Where an address leads is what counts, not how it is written."""

    def answer(part: Part) -> Receipt:
        if part.target.id == "own":
            raise Moved(Target("ops", "room", "new", "new"))
        if part.target.id == "new":
            raise Rejected("blocked", "you are blocked")
        return ops.accept(part)

    ops = Provider(script=scripted())
    ops.script.extend([answer] * 50)
    town = Town(fast_home, config=GLOBALLY, ops=ops)
    own = {"to": "page:room1", "failureDestination": {"to": "ops:own"}}
    two = failing(delivery=own), failing(id="second", name="Second", delivery=own)
    town.live(*two, seconds=300)
    assert [part.target.id for part in ops.requests].count("new") == 1
    assert [where for where, _ in town.told] == ["ops:global", "ops:global"]
