"""Doubt: what may have arrived stays unknown until a receipt says more, and a receipt of any attempt does."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from stentor.domain.outbox import NewAddress, Verdict
from stentor.domain.records import Outgoing
from stentor.domain.rulings import Hand, Ruling
from stentor.domain.states import PartState
from stentor.ports import Store
from stentor.testing.rows import (
    BOOT,
    HOUR_MS,
    NOW_MS,
    SECOND_MS,
    accepted,
    delivery_seed,
    not_sent,
    rejected,
    room,
    settlement,
    throttled,
    unavailable,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    alerts_about,
    answered,
    handed_out,
    logged_delivery,
    part_states,
    put,
    sending,
    settle_one,
)

HAND = Hand("cli:ann", NOW_MS)
LATER_MS = NOW_MS + SECOND_MS
FAILURES = [not_sent(LATER_MS), rejected(), unknown(), unavailable(LATER_MS)]
NAMES = ["not_sent", "rejected", "unknown", "unavailable"]

Deed = Callable[[Store], Awaitable[object]]


def in_doubt(at_ms: int = NOW_MS + HOUR_MS - 1) -> Verdict:
    """It may have arrived, and is to be sent again."""
    return replace(not_sent(at_ms), reason="no_answer")


async def _expire(store: Store) -> None:
    await store.expire(NOW_MS + HOUR_MS)


async def _cancel(store: Store) -> None:
    await store.cancel("d-1", HAND)


async def _correct_a_ruling(store: Store) -> None:
    await store.rule([Ruling("d-1", "not-delivered", HAND)])


class DoubtRules:
    @pytest.mark.parametrize("deed", [_expire, _cancel, _correct_a_ruling])
    async def test_what_may_have_arrived_is_unknown_when_it_is_given_up(
        self, store: Store, read: RunLog, deed: Deed
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two", "three")))
        await answered(store, unknown())
        await store.rule([Ruling("d-1", "delivered", HAND)])
        await answered(store, in_doubt())
        await deed(store)
        assert part_states(read)[:2] == ["unknown", "unknown"]
        assert part_states(read)[2] in ("expired", "cancelled")
        assert logged_delivery(read)["parts"][1]["reason"] == "no_answer"

    async def test_what_may_have_arrived_is_unknown_when_its_target_turns_out_to_be_of_no_use(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-1", to=room("old")), delivery_seed("d-2"))
        elsewhere, there = await store.begin_sends(NOW_MS, 2, BOOT)
        moves = replace(in_doubt(), readdress=NewAddress(room(), for_all=False))
        await settle_one(store, settlement(elsewhere, moves))
        await settle_one(store, settlement(there, replace(rejected(), suspends="blocked")))
        assert (part_states(read), part_states(read, "d-2")) == (["unknown"], ["rejected"])
        assert alerts_about(read, delivery="d-1") == ["unknown"]

    async def test_what_follows_another_unknown_part_is_not_released(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two", "three")))
        first = await answered(store, unknown())
        await store.rule([Ruling("d-1", "delivered", HAND)])
        await answered(store, unknown())
        assert await settle_one(store, settlement(first, accepted(), LATER_MS)) is True
        assert part_states(read) == ["accepted", "unknown", "pending"]
        assert await handed_out(store, LATER_MS) == []
        await store.rule([Ruling("d-1", "delivered", HAND)])
        assert await handed_out(store, LATER_MS) == ["d-1.3"]


class EarlierAttemptRules:
    @pytest.mark.parametrize("second", [not_sent(LATER_MS), unknown(), unavailable(LATER_MS)])
    async def test_a_receipt_for_an_earlier_attempt_settles_what_waits_or_is_unknown(
        self, store: Store, read: RunLog, second: Verdict
    ) -> None:
        first = await self._first_of_two(store)
        await answered(store, second)
        assert await settle_one(store, settlement(first, accepted("m-1"), LATER_MS)) is True
        assert part_states(read) == ["accepted"]
        assert await handed_out(store, NOW_MS + HOUR_MS - 1) == []

    @pytest.mark.parametrize("second", FAILURES, ids=NAMES)
    async def test_a_receipt_that_comes_during_the_next_attempt_counts_when_that_fails(
        self, store: Store, read: RunLog, second: Verdict
    ) -> None:
        first = await self._first_of_two(store)
        under_way = await sending(store)
        assert await settle_one(store, settlement(first, accepted("m-1"))) is True
        assert part_states(read) == ["sending"]
        assert await settle_one(store, settlement(under_way, second)) is True
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["parts"][0]["messageId"]) == ("accepted", "m-1")
        assert read.alerts(10) == []
        assert await store.later_receipt("page", "main", "m-1", "read", LATER_MS) is True

    async def test_a_receipt_that_comes_during_the_next_attempt_is_not_needed_when_that_is_accepted(
        self, store: Store, read: RunLog
    ) -> None:
        first = await self._first_of_two(store)
        under_way = await sending(store)
        await settle_one(store, settlement(first, accepted("m-1")))
        assert await settle_one(store, settlement(under_way, accepted("m-2"))) is True
        assert logged_delivery(read)["parts"][0]["messageId"] == "m-2"

    async def test_a_receipt_that_comes_during_the_next_attempt_outlives_the_process(
        self, store: Store, read: RunLog
    ) -> None:
        first = await self._first_of_two(store)
        await sending(store)
        await settle_one(store, settlement(first, accepted("m-1")))
        (orphan,) = (await store.recover("boot-2")).parts
        await settle_one(store, settlement(orphan, unknown()))
        assert part_states(read) == ["accepted"]

    async def test_an_attempt_that_fails_shuts_its_gate_though_an_earlier_one_was_accepted(
        self, store: Store
    ) -> None:
        first = await self._first_of_two(store)
        under_way = await sending(store)
        await settle_one(store, settlement(first, accepted("m-1")))
        await settle_one(store, settlement(under_way, throttled(NOW_MS + 9 * SECOND_MS)))
        await put(store, delivery_seed("d-2"))
        assert await handed_out(store, NOW_MS + 8 * SECOND_MS) == []

    async def test_what_was_never_offered_was_never_accepted(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        assert await store.later_receipt("page", "main", "d-1.1", "delivered", LATER_MS) is False
        assert part_states(read) == ["pending"]

    async def _first_of_two(self, store: Store) -> Outgoing:
        """A part whose first attempt may have arrived, and that is to be sent again at once."""
        await put(store, delivery_seed())
        return await answered(store, in_doubt(NOW_MS))


class CalledOffRules:
    """A delivery is cancelled while a part of it is being sent."""

    @pytest.mark.parametrize(
        ("verdict", "state"),
        [
            (not_sent(LATER_MS), "cancelled"),
            (unavailable(LATER_MS), "cancelled"),
            (in_doubt(), "unknown"),
            (unknown(), "unknown"),
            (rejected(), "rejected"),
            (accepted(), "accepted"),
        ],
        ids=["not_sent", "unavailable", "in_doubt", "unknown", "rejected", "accepted"],
    )
    async def test_what_was_being_sent_when_it_was_cancelled_is_not_sent_again(
        self, store: Store, read: RunLog, verdict: Verdict, state: str
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        part = await sending(store)
        assert (await store.cancel("d-1", HAND)).under_way == (1,)
        assert await settle_one(store, settlement(part, verdict)) is True
        assert part_states(read) == [state, "cancelled"]
        assert await handed_out(store, NOW_MS + HOUR_MS - 1) == []

    async def test_cancelling_the_only_part_while_it_is_being_sent_is_no_reason_for_an_alert(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(), delivery_seed("d-2"))
        part = await sending(store)
        await store.cancel("d-1", HAND)
        await settle_one(store, settlement(part, not_sent(LATER_MS)))
        assert (logged_delivery(read)["state"], read.alerts(10)) == ("failed", [])
        assert await handed_out(store) == ["d-2.1"]

    async def test_it_is_not_sent_again_by_the_next_process_either(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await sending(store)
        await store.cancel("d-1", HAND)
        (orphan,) = (await store.recover("boot-2")).parts
        again = Verdict(PartState.RETRY_WAIT, "crash_after_send", "killed", next_at_ms=NOW_MS)
        await settle_one(store, settlement(orphan, again))
        assert part_states(read) == ["unknown"]
        assert await handed_out(store) == []
