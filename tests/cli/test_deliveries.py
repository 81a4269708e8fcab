"""`stentor deliveries` and `stentor targets` from outside: what did not arrive is seen, and decided about."""

from collections import deque
from pathlib import Path

import pytest
from tests import shapes
from tests.outside import JsonObject, Stentor, dump, now_ms, serving, until

from stentor.app.operations import Operations
from stentor.contract.errors import Ambiguous, NotSent, Rejected
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation

HOUR_MS = 3_600_000
LONG = "\n\n".join(word * 3000 for word in "abc")
PAGED = {"total", "limit", "offset", "hasMore", "nextOffset"}
# What was answered to the only message for each of these rooms.
TROUBLES: dict[str, BaseException] = {
    "fine": NotSent("warming up"),
    "lost": Ambiguous("cut off"),
    "doubt": Ambiguous("cut off"),
    "dead": Rejected("gone", "no such room"),
}


def troubled(home: Path) -> Stentor:
    """A home whose channel is not installed any more, with deliveries in every state that needs somebody."""
    provider = Provider(script=deque(TROUBLES.values()))

    async def story(operations: Operations) -> None:
        for room in TROUBLES:
            await operations.send({"to": f"page:{room}", "text": f"**hello** {room}"})

    Simulation(home, [scripted_channel("page", provider)], now_ms=now_ms() - HOUR_MS).live(story, seconds=20)
    return Stentor(home)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Stentor:
    """One that is only looked at."""
    return troubled(tmp_path_factory.mktemp("seen") / "home")


@pytest.fixture
def mended(tmp_path: Path) -> Stentor:
    """One that is worked on."""
    return troubled(tmp_path / "home")


def listed(stentor: Stentor, *filters: str) -> list[JsonObject]:
    found: list[JsonObject] = stentor.ask("deliveries", "list", *filters)["deliveries"]
    return found


def at(stentor: Stentor, room: str) -> JsonObject:
    """The delivery to a room."""
    (found,) = listed(stentor, "--target", f"page:{room}")
    return found


def codes(stentor: Stentor) -> dict[str, str]:
    """The findings of the doctor with their mends."""
    return {finding["code"]: finding["fix"] for finding in stentor.ask("doctor")["findings"]}


# looking


@pytest.mark.parametrize(
    ("filters", "rooms"),
    [
        pytest.param((), ["dead", "doubt", "lost", "fine"], id="all"),
        pytest.param(("--state", "unknown"), ["doubt", "lost"], id="state"),
        pytest.param(("--state", "failed", "--channel", "page"), ["dead"], id="state and channel"),
        pytest.param(("--state", "unconfirmed"), [], id="unconfirmed"),
        pytest.param(("--state", "blocked"), [], id="blocked"),
        pytest.param(("--channel", "mail"), [], id="another channel"),
        pytest.param(("--purpose", "manual", "--target", "page:lost"), ["lost"], id="purpose and target"),
        pytest.param(("--purpose", "announce"), [], id="another purpose"),
        pytest.param(("--since", "2h"), ["dead", "doubt", "lost", "fine"], id="since a while ago"),
        pytest.param(("--since", "30m"), [], id="since a moment ago"),
        pytest.param(("--since", "2020-01-01", "--limit", "1"), ["dead"], id="since a day, and a page"),
        pytest.param(("--limit", "2", "--offset", "1"), ["doubt", "lost"], id="another page"),
    ],
)
def test_deliveries_are_found_by_what_is_asked_of_them(
    seen: Stentor, filters: tuple[str, ...], rooms: list[str]
) -> None:
    assert [found["target"] for found in listed(seen, *filters)] == [f"page:{room}" for room in rooms]


def test_the_list_comes_in_pages(seen: Stentor) -> None:
    first = seen.ask("deliveries", "list", "--limit", "3")
    last = seen.ask("deliveries", "list", "--limit", "3", "--offset", str(first["nextOffset"]))
    assert {key: first[key] for key in PAGED} == {
        "total": 4,
        "limit": 3,
        "offset": 0,
        "hasMore": True,
        "nextOffset": 3,
    }
    assert (len(last["deliveries"]), last["hasMore"], last["nextOffset"]) == (1, False, None)
    for delivery in first["deliveries"]:
        shapes.is_delivery(delivery)


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "-"])
def test_a_time_that_is_none_is_refused(seen: Stentor, since: str) -> None:
    assert "24h" in seen.refusal("deliveries", "list", "--since", since)["hint"]


