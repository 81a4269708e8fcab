"""Accounts: a shut one keeps its parts, and opening it is enough for them to go on."""

from dataclasses import replace

from stentor.ports import Store
from stentor.testing.rows import (
    BOOT,
    HOUR_MS,
    NOW_MS,
    PAGER,
    SECOND_MS,
    accepted,
    credentials_rejected,
    delivery_seed,
    room,
    settlement,
    throttled,
    unavailable,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    answered,
    handed_out,
    logged_delivery,
    part_states,
    put,
    settle_one,
)

SECOND_ACCOUNT = replace(PAGER, account="second")


class AccountRules:
    async def test_an_account_nobody_knows_keeps_its_parts(self, store: Store, read: RunLog) -> None:
        await store.enqueue(delivery_seed())
        assert await handed_out(store) == []
        assert await store.next_send() is None
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["reason"]) == ("blocked", "not_configured")
        await store.set_accounts([PAGER], NOW_MS)
        assert await handed_out(store) == ["d-1.1"]

    async def test_an_account_that_is_gone_keeps_its_parts_until_it_is_back(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        await store.set_accounts([], NOW_MS)
        assert await handed_out(store) == []
        assert (logged_delivery(read)["state"], part_states(read)) == ("blocked", ["pending"])
        await store.set_accounts([PAGER], NOW_MS)
        assert await handed_out(store) == ["d-1.1"]

    async def test_a_blocked_account_keeps_its_parts_and_delays_no_other(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2", to=room(account="second")))
        blocked = replace(PAGER, state="blocked", reason="the plugin is gone")
        await store.set_accounts([blocked, SECOND_ACCOUNT], NOW_MS)
        assert await handed_out(store) == ["d-2.1"]
        assert logged_delivery(read)["reason"] == "the plugin is gone"

    async def test_a_closed_gate_holds_every_lane_of_its_account_and_no_other(self, store: Store) -> None:
        seeds = [delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in (1, 2)]
        await put(store, *seeds, delivery_seed("d-3", to=room(account="second")))
        first = (await store.begin_sends(NOW_MS, 1, BOOT))[0]
        until_ms = NOW_MS + 3 * SECOND_MS
        await settle_one(store, settlement(first, throttled(until_ms)))
        assert await handed_out(store) == ["d-3.1"]
        assert await store.next_send() == until_ms
        assert await handed_out(store, until_ms - 1) == []
        await answered(store, accepted(), until_ms)
        assert len(await handed_out(store, until_ms)) == 1

    async def test_a_shorter_gate_does_not_open_a_longer_one(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in (1, 2)))
        first, second = await store.begin_sends(NOW_MS, 2, BOOT)
        await settle_one(store, settlement(first, throttled(NOW_MS + 60 * SECOND_MS)))
        await settle_one(store, settlement(second, unavailable(NOW_MS + 5 * SECOND_MS)))
        assert await handed_out(store, NOW_MS + 5 * SECOND_MS) == []
        assert len(await handed_out(store, NOW_MS + 60 * SECOND_MS)) == 1

    async def test_a_gate_stays_closed_over_a_restart(self, store: Store) -> None:
        await put(store, delivery_seed("d-1"))
        await answered(store, throttled(NOW_MS + 60 * SECOND_MS))
        await put(store, delivery_seed("d-2", to=room("room2")))
        await store.set_accounts([PAGER], NOW_MS + SECOND_MS)
        assert await handed_out(store, NOW_MS + 59 * SECOND_MS) == []
        await answered(store, accepted(), NOW_MS + 60 * SECOND_MS)
        assert len(await handed_out(store, NOW_MS + 60 * SECOND_MS)) == 1

    async def test_an_account_that_is_down_gives_nothing_until_it_is_opened(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(expires_ms=NOW_MS + 9 * HOUR_MS))
        await answered(store, credentials_rejected())
        assert await handed_out(store, NOW_MS + 2 * HOUR_MS) == []
        assert await store.next_send() is None
        assert part_states(read) == ["pending"]
        assert "token revoked" in logged_delivery(read)["reason"]
        await store.set_accounts([PAGER], NOW_MS + SECOND_MS)
        assert await handed_out(store, NOW_MS + SECOND_MS) == ["d-1.1"]

    async def test_an_account_that_was_down_is_open_when_it_comes_back(self, store: Store) -> None:
        await put(store, delivery_seed())
        await answered(store, credentials_rejected())
        await store.set_accounts([], NOW_MS + 1)
        await store.set_accounts([PAGER], NOW_MS + 2)
        assert await handed_out(store, NOW_MS + 2) == ["d-1.1"]

    async def test_an_account_goes_down_with_one_alert(self, store: Store, read: RunLog) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in (1, 2)))
        for part in await store.begin_sends(NOW_MS, 2, BOOT):
            await settle_one(store, settlement(part, credentials_rejected()))
        (alert,) = read.alerts(10)
        assert alert["cause"] == "account_down"
        assert "page:main" in alert["message"]
        assert "token revoked" in alert["message"]

    async def test_parts_of_an_account_that_comes_back_go_in_order_with_no_attempt_used(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, *(delivery_seed(f"d-{n}") for n in range(3)))
        for n in range(4):
            await answered(store, unavailable(NOW_MS + n + 1), NOW_MS + n)
        (logged,) = logged_delivery(read, "d-0")["parts"]
        assert logged["attempts"] == 0
        assert await handed_out(store, NOW_MS + HOUR_MS - 1) == ["d-0.1"]
