"""What a job may send to: its own targets and what its author allows, judged by canonical target and account."""

import pytest

from stentor.contract.targets import Target
from stentor.domain.jobs import DeliveryModel
from stentor.domain.reach import OutOfReach, Reach, allow_list, check
from stentor.domain.states import Purpose
from stentor.services.directory import Directory
from stentor.testing.scripted import Provider, scripted_channel

PAGE = scripted_channel("page", Provider())
HORN = scripted_channel("horn", Provider())


def room(name: str, channel: str = "page", account: str = "default") -> Target:
    return Target(channel, "room", name, name, account=account)


REACH = Reach(own=(room("own"),), allowed=(room("allowed"),), channels=("horn",), alerts=(room("alerts"),))
COVERED = {
    Purpose.ANNOUNCE: {"own"},
    Purpose.TOOL: {"own", "allowed", "horn"},
    Purpose.FAILURE: {"own", "alerts"},
    Purpose.RECOVERY: {"own", "alerts"},
    Purpose.MANUAL: {"own", "allowed", "horn", "alerts", "stranger"},
    Purpose.REPLY: {"own", "allowed", "horn", "alerts", "stranger"},
}
PLACES = {
    "own": room("own"),
    "allowed": room("allowed"),
    "horn": room("any", "horn", "other"),
    "alerts": room("alerts"),
    "stranger": room("stranger"),
}


@pytest.mark.parametrize("purpose", Purpose)
def test_each_purpose_reaches_what_is_meant_for_it_and_nothing_else(purpose: Purpose) -> None:
    assert {name for name, target in PLACES.items() if REACH.covers(purpose, target)} == COVERED[purpose]


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(room("own", account="second"), id="on another account"),
        pytest.param(Target("page", "room", "own", "own:topic:7", "7", "default"), id="in a thread of it"),
        pytest.param(room("own1"), id="with a longer id"),
        pytest.param(room("OWN"), id="in another case"),
    ],
)
def test_what_only_resembles_a_target_is_another_one(target: Target) -> None:
    assert not REACH.covers(Purpose.TOOL, target)


def test_a_refusal_names_what_may_be_sent_to() -> None:
    with pytest.raises(OutOfReach) as refused:
        check(REACH, Purpose.TOOL, room("stranger"))
    assert refused.value.message == (
        "this job may not send to page:stranger on default; it may send to page:own, page:allowed, horn:*"
    )
    assert refused.value.code == "not_allowed"


def test_what_is_allowed_passes_in_silence() -> None:
    check(REACH, Purpose.TOOL, room("own"))


def directory(*accounts: str) -> Directory:
    configured = {"page": {account: PAGE.settings() for account in accounts}}
    return Directory({"page": PAGE, "horn": HORN}, configured, {})


def allowed(*entries: str, account: str | None = None, accounts: tuple[str, ...] = ()) -> list[str]:
    """Each entry as it is stored, or the code of its error."""
    delivery = DeliveryModel(allow=entries, account_id=account)
    return [
        entry.canonical if entry.error is None else entry.error.code
        for entry in allow_list(delivery, directory(*accounts))
    ]


@pytest.mark.parametrize(
    ("entry", "stored"),
    [
        ("PAGE: room1", "page:room1"),
        ("page:*", "page:*"),
        ("Page: *", "page:*"),
        ("page:room*", "bad_target"),
        ("*", "no_channel"),
        ("pager:*", "unknown_prefix"),
        ("room1", "no_channel"),
    ],
)
def test_an_entry_is_a_target_or_a_whole_channel(entry: str, stored: str) -> None:
    assert allowed(entry) == [stored]


def test_entries_of_one_meaning_are_one_entry() -> None:
    assert allowed("page:a", "PAGE:a", "page:*", "Page:*") == ["page:a", "page:*"]


@pytest.mark.parametrize(
    ("account", "found"), [("two", "two"), (None, "ambiguous_account")], ids=["the job's", "none"]
)
def test_an_allowed_target_is_on_the_account_of_the_job(account: str | None, found: str) -> None:
    delivery = DeliveryModel(allow=("page:a",), account_id=account)
    (entry,) = allow_list(delivery, directory("one", "two"))
    assert found == (entry.target.account if entry.target is not None else getattr(entry.error, "code", ""))


def test_a_channel_without_that_account_uses_its_only_one() -> None:
    (entry,) = allow_list(DeliveryModel(allow=("horn:a",), account_id="two"), directory("one", "two"))
    assert entry.target == room("a", "horn")
