"""Retention of the outbox: deliveries that are over, receipts for nobody, and what channels kept of what is gone."""

from dataclasses import replace
from functools import partial

import pytest

from stentor.domain.retention import Limits
from stentor.domain.states import DeliveryState, RunStatus
from stentor.ports import Store
from stentor.testing.rows import (
    HOUR_MS,
    NOW_MS,
    accepted,
    delivery_seed,
    room,
    run_end,
    settlement,
    unknown,
)
from stentor.testing.store_conformance.desk import ruled
from stentor.testing.store_conformance.steps import (
    RunLog,
    answered,
    delivering_run,
    finish_one,
    logged_delivery,
    logged_run,
    open_accounts,
    put,
    running_run,
    swept,
)

DAY_MS = 24 * HOUR_MS
MONTH = Limits(delivery_days=30)
LATER_MS = NOW_MS + 31 * DAY_MS
_swept = partial(swept, now_ms=LATER_MS)


class OldDeliveryRules:
    async def test_a_delivery_that_is_over_goes_after_its_days(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted("m-1"))
        assert not await _swept(store, MONTH, now_ms=NOW_MS + 30 * DAY_MS)
        assert (await _swept(store, MONTH, now_ms=NOW_MS + 30 * DAY_MS + 1)).deliveries == 1
        assert read.deliveries() == []
        assert await store.later_receipt("page", "main", "m-1", "read", LATER_MS) is False

    async def test_the_key_of_a_part_is_kept_for_a_day_after_its_last_use(self, store: Store) -> None:
        await put(store, delivery_seed(expires_ms=LATER_MS))
        await answered(store, accepted())
        assert (await _swept(store, MONTH, now_ms=LATER_MS + DAY_MS)).deliveries == 0
        assert (await _swept(store, MONTH, now_ms=LATER_MS + DAY_MS + 1)).deliveries == 1

    @pytest.mark.parametrize("is_begun", [True, False], ids=["unknown", "pending"])
    async def test_a_delivery_that_is_not_over_stays(
        self, store: Store, read: RunLog, *, is_begun: bool
    ) -> None:
        await put(store, delivery_seed())
        if is_begun:
            await answered(store, unknown())
        assert not await _swept(store, MONTH)
        assert len(logged_delivery(read)["parts"]) == 1

    async def test_with_a_ruling_an_unknown_delivery_is_over(self, store: Store) -> None:
        await put(store, delivery_seed())
        await answered(store, unknown())
        await ruled(store, "not-delivered")
        assert (await _swept(store, MONTH)).deliveries == 1

    async def test_of_a_delivery_of_a_run_the_outcome_stays_with_the_run(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, accepted())
        assert (await _swept(store, MONTH)).deliveries == 1
        (delivery,) = logged_run(read)["deliveries"]
        assert (delivery["state"], delivery["parts"], delivery["dropped"]) == ("accepted", [], True)
        assert not await _swept(store, MONTH)

    async def test_a_silent_delivery_is_a_fact_about_its_run(self, store: Store, read: RunLog) -> None:
        silent = replace(delivery_seed(run_id="r-1"), parts=(), state=DeliveryState.SUPPRESSED)
        await running_run(store)
        await open_accounts(store, [silent])
        await finish_one(store, run_end("r-1", RunStatus.OK, silent))
        assert not await _swept(store, MONTH)
        assert logged_delivery(read)["dropped"] is False

    async def test_every_old_delivery_is_reached(self, store: Store, read: RunLog) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(450)))
        parts = await store.begin_sends(NOW_MS, 450, "boot-1")
        await store.settle([settlement(part, accepted(f"m-{part.part_id}")) for part in parts])
        assert (await _swept(store, MONTH)).deliveries == 450
        assert read.deliveries() == []

    async def test_what_was_said_of_a_message_nobody_knows_goes_too(self, store: Store) -> None:
        await store.later_receipt("page", "main", "m-1", "delivered", NOW_MS)
        await store.later_receipt("page", "main", "m-2", "delivered", LATER_MS - DAY_MS)
        assert (await _swept(store, MONTH)).receipts == 1
        assert not await _swept(store, MONTH)

    async def test_the_receipts_of_a_delivery_that_stays_stay(self, store: Store) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        await answered(store, accepted("m-1"))
        await answered(store, unknown())
        assert not await _swept(store, MONTH)
        assert await store.later_receipt("page", "main", "m-1", "read", LATER_MS) is True

    async def test_what_a_channel_keeps_goes_when_its_part_is_gone(self, store: Store) -> None:
        await put(store, delivery_seed())
        await answered(store, unknown())
        first = await store.append("page", "main", "d-1.1", "page:room1", {}, NOW_MS)
        await store.append("page", "main", "d-0.1", "page:room1", {}, NOW_MS)
        assert (await _swept(store, MONTH)).records == 1
        assert await store.append("page", "main", "d-1.1", "page:room1", {}, LATER_MS) == first

    async def test_without_a_limit_everything_stays(self, store: Store) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted())
        await store.append("page", "main", "x", "page:room1", {}, NOW_MS)
        await store.later_receipt("page", "main", "m-0", "delivered", NOW_MS)
        assert not await _swept(store, Limits(runs=1, days=40))