def test_what_is_unknown_can_be_reviewed_at_a_glance(seen: Stentor) -> None:
    shown = seen.run("deliveries", "list", "--state", "unknown")
    for words in ("page:lost", "page:doubt", "no_answer", "**hello** lost", "1 h ago"):
        assert words in shown.out
    assert "settle ID… --as delivered" in shown.err
    assert "resend ID" in shown.err
    lost = at(seen, "lost")
    assert lost["choices"] == [
        f"stentor deliveries settle {lost['id']} --as delivered",
        f"stentor deliveries settle {lost['id']} --as not-delivered",
        f"stentor deliveries resend {lost['id']}",
    ]
    assert (lost["textHead"], lost["unknownSince"] >= lost["createdAt"]) == ("**hello** lost", True)


def test_one_delivery_is_shown_with_all_that_is_known_of_it(seen: Stentor) -> None:
    fine = seen.ask("deliveries", "show", at(seen, "fine")["id"])
    assert [event["kind"] for event in fine["events"]] == ["part.retry_wait", "delivery.accepted"]
    (receipt,) = fine["receipts"]
    assert (receipt["n"], receipt["level"], receipt["target"]) == (1, "accepted", "page:fine")
    assert (fine["parts"][0]["text"], fine["parts"][0]["attempts"]) == ("**hello** fine", 2)
    said = seen.run("deliveries", "show", at(seen, "dead")["id"]).out
    for words in ("rejected", "no such room", "**hello** dead", "delivery.failed"):
        assert words in said


def test_looking_changes_nothing(seen: Stentor) -> None:
    before, dead = dump(seen.home), at(seen, "dead")["id"]
    for words in (
        ("deliveries", "list"),
        ("deliveries", "list", "--state", "unknown"),
        ("deliveries", "show", dead),
        ("targets", "list"),
        ("status",),
        ("doctor",),
    ):
        assert seen.run(*words).code == 0
        seen.ask(*words)
    assert dump(seen.home) == before


def test_the_doctor_names_the_troubles_and_the_commands_against_them(seen: Stentor) -> None:
    found = codes(seen)
    assert "deliveries list --state unknown" in found["unknown_deliveries"]
    assert "deliveries resend ID" in found["dead_letters"]
    assert "targets clear page:dead --account default" in found["target_suspended"]
    status = seen.ask("status")
    assert (status["deadLetters"], status["unknown"], status["targets"][0]["target"]) == (1, 2, "page:dead")
    assert status["deliveries"]["failed"] == 1
    assert found.keys() == {finding["code"] for finding in status["findings"]}
    assert "dead letters: 1 did not arrive" in seen.run("doctor").out


# deciding, without a daemon


def test_a_dead_letter_goes_to_another_channel(mended: Stentor) -> None:
    dead = at(mended, "dead")["id"]
    new = mended.ask("deliveries", "resend", dead, "--to", "local:attic", "--wait")
    assert (new["state"], new["linkedTo"], new["warnings"]) == (
        "accepted",
        dead,
        ["rendered anew for local from the text stored for page, 1 part"],
    )
    assert mended.inbox("local:attic") == ["**hello** dead"]
    assert "dead_letters" not in codes(mended)
    assert "resend in" in mended.run("deliveries", "show", dead).out
    assert "resend of" in mended.run("deliveries", "show", new["id"]).out


def test_without_a_daemon_what_is_sent_again_waits_for_one(mended: Stentor) -> None:
    new = mended.ask("deliveries", "resend", at(mended, "dead")["id"], "--to", "local:attic")
    assert (new["state"], new["warnings"][-1].split(":")[0]) == ("pending", "no-daemon")
    cancelled = mended.ask("deliveries", "cancel", new["id"])
    assert (cancelled["state"], cancelled["cancelled"]) == ("failed", [1])
    assert mended.refusal("deliveries", "cancel", new["id"])["code"] == "nothing_waits"


def test_waiting_for_what_cannot_be_sent_says_so(mended: Stentor) -> None:
    blocked = mended.ask("deliveries", "resend", at(mended, "dead")["id"], "--wait", code=6)
    assert (blocked["state"], blocked["reason"]) == ("blocked", "not_configured")
    assert "blocked_deliveries" in codes(mended)


