"""Slots are shared: whoever has nothing under way finds one, while others hang."""

from collections import Counter

import pytest

from stentor.domain.shares import Shares

SLOTS = 256


def shares(*, several: bool = True) -> Shares:
    return Shares(SLOTS, Counter(), several)


def take_all(shared: Shares, account: str) -> int:
    """All an account may have, if nothing ever comes back."""
    taken = 0
    while shared.has_room(account):
        shared.take(account)
        taken += 1
    return taken


def test_one_account_gets_most_slots_and_leaves_some() -> None:
    shared = shares()

    assert take_all(shared, "slow") == SLOTS * 3 // 4
    assert shared.sated == {"slow"}
    assert shared.has_room("other")


@pytest.mark.parametrize("hanging", [1, 2, 3, 4])
def test_several_accounts_may_hang_and_another_one_gets_through(hanging: int) -> None:
    shared = shares()
    for n in range(hanging):
        take_all(shared, f"slow{n}")

    assert take_all(shared, "other") > 0


def test_an_account_may_have_more_when_others_have_given_theirs_back() -> None:
    shared = shares()
    taken = take_all(shared, "slow")
    shared.free += 8

    assert take_all(shared, "slow") == 6
    assert taken + 6 + shared.free == SLOTS + 8


def test_an_account_without_others_has_all_slots() -> None:
    shared = shares(several=False)

    assert take_all(shared, "only") == SLOTS
    assert not shared.sated


@pytest.mark.parametrize("several", [True, False], ids=["among others", "alone"])
def test_an_account_has_no_more_under_way_than_its_channel_can_do(several: bool) -> None:
    shared = Shares(SLOTS, Counter(narrow=3), several, {"narrow": 8})

    assert take_all(shared, "narrow") == 5
    assert shared.sated == {"narrow"}
    assert shared.has_room("other")


@pytest.mark.parametrize("free", range(4))
def test_where_there_are_few_slots_each_can_be_had(free: int) -> None:
    assert take_all(Shares(free, Counter(), several=True), "only") == free
