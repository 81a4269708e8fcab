"""What operators do about deliveries by hand, in a whole product: sent again, settled, cancelled, dropped, let go."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stentor.adapters.sqlite.outbox_health import read_outbox_health
from stentor.adapters.sqlite.reader import Reader
from stentor.app.missing import NotFound
from stentor.app.operations import Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.contract.errors import Ambiguous, NotSent, Rejected
from stentor.contract.runners import TurnRequest
from stentor.domain.refusals import Refused
from stentor.domain.routing import RouteError
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Answer, Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from tests.domain.dialects import TELEGRAM
from tests.services.stories import JsonObject, TalkingRunner, adding, alerts, deliveries, job, runs, sending

LONG = "\n\n".join(word * 3000 for word in "abc")
DAY_MS = 86_400_000
HOUR_SECONDS = 3_600
Deed = Callable[[OutboxOperations], Awaitable[JsonObject]]


@dataclass
class Desk:
    """A home with two channels, and an operator called ann."""

    home: Path
    page: Provider = field(default_factory=Provider)
    mail: Provider = field(default_factory=Provider)

    def __post_init__(self) -> None:
        self.pager, self.mailer = scripted_channel("page", self.page), scripted_channel("mail", self.mail)
        self.world = Simulation(self.home, [self.pager, self.mailer])

    def after(self, *answers: BaseException | Answer, text: str = "hello") -> JsonObject:
        """What became of a message to page:room1 that was answered like this."""
        self.page.script.extend(answers)

        async def story(operations: Operations) -> None:
            await operations.send({"to": "page:room1", "text": text})

        self.world.live(story, seconds=1)
        return deliveries(self.home)[-1]

    def run_after(self, *answers: BaseException | Answer) -> JsonObject:
        """A run whose result for page:room1 was answered like this."""
        self.page.script.extend(answers)
        self.world.live(adding(job(payload={"kind": "text", "text": LONG})), seconds=5)
        return runs(self.home)[-1]

    def do(self, deed: Deed, seconds: float = 1) -> JsonObject:
        """What an operator is answered, while a process lives on for a moment."""
        answers: list[JsonObject] = []

        async def story(operations: Operations) -> None:
            answers.append(await deed(OutboxOperations(operations.app, "cli:ann")))

        self.world.live(story, seconds=seconds)
        return answers[0]

    def refusal(self, deed: Deed, kind: type[Exception] = Refused) -> str:
        """What an operator is told instead; nothing has changed by it."""
        told: list[str] = []

        async def story(operations: Operations) -> None:
            with pytest.raises(kind) as caught:
                await deed(OutboxOperations(operations.app, "cli:ann"))
            told.append(str(caught.value))

        self.world.live(story, seconds=0)
        return told[0]

    def shown(self, delivery: str) -> JsonObject:
        with Reader.open(self.home / "stentor.db") as reader:
            found = reader.delivery(delivery)
        assert found is not None
        return found

    def states(self, delivery: str) -> list[str]:
        return [part["state"] for part in self.shown(delivery)["parts"]]

    def deeds(self, delivery: str, kind: str) -> list[JsonObject]:
        """The data of the events of one kind."""
        return [event["data"] for event in self.shown(delivery)["events"] if event["kind"] == kind]

    def check(self) -> None:
        check(self.home, Witness({"page": self.page, "mail": self.mail}))


@pytest.fixture
def desk(fast_home: Path) -> Desk:
    return Desk(fast_home)


# sent again


def test_a_dead_letter_is_sent_again_as_a_new_delivery(desk: Desk) -> None:
    old = desk.after(Rejected("no_permission", "not a member"))
    new = desk.do(lambda outbox: outbox.resend(old["id"], {}))
    assert (new["purpose"], new["link"], new["linkedTo"]) == ("manual", "resend", old["id"])
    assert desk.shown(new["id"])["state"] == "accepted"
    again = desk.shown(old["id"])
    assert (again["state"], again["linkedFrom"][0]["id"]) == ("failed", new["id"])
    assert desk.deeds(old["id"], "delivery.resent")[0]["by"] == "cli:ann"
    assert [part.text for part in desk.page.accepted] == ["hello"]
    desk.check()


def test_it_has_a_day_from_now_on_to_arrive(desk: Desk) -> None:
    old = desk.after(Rejected("too_large"))
    desk.world.now_ms += 3 * DAY_MS
    desk.page.script.append(NotSent("no route to host"))
    new = desk.do(lambda outbox: outbox.resend(old["id"], {}), seconds=10)
    assert desk.shown(new["id"])["state"] == "accepted"


@pytest.mark.parametrize("first", [2, 3])
def test_behind_what_arrived_somebody_says_from_which_part_on(desk: Desk, first: int) -> None:
    old = desk.after(desk.page.accept, Ambiguous("cut off"), text=LONG)
    assert (old["state"], old["reason"]) == ("unknown", "1/3")
    new = desk.do(lambda outbox: outbox.resend(old["id"], {"fromPart": first}))
    assert [part["text"][0] for part in desk.shown(new["id"])["parts"]] == list("abc"[first - 1 :])
    assert desk.states(new["id"]) == ["accepted"] * (4 - first)
    assert desk.states(old["id"]) == ["accepted", "unknown", "cancelled"]
    assert new["warnings"][0].startswith(f"{old['id']} stays unknown")
    desk.do(lambda outbox: outbox.settle_one(old["id"], {"as": "delivered"}))
    assert desk.page.counts[f"{old['id']}.3"] == 0


def test_unless_told_otherwise_what_arrived_is_not_sent_again(desk: Desk) -> None:
    old = desk.after(desk.page.accept, Rejected("bad_format"), text=LONG)
    assert old["state"] == "partial"
    desk.do(lambda outbox: outbox.resend(old["id"], {}))
    assert [part.text[0] for part in desk.page.accepted] == ["a", "b", "c"]


def test_what_had_arrived_is_sent_again_by_whoever_insists(desk: Desk) -> None:
    old = desk.after()
    new = desk.do(lambda outbox: outbox.resend(old["id"], {}))
    assert new["warnings"] == [f"{old['id']} had arrived: this sends it a second time"]
    assert len(desk.page.accepted) == 2


def test_another_channel_gets_its_own_rendering_and_the_operator_hears_what_is_lost(desk: Desk) -> None:
    type(desk.pager).dialect = TELEGRAM
    old = desk.after(Rejected("too_large"), text="**hello** <you>")
    assert desk.page.requests[0].text == "<b>hello</b> &lt;you&gt;"
    new = desk.do(lambda outbox: outbox.resend(old["id"], {"to": "mail:ann"}))
    assert [part.text for part in desk.mail.accepted] == ["hello <you>"]
    assert new["warnings"] == [
        "rendered anew for mail from the text stored for page, 1 part: its formatting is lost"
    ]


def test_another_target_of_the_same_channel_gets_the_parts_as_they_are(desk: Desk) -> None:
    old = desk.after(Rejected("too_large"), text=LONG)
    new = desk.do(lambda outbox: outbox.resend(old["id"], {"to": "page:room2"}))
    assert (new["target"], new["warnings"]) == ("page:room2", [])
    assert [part.target.canonical for part in desk.page.accepted] == ["page:room2"] * 3


@pytest.mark.parametrize(
    ("wish", "kind", "words"),
    [
        pytest.param({"fromPart": 2}, Refused, "no part 2", id="a part that is not there"),
        pytest.param({"fromPart": "1"}, Refused, "whole number", id="a part that is no number"),
        pytest.param({"parts": 1}, Refused, "unknown field 'parts'", id="an unknown field"),
        pytest.param({"to": "pager:x"}, RouteError, 'prefix "pager:"', id="a target of no channel"),
        pytest.param({"account": "nobody"}, RouteError, "no account 'nobody'", id="an account of nobody"),
    ],
)
def test_a_resend_that_cannot_be_is_refused(
    desk: Desk, wish: JsonObject, kind: type[Exception], words: str
) -> None:
    old = desk.after(Rejected("too_large"))
    assert words in desk.refusal(lambda outbox: outbox.resend(old["id"], wish), kind)
    assert len(deliveries(desk.home)) == 1


def test_what_is_still_to_be_sent_is_not_sent_again(desk: Desk) -> None:
    old = desk.after(NotSent("no route"))
    assert "still to be sent" in desk.refusal(lambda outbox: outbox.resend(old["id"], {}))


def test_what_was_kept_silent_on_purpose_has_nothing_to_send(desk: Desk) -> None:
    async def silent(_: TurnRequest) -> str:
        return "NO_REPLY"

    desk.world.runners = [TalkingRunner(silent)]
    desk.world.live(adding(job(payload={"kind": "agentTurn", "message": "news?"})), seconds=5)
    (silent,) = deliveries(desk.home)
    assert silent["state"] == "suppressed"
    assert "suppressed" in desk.refusal(lambda outbox: outbox.resend(silent["id"], {}))


def test_a_delivery_that_is_not_there_is_not_found(desk: Desk) -> None:
    for deed in (
        lambda outbox: outbox.resend("d-0", {}),
        lambda outbox: outbox.cancel("d-0"),
        lambda outbox: outbox.settle_one("d-0", {"as": "delivered"}),
        lambda outbox: outbox.drop({"ids": ["d-0"]}),
    ):
        assert "no delivery 'd-0'" in desk.refusal(deed, NotFound)


# settled


@pytest.mark.parametrize(
    ("word", "parts", "outcome"),
    [
        ("delivered", ["unknown", "accepted", "accepted"], ("accepted", "delivered", "succeeded")),
        ("not-delivered", ["unknown", "cancelled", "cancelled"], ("failed", "not-delivered", "failed")),
    ],
)
def test_a_ruling_decides_about_the_rest_and_about_the_run(
    desk: Desk, word: str, parts: list[str], outcome: tuple[str, str, str]
) -> None:
    (old,) = desk.run_after(Ambiguous("cut off"))["deliveries"]
    settled = desk.do(lambda outbox: outbox.settle_one(old["id"], {"as": word, "note": "I looked"}))
    assert (settled["settled"]["as"], settled["settled"]["by"]) == (word, "cli:ann")
    assert desk.states(old["id"]) == parts
    run = runs(desk.home)[-1]
    assert (run["deliveries"][0]["state"], run["deliveryStatus"], run["completionStatus"]) == outcome
    assert desk.deeds(old["id"], "delivery.settled")[0]["note"] == "I looked"
    desk.check()


def test_only_what_is_unknown_can_be_settled_and_then_nothing_is(desk: Desk) -> None:
    lost, fine = desk.after(Ambiguous("cut off")), desk.after()
    body = {"ids": [lost["id"], fine["id"]], "as": "delivered"}
    assert f"{fine['id']} is accepted, not unknown" in desk.refusal(lambda outbox: outbox.settle(body))
    assert desk.shown(lost["id"])["state"] == "unknown"


def test_all_are_settled_by_whoever_says_how_many_they_are(desk: Desk) -> None:
    desk.page.script.extend([Ambiguous("cut off")] * 3)
    desk.world.live(sending("page:room1", "page:room2", "page:room2"), seconds=1)
    body: JsonObject = {"all": True, "as": "not-delivered", "target": "page:room2"}
    assert "2 deliveries are unknown" in desk.refusal(lambda outbox: outbox.settle(body))
    assert "2 deliveries" in desk.refusal(lambda outbox: outbox.settle({**body, "confirm": 3}))
    settled = desk.do(lambda outbox: outbox.settle({**body, "confirm": 2}))
    assert (settled["settled"], len(settled["deliveries"])) == (2, 2)
    assert [delivery["state"] for delivery in deliveries(desk.home)] == ["unknown", "failed", "failed"]


@pytest.mark.parametrize("word", ["accepted", None, "Delivered"])
def test_a_ruling_has_one_of_two_words(desk: Desk, word: object) -> None:
    old = desk.after(Ambiguous("cut off"))
    assert "delivered, not-delivered" in desk.refusal(
        lambda outbox: outbox.settle_one(old["id"], {"as": word})
    )


# cancelled


def test_a_cancelled_delivery_is_not_sent(desk: Desk) -> None:
    old = desk.after(NotSent("no route"), text=LONG)
    cancelled = desk.do(lambda outbox: outbox.cancel(old["id"]), seconds=HOUR_SECONDS)
    assert (cancelled["state"], cancelled["cancelled"], cancelled["inDoubt"]) == ("failed", [1, 2, 3], [])
    assert (desk.page.accepted, alerts(desk.home)) == ([], [])
    assert "no part" in desk.refusal(lambda outbox: outbox.cancel(old["id"]))
    assert desk.deeds(old["id"], "delivery.cancelled")[0]["by"] == "cli:ann"


# dropped


def test_a_dropped_dead_letter_worries_nobody_any_more(desk: Desk) -> None:
    run = desk.run_after(Rejected("too_large"))
    (old,) = run["deliveries"]
    assert read_outbox_health(desk.home / "stentor.db", desk.world.now_ms).dead == 1
    assert desk.do(lambda outbox: outbox.drop({"ids": [old["id"]]})) == {"dropped": 1, "ids": [old["id"]]}
    assert deliveries(desk.home) == []
    assert read_outbox_health(desk.home / "stentor.db", desk.world.now_ms).dead == 0
    (kept,) = runs(desk.home)[-1]["deliveries"]
    assert (kept["state"], kept["dropped"], kept["parts"], kept["choices"]) == ("failed", True, [], [])
    assert runs(desk.home)[-1]["deliveryStatus"] == "not-delivered"
    assert "dropped" in desk.refusal(lambda outbox: outbox.resend(old["id"], {}))


def test_a_dead_letter_that_arrived_by_another_delivery_is_none_any_more(desk: Desk) -> None:
    old = desk.after(Rejected("too_large"))
    desk.do(lambda outbox: outbox.resend(old["id"], {}))
    assert read_outbox_health(desk.home / "stentor.db", desk.world.now_ms).dead == 0


def test_dead_letters_go_by_age_and_others_only_by_their_state(desk: Desk) -> None:
    desk.after(Rejected("too_large"))
    desk.world.now_ms += 15 * DAY_MS
    young, fine = desk.after(Rejected("too_large")), desk.after()
    assert desk.do(lambda outbox: outbox.drop({"olderThanMs": 14 * DAY_MS}))["dropped"] == 1
    assert [delivery["id"] for delivery in deliveries(desk.home)] == [young["id"], fine["id"]]
    assert desk.do(lambda outbox: outbox.drop({"states": ["accepted"]}))["ids"] == [fine["id"]]
    assert desk.do(lambda outbox: outbox.drop({"olderThanMs": 0}))["ids"] == [young["id"]]


@pytest.mark.parametrize("answer", [NotSent("no route"), Ambiguous("cut off")], ids=["pending", "unknown"])
def test_what_is_not_over_goes_only_by_force(desk: Desk, answer: BaseException) -> None:
    old = desk.after(answer, text=LONG)
    assert "not over" in desk.refusal(lambda outbox: outbox.drop({"ids": [old["id"]]}))
    assert desk.do(lambda outbox: outbox.drop({"ids": [old["id"]], "force": True}))["dropped"] == 1
    desk.world.live(nothing, seconds=HOUR_SECONDS)
    assert (desk.page.accepted, deliveries(desk.home)) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"states": ["pending"]},
        {"states": ["unknown"]},
        {"olderThanMs": "14d"},
        {"olderThanMs": True},
        {"ids": ["d"], "states": ["failed"]},
        {"ids": "d"},
        {"ids": [1]},
    ],
)
def test_what_to_drop_has_to_be_said(desk: Desk, body: JsonObject) -> None:
    old = desk.after(Rejected("too_large"))
    desk.refusal(lambda outbox: outbox.drop(body))
    assert desk.shown(old["id"])["dropped"] is False


# targets


def test_a_suspended_target_is_of_use_again_when_somebody_says_so(desk: Desk) -> None:
    desk.after(Rejected("gone", "no such room"))
    with Reader.open(desk.home / "stentor.db") as reader:
        (known,) = reader.known_targets()
    assert (known["target"], known["state"], known["reason"]) == ("page:room1", "suspended", "gone")
    assert "nothing is known" in desk.refusal(
        lambda outbox: outbox.clear_target({"target": "page:x"}), NotFound
    )
    cleared = desk.do(lambda outbox: outbox.clear_target({"target": "page:room1"}))
    assert (cleared["cleared"], cleared["state"]) == (True, "suspended")
    (delivered,) = desk.run_after()["deliveries"]
    assert delivered["state"] == "accepted"


# retention


def test_deliveries_that_are_over_go_after_their_days(desk: Desk) -> None:
    desk.after()
    desk.after(Ambiguous("cut off"))
    desk.world.live(nothing, seconds=2 * HOUR_SECONDS)
    assert len(deliveries(desk.home)) == 2
    desk.world.now_ms += 30 * DAY_MS
    desk.world.live(nothing, seconds=HOUR_SECONDS)
    assert [delivery["state"] for delivery in deliveries(desk.home)] == ["unknown"]


def test_deliveries_stay_for_good_where_they_are_to(desk: Desk) -> None:
    (desk.home / "stentor.toml").write_text("[deliveries]\nkeep_days = false\n")
    desk.after()
    desk.world.now_ms += 400 * DAY_MS
    desk.world.live(nothing, seconds=HOUR_SECONDS)
    assert len(deliveries(desk.home)) == 1
