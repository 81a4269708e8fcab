"""What an agent has sent to a place itself is not announced there; what was refused there is announced in its stead."""

from dataclasses import replace

import pytest

from stentor.domain.ownership import ToolSend, may_be_owned, with_one_owner
from stentor.domain.states import DeliveryState, Purpose
from stentor.testing.rows import PAGER, delivery_seed, room

ANNOUNCE = delivery_seed("d-announce", run_id="r-1")
NOT_ANNOUNCED = frozenset(DeliveryState) - {DeliveryState.FAILED}


def send(
    delivery: str = "d-tool",
    state: DeliveryState = DeliveryState.ACCEPTED,
    *targets: str,
    account: str = "main",
) -> ToolSend:
    places = frozenset(targets or (room().canonical,))
    return ToolSend(delivery, PAGER.channel, account, places, state)


@pytest.mark.parametrize("state", sorted(NOT_ANNOUNCED))
def test_what_was_sent_or_may_have_been_is_not_announced(state: DeliveryState) -> None:
    owned = with_one_owner(ANNOUNCE, [send(state=state)])

    assert (owned.state, owned.reason) == (DeliveryState.SUPPRESSED, "already_sent")
    assert (owned.linked_to, owned.link) == ("d-tool", None)
    assert bool(owned.parts) is (state is DeliveryState.PENDING)


def test_what_was_not_sent_is_announced_in_its_stead() -> None:
    owned = with_one_owner(ANNOUNCE, [send(state=DeliveryState.FAILED)])

    assert owned == replace(ANNOUNCE, link="fallback", linked_to="d-tool")


def test_one_message_that_went_through_is_enough() -> None:
    sends = [send("d-1", DeliveryState.FAILED), send("d-2"), send("d-3", DeliveryState.FAILED)]

    assert with_one_owner(ANNOUNCE, sends).linked_to == "d-2"


def test_a_message_that_cannot_fail_any_more_counts_before_one_that_still_waits() -> None:
    sends = [send("d-1", DeliveryState.PENDING), send("d-2")]

    assert with_one_owner(ANNOUNCE, sends).linked_to == "d-2"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(send("d-1", DeliveryState.ACCEPTED, "page:room2"), id="another target"),
        pytest.param(send("d-1", account="second"), id="another account"),
    ],
)
def test_another_place_is_announced_as_it_was_meant(other: ToolSend) -> None:
    assert with_one_owner(ANNOUNCE, [other]) == ANNOUNCE


def test_a_place_that_has_moved_is_the_same_place() -> None:
    moved = send("d-1", DeliveryState.ACCEPTED, "page:new", room().canonical)
    late = replace(ANNOUNCE, target=room("new"), meant_for=room().canonical)

    assert with_one_owner(ANNOUNCE, [moved]).linked_to == "d-1"
    assert with_one_owner(late, [send()]).linked_to == "d-tool"


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(replace(ANNOUNCE, purpose=Purpose.TOOL), id="a tool's message"),
        pytest.param(replace(ANNOUNCE, purpose=Purpose.FAILURE), id="an alert"),
        pytest.param(replace(ANNOUNCE, run_id=None), id="a message of no run"),
        pytest.param(replace(ANNOUNCE, parts=()), id="silence"),
    ],
)
def test_only_an_announce_of_a_run_has_an_owner(seed) -> None:
    assert may_be_owned(ANNOUNCE)
    assert not may_be_owned(seed)
