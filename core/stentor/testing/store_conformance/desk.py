"""What operators do by hand: sent again, ruled upon, cancelled, dropped; each deed once, and with who did it."""

from dataclasses import replace

import pytest

from stentor.domain.rulings import Cancelled, Hand, KnownTarget, Resend, Ruling, Word
from stentor.domain.states import DeliveryState, PartState
from stentor.ports import Store
from stentor.testing.rows import (
    HOUR_MS,
    NOW_MS,
    SECOND_MS,
    accepted,
    delivery_seed,
    not_sent,
    rejected,
    room,
    settlement,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    alerts_about,
    answered,
    delivering_run,
    events_of,
    handed_out,
    logged_delivery,
    logged_run,
    part_states,
    put,
    sending,
    settle_one,
)

HAND = Hand("cli:ann", NOW_MS + SECOND_MS)
TEXTS = ("one", "two", "three")


class RulingRules:
    @pytest.mark.parametrize(
        ("word", "state", "delivered", "completed"),
        [
            ("delivered", "delivered", "delivered", "succeeded"),
            ("not-delivered", "failed", "not-delivered", "failed"),
        ],
    )
    async def test_what_follows_from_an_unknown_part_follows_what_wasruled(
        self, store: Store, read: RunLog, word: Word, state: str, delivered: str, completed: str
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, unknown())
        assert await ruled(store, word)
        delivery, run = logged_delivery(read), logged_run(read)
        assert (delivery["state"], part_states(read)) == (state, ["unknown"])
        assert (run["deliveryStatus"], run["completionStatus"]) == (delivered, completed)
        settled = delivery["settled"]
        assert (settled["as"], settled["by"], settled["note"]) == (word, "cli:ann", "looked")
        assert settled["at"] == "2026-07-01T07:00:01Z"

    async def test_what_waited_behind_a_part_that_is_there_is_sent(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=TEXTS))
        await answered(store, unknown())
        assert await ruled(store, "delivered")
        assert part_states(read) == ["unknown", "pending", "pending"]
        assert logged_delivery(read)["state"] == "pending"
        await answered(store, accepted("m-2"))
        await answered(store, accepted("m-3"))
        assert logged_delivery(read)["state"] == "accepted"

    async def test_what_waited_behind_a_part_that_is_not_there_is_cancelled(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=TEXTS), delivery_seed("d-2"))
        await answered(store, accepted())
        await answered(store, unknown())
        assert await ruled(store, "not-delivered")
        assert part_states(read) == ["accepted", "unknown", "cancelled"]
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["reason"]) == ("partial", "1/3")
        assert delivery["parts"][2]["reason"] == "part 2 was not delivered"
        assert await handed_out(store) == ["d-2.1"]

    async def test_a_ruling_says_nothing_of_a_part_that_becomes_unknown_later(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=TEXTS[:2]))
        await answered(store, unknown())
        await ruled(store, "delivered")
        await answered(store, unknown())
        assert logged_delivery(read)["state"] == "unknown"
        await ruled(store, "not-delivered")
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["reason"]) == ("partial", "1/2")
        assert delivery["settled"]["parts"] == {"1": "delivered", "2": "not-delivered"}

    async def test_a_ruling_can_be_corrected(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, unknown())
        await ruled(store, "not-delivered")
        assert await ruled(store, "delivered")
        assert logged_delivery(read)["state"] == "delivered"

    async def test_a_receipt_knows_better_than_a_ruling(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        part = await answered(store, unknown())
        await ruled(store, "not-delivered")
        assert await settle_one(store, settlement(part, accepted("m-1"), NOW_MS + HOUR_MS))
        assert (logged_delivery(read)["state"], part_states(read)) == ("accepted", ["accepted"])

    async def test_there_is_nothing_to_rule_where_nothing_is_unknown(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        assert not await ruled(store, "delivered")
        await answered(store, rejected())
        assert not await ruled(store, "delivered")
        assert logged_delivery(read)["settled"] is None
        assert not await ruled(store, "delivered", "d-none")

    async def test_many_are_ruled_each_in_its_place(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in (1, 2)))
        first, second = await store.begin_sends(NOW_MS, 2, "boot-1")
        await store.settle([settlement(first, unknown()), settlement(second, accepted())])
        rulings = [Ruling(f"d-{n}", "delivered", HAND) for n in (2, 1)]
        assert list(await store.rule(rulings)) == [False, True]

    async def test_a_ruling_is_an_event_and_no_alert(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, unknown())
        await ruled(store, "not-delivered")
        (event,) = events_of(read, "delivery.settled")
        assert (event["deliveryId"], event["runId"], event["jobId"]) == ("d-1", "r-1", "brief")
        assert event["data"] == {"by": "cli:ann", "as": "not-delivered", "note": "looked", "parts": [1]}
        assert alerts_about(read, delivery="d-1") == ["unknown"]


class ResendRules:
    async def test_a_delivery_sent_again_is_a_new_one_linked_to_the_old(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        await answered(store, rejected())
        assert await _resent(store, 1)
        assert await handed_out(store) == ["d-2.1"]
        new = logged_delivery(read, "d-2")
        assert (new["link"], new["linkedTo"]) == ("resend", "d-1")
        old = logged_delivery(read)
        assert (old["state"], [link["id"] for link in old["linkedFrom"]]) == ("failed", ["d-2"])
        (event,) = events_of(read, "delivery.resent")
        assert (event["deliveryId"], event["data"]["by"], event["data"]["as"]) == ("d-1", "cli:ann", "d-2")

    async def test_what_another_delivery_takes_over_is_not_sent_by_the_old_one_too(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=TEXTS))
        await answered(store, unknown())
        assert await _resent(store, 3)
        assert part_states(read) == ["unknown", "pending", "cancelled"]
        assert logged_delivery(read)["state"] == "unknown"
        await ruled(store, "delivered")
        went = [*await handed_out(store)]
        assert went == ["d-1.2"]

    async def test_what_is_still_to_be_sent_is_not_sent_again(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        assert not await _resent(store, 1)
        await sending(store)
        assert not await _resent(store, 1)
        assert read.deliveries(delivery="d-2") == []

    async def test_a_delivery_can_be_found_with_all_that_was_rendered_for_it(self, store: Store) -> None:
        await put(store, delivery_seed(texts=TEXTS[:2], files=("a.png",)))
        await answered(store, accepted())
        await answered(store, unknown())
        await ruled(store, "delivered")
        found = await store.delivery("d-1")
        assert found is not None
        assert (found.state, found.target, found.is_open) == (DeliveryState.PENDING, room(), True)
        told = [(part.n, part.state, part.text, part.has_arrived) for part in found.parts]
        assert told == [
            (1, PartState.ACCEPTED, "one", True),
            (2, PartState.UNKNOWN, "two", True),
            (3, PartState.PENDING, "", False),
        ]
        assert found.parts[2].attachment == '{"name": "a.png"}'
        assert await store.delivery("d-none") is None


class CancelRules:
    async def test_what_waits_is_cancelled_and_the_lane_goes_on(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=TEXTS), delivery_seed("d-2"))
        await answered(store, accepted())
        await answered(store, not_sent(NOW_MS + HOUR_MS))
        assert await store.cancel("d-1", HAND) == Cancelled((2, 3))
        assert part_states(read) == ["accepted", "cancelled", "cancelled"]
        assert logged_delivery(read)["state"] == "partial"
        assert await handed_out(store) == ["d-2.1"]
        (event,) = events_of(read, "delivery.cancelled")
        assert (event["deliveryId"], event["data"]["by"]) == ("d-1", "cli:ann")
        assert alerts_about(read, delivery="d-1") == []

    async def test_what_is_being_sent_goes_on(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=TEXTS[:2]))
        part = await sending(store)
        assert await store.cancel("d-1", HAND) == Cancelled((2,), under_way=(1,))
        assert part_states(read) == ["sending", "cancelled"]
        assert await settle_one(store, settlement(part, accepted()))

    async def test_what_an_unknown_part_holds_can_be_cancelled(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=TEXTS[:2]))
        await answered(store, unknown())
        assert await store.cancel("d-1", HAND) == Cancelled((2,))
        assert (logged_delivery(read)["state"], part_states(read)) == ("unknown", ["unknown", "cancelled"])

    async def test_a_part_that_may_have_arrived_before_is_unknown_when_it_is_cancelled(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=TEXTS[:2]))
        await answered(store, replace(not_sent(NOW_MS + HOUR_MS), reason="no_answer"))
        assert await store.cancel("d-1", HAND) == Cancelled((2,), in_doubt=(1,))
        assert part_states(read) == ["unknown", "cancelled"]
        assert alerts_about(read, delivery="d-1") == ["unknown"]

    async def test_where_nothing_waits_nothing_is_cancelled(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted())
        assert await store.cancel("d-1", HAND) == Cancelled()
        assert await store.cancel("d-none", HAND) == Cancelled()
        assert events_of(read, "delivery.cancelled") == []