def test_what_became_of_an_unknown_delivery_is_said_once(mended: Stentor) -> None:
    lost = at(mended, "lost")["id"]
    settled = mended.ask("deliveries", "settle", lost, "--as", "delivered", "--note", "I saw it")
    shapes.is_delivery(settled)
    assert (settled["state"], settled["parts"][0]["state"]) == ("delivered", "unknown")
    assert {key: settled["settled"][key] for key in ("as", "note")} == {"as": "delivered", "note": "I saw it"}
    assert settled["settled"]["by"].startswith("cli:")
    assert [found["target"] for found in listed(mended, "--state", "unknown")] == ["page:doubt"]
    assert "I saw it" in mended.run("deliveries", "show", lost).out
    fine = at(mended, "fine")["id"]
    assert mended.refusal("deliveries", "settle", fine, "--as", "delivered")["code"] == "not_unknown"


def test_many_are_settled_by_whoever_knows_how_many_they_are(mended: Stentor) -> None:
    words = ("deliveries", "settle", "--all-unknown", "--as", "not-delivered")
    refused = mended.refusal(*words)
    assert (refused["code"], "--confirm 2" in refused["hint"]) == ("not_confirmed", True)
    assert mended.ask(*words, "--confirm", "2")["settled"] == 2
    assert mended.ask("status")["unknown"] == 0
    assert mended.ask(*words, "--confirm", "0")["settled"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("settle", "--as", "delivered"),
        ("settle", "d1", "--all-unknown", "--as", "delivered"),
        ("settle", "d1", "--confirm", "1", "--as", "delivered"),
        ("settle", "d1", "--as", "accepted"),
        ("settle", "d1"),
        ("drop",),
        ("drop", "d1", "--older-than", "14d"),
        ("drop", "--force", "--state", "failed"),
        ("drop", "--older-than", "a while"),
        ("drop", "--state", "unknown"),
        ("resend", "d1", "--from-part", "0"),
    ],
    ids=" ".join,
)
def test_a_deed_that_makes_no_sense_is_refused(seen: Stentor, words: tuple[str, ...]) -> None:
    before = dump(seen.home)["deliveries"]
    seen.refusal("deliveries", *words)
    assert dump(seen.home)["deliveries"] == before


@pytest.mark.parametrize("verb", ["show", "resend", "cancel", "drop"])
def test_a_delivery_that_is_not_there_is_not_found(seen: Stentor, verb: str) -> None:
    assert seen.refusal("deliveries", verb, "d-0", code=4)["code"] == "not_found"


def test_what_nobody_needs_is_dropped(mended: Stentor) -> None:
    assert mended.ask("deliveries", "drop", "--older-than", "14d") == {"dropped": 0, "ids": []}
    assert mended.run("deliveries", "drop", "--older-than", "30m").out == "1 dropped\n"
    lost = at(mended, "lost")["id"]
    assert mended.refusal("deliveries", "drop", lost)["code"] == "not_over"
    assert mended.ask("deliveries", "drop", lost, "--force")["ids"] == [lost]
    assert [found["target"] for found in listed(mended)] == ["page:doubt", "page:fine"]


def test_a_target_is_cleared_by_its_name(mended: Stentor) -> None:
    (known,) = mended.ask("targets", "list")["targets"]
    assert (known["target"], known["state"], known["reason"]) == ("page:dead", "suspended", "gone")
    assert "page:dead" in mended.run("targets", "list").out
    assert mended.ask("targets", "clear", "page:dead")["cleared"] is True
    assert mended.ask("targets", "list") == {"targets": []}
    assert mended.refusal("targets", "clear", "page:dead", code=4)["code"] == "not_found"


# deciding, through the daemon


def test_the_daemon_does_the_same_and_names_who_asked(mended: Stentor) -> None:
    lost, dead = at(mended, "lost")["id"], at(mended, "dead")["id"]
    with serving(mended):
        new = mended.ask("deliveries", "resend", dead, "--to", "local:attic", "--wait")
        assert (new["state"], len(new["warnings"])) == ("accepted", 1)
        assert mended.ask("deliveries", "settle", lost, "--as", "not-delivered")["state"] == "failed"
        stuck = mended.ask("deliveries", "resend", lost)
        until(lambda: at_id(mended, stuck["id"])["state"] == "blocked", "the delivery on no account")
        assert mended.ask("deliveries", "cancel", stuck["id"])["state"] == "failed"
        assert mended.ask("deliveries", "drop", dead)["dropped"] == 1
        assert mended.ask("targets", "clear", "page:dead")["cleared"] is True
        events = mended.ask("deliveries", "show", lost)["events"]
    (settled,) = [event for event in events if event["kind"] == "delivery.settled"]
    assert settled["data"]["by"].startswith("cli:")


def at_id(stentor: Stentor, delivery: str) -> JsonObject:
    return stentor.ask("deliveries", "show", delivery)
