"""Later receipts: they raise a part and never lower it, and may come before anybody knows the message."""

import pytest

from stentor.domain.json_types import JsonObject
from stentor.ports import Store
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    SECOND_MS,
    accepted,
    delivery_seed,
    not_sent,
    room,
    settlement,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    answered,
    delivering_run,
    logged_delivery,
    logged_run,
    part_states,
    put,
    settle_one,
)

LATER_MS = NOW_MS + SECOND_MS


class ReceiptRules:
    async def test_a_later_receipt_raises_an_accepted_part(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted("m-1"))
        assert await _later(store, "m-1", "delivered") is True
        part = _part(read)
        assert (part["state"], part["deliveredAt"], part["readAt"]) == (
            "delivered",
            "2026-07-01T07:00:01Z",
            None,
        )
        assert await _later(store, "m-1", "read", LATER_MS + SECOND_MS) is True
        part = _part(read)
        assert (part["state"], part["readAt"]) == ("read", "2026-07-01T07:00:02Z")
        assert logged_delivery(read)["state"] == "read"

    @pytest.mark.parametrize("level", ["accepted", "delivered"])
    async def test_a_later_receipt_never_lowers_a_part(self, store: Store, read: RunLog, level: str) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted("m-1"))
        await _later(store, "m-1", "read")
        await _later(store, "m-1", level)
        assert (part_states(read), logged_delivery(read)["state"]) == (["read"], "read")

    async def test_being_accepted_once_more_is_no_news(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted("m-1"))
        await _later(store, "m-1", "accepted")
        part = _part(read)
        assert (part["state"], part["deliveredAt"], part["readAt"]) == ("accepted", None, None)

    async def test_the_first_time_of_a_level_stands(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted("m-1"))
        for at_ms in (LATER_MS, LATER_MS + SECOND_MS):
            await _later(store, "m-1", "delivered", at_ms)
        assert _part(read)["deliveredAt"] == "2026-07-01T07:00:01Z"

    @pytest.mark.parametrize("level", ["accepted", "delivered", "read"])
    async def test_a_receipt_that_came_before_its_part_was_accepted_is_kept_for_it(
        self, store: Store, read: RunLog, level: str
    ) -> None:
        await put(store, delivery_seed())
        assert await _later(store, "m-1", level) is False
        await answered(store, accepted("m-1"), LATER_MS)
        assert (part_states(read), logged_delivery(read)["state"]) == ([level], level)

    async def test_all_receipts_that_came_early_count(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        for level in ("read", "delivered", "accepted", "read"):
            await _later(store, "m-1", level)
        await answered(store, accepted("m-1"), LATER_MS)
        part = _part(read)
        assert part["state"] == "read"
        assert (part["deliveredAt"], part["readAt"]) == ("2026-07-01T07:00:01Z", "2026-07-01T07:00:01Z")

    async def test_news_about_a_strangers_message_changes_nothing(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted("m-1"))
        assert await _later(store, "m-2", "read") is False
        assert await store.later_receipt("page", "second", "m-1", "read", LATER_MS) is False
        assert await store.later_receipt("other", "main", "m-1", "read", LATER_MS) is False
        assert part_states(read) == ["accepted"]

    async def test_the_same_message_id_on_two_accounts_means_two_messages(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2", to=room(account="second")))
        for part in await store.begin_sends(NOW_MS, 2, BOOT):
            await settle_one(store, settlement(part, accepted("m-1")))
        await _later(store, "m-1", "read")
        assert (part_states(read, "d-1"), part_states(read, "d-2")) == (["read"], ["accepted"])

    async def test_a_delivery_stands_where_its_lowest_part_stands(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        await answered(store, accepted("m-1"))
        await _later(store, "m-1", "read")
        assert logged_delivery(read)["state"] == "pending"
        await answered(store, accepted("m-2"))
        assert logged_delivery(read)["state"] == "accepted"
        await _later(store, "m-2", "delivered")
        assert logged_delivery(read)["state"] == "delivered"

    async def test_a_receipt_for_a_part_that_waits_settles_nothing(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, not_sent(LATER_MS))
        assert await _later(store, "m-1", "delivered") is False
        assert part_states(read) == ["retry_wait"]

    async def test_of_many_messages_accepted_together_each_has_what_was_said_of_it_before(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(4)))
        await _later(store, "m-1", "read")
        await _later(store, "m-3", "delivered")
        parts = await store.begin_sends(NOW_MS, 4, BOOT)
        await store.settle([settlement(part, accepted(f"m-{n}")) for n, part in enumerate(parts)])
        states = [logged_delivery(read, f"d-{n}")["state"] for n in range(4)]
        assert states == ["accepted", "read", "accepted", "delivered"]
        assert await _later(store, "m-1", "read") is True

    async def test_a_delivered_run_stays_delivered(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, accepted("m-1"))
        await _later(store, "m-1", "read")
        run = logged_run(read)
        assert (run["deliveryStatus"], run["completionStatus"]) == ("delivered", "succeeded")
        assert read.alerts(10) == []


async def _later(store: Store, message_id: str, level: str, at_ms: int = LATER_MS) -> bool:
    return await store.later_receipt("page", "main", message_id, level, at_ms)


def _part(read: RunLog) -> JsonObject:
    parts: list[JsonObject] = logged_delivery(read)["parts"]
    if len(parts) != 1:
        raise AssertionError(f"the delivery has {len(parts)} parts")
    return parts[0]