class DropRules:
    async def test_a_dropped_delivery_is_gone_with_its_receipts(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=TEXTS[:2]))
        await answered(store, accepted("m-1"))
        await answered(store, rejected())
        assert list(await store.drop(["d-1", "d-none"], HAND)) == ["d-1"]
        assert read.deliveries() == []
        assert await store.delivery("d-1") is None
        assert await store.later_receipt("page", "main", "m-1", "read", NOW_MS) is False
        (event,) = events_of(read, "delivery.dropped")
        assert (event["data"]["by"], event["data"]["state"], event["data"]["parts"]) == (
            "cli:ann",
            "partial",
            2,
        )

    async def test_the_run_keeps_what_became_of_it(self, store: Store, read: RunLog) -> None:
        seeds = [delivery_seed(f"d-{n}", run_id="r-1", to=room(f"room{n}")) for n in (1, 2)]
        await delivering_run(store, *seeds)
        first, second = await store.begin_sends(NOW_MS, 2, "boot-1")
        await store.settle([settlement(first, rejected()), settlement(second, accepted("m-2"))])
        assert list(await store.drop(["d-1"], HAND)) == ["d-1"]
        await store.later_receipt("page", "main", "m-2", "read", NOW_MS + SECOND_MS)
        run = logged_run(read)
        assert (run["deliveryStatus"], run["completionStatus"]) == ("not-delivered", "failed")
        assert [(d["id"], d["state"], d["dropped"]) for d in run["deliveries"]] == [
            ("d-1", "failed", True),
            ("d-2", "read", False),
        ]
        assert [delivery["id"] for delivery in read.deliveries()] == ["d-2"]
        assert list(await store.drop(["d-1"], HAND)) == []

    async def test_nothing_is_dropped_while_some_of_it_is_to_be_sent(self, store: Store) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2", texts=TEXTS[:2], to=room("room2")))
        assert list(await store.drop(["d-1", "d-2"], HAND)) == []
        first, second = await store.begin_sends(NOW_MS, 2, "boot-1")
        assert list(await store.drop(["d-1"], HAND)) == []
        await store.settle([settlement(first, unknown()), settlement(second, unknown())])
        assert list(await store.drop(["d-1", "d-2"], HAND)) == ["d-1"]

    async def test_the_oldest_that_ended_so_are_found_first(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(3)))
        for part in await store.begin_sends(NOW_MS, 3, "boot-1"):
            verdict = accepted() if part.delivery_id == "d-1" else rejected()
            await settle_one(store, settlement(part, verdict))
        assert list(await store.over(["failed", "partial"], NOW_MS + 1, 10)) == ["d-0", "d-2"]
        assert list(await store.over(["failed"], NOW_MS + 1, 1)) == ["d-0"]
        assert list(await store.over(["accepted"], NOW_MS + 1, 10)) == ["d-1"]
        assert list(await store.over(["failed"], NOW_MS, 10)) == []


class KnownTargetRules:
    async def test_a_target_that_was_suspended_is_of_use_again_once_it_is_cleared(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        await answered(store, replace(rejected(), suspends="blocked"))
        await put(store, delivery_seed("d-2"))
        assert part_states(read, "d-2") == ["rejected"]
        known = KnownTarget("page", "main", "page:room1")
        assert await store.clear_target(known, HAND)
        assert not await store.clear_target(known, HAND)
        (event,) = events_of(read, "target.cleared")
        assert (event["data"]["target"], event["data"]["by"]) == ("page:room1", "cli:ann")
        await put(store, delivery_seed("d-3"))
        assert await handed_out(store) == ["d-3.1"]


async def ruled(store: Store, word: Word, delivery_id: str = "d-1") -> bool:
    (taken,) = await store.rule([Ruling(delivery_id, word, HAND, "looked")])
    return taken


async def _resent(store: Store, part: int) -> bool:
    """Part `part` of d-1 once more, as d-2."""
    seed = replace(delivery_seed("d-2"), link="resend", linked_to="d-1")
    return await store.resend(seed, Resend("d-1", (part,), HAND))
