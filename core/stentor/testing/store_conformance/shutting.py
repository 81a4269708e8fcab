"""How accounts stand without a send to tell: what is shut or opened by the word of an account."""

from dataclasses import replace

import pytest

from stentor.domain.json_types import JsonObject
from stentor.domain.outbox import Gate, Verdict
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
    events_of,
    handed_out,
    logged_delivery,
    put,
    settle_one,
)

LATER_MS = NOW_MS + SECOND_MS
UNTIL_MS = NOW_MS + 60 * SECOND_MS


class ShutRules:
    async def test_an_account_that_is_shut_gives_nothing_and_says_why(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2", to=room(account="second")))
        await _shut(store)
        assert await handed_out(store, LATER_MS) == ["d-2.1"]
        assert await store.next_send() is None
        assert logged_delivery(read)["reason"] == "logged out"

    async def test_shutting_is_told_once_with_the_account(self, store: Store, read: RunLog) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(9)))
        for reason in ("logged out", "logged out", "banned"):
            await _shut(store, reason)
        assert _alerts(read) == [
            {
                "cause": "account_down",
                "message": "page:main is down: logged out",
                "channel": "page",
                "account": "main",
            }
        ]
        assert logged_delivery(read, "d-1")["reason"] == "logged out"

    async def test_an_account_that_a_send_found_down_is_not_told_of_again(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        await answered(store, credentials_rejected())
        await _shut(store)
        assert [alert["message"] for alert in _alerts(read)] == [
            "page:main is down: credentials: token revoked"
        ]

    async def test_an_account_that_is_shut_is_not_told_of_again_by_a_send_that_comes_late(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        (part,) = await store.begin_sends(NOW_MS, 1, BOOT)
        await _shut(store)
        await settle_one(store, settlement(part, credentials_rejected(), LATER_MS))
        assert [alert["message"] for alert in _alerts(read)] == ["page:main is down: logged out"]

    @pytest.mark.parametrize("account", ["second", "nobody"])
    async def test_shutting_one_account_shuts_no_other(
        self, store: Store, read: RunLog, account: str
    ) -> None:
        await put(store, delivery_seed())
        await store.shut("page", account, "logged out", NOW_MS)
        assert await handed_out(store) == ["d-1.1"]
        assert _alerts(read) == []

    async def test_an_account_that_is_blocked_stays_blocked(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await store.set_accounts([replace(PAGER, state="blocked", reason="the plugin is gone")], NOW_MS)
        await _shut(store)
        await store.reopen("page", "main", LATER_MS)
        assert await handed_out(store, LATER_MS) == []
        assert (logged_delivery(read)["reason"], _alerts(read)) == ("the plugin is gone", [])

    async def test_an_account_that_waits_at_a_gate_can_be_shut(self, store: Store) -> None:
        await put(store, delivery_seed())
        await answered(store, throttled(UNTIL_MS))
        await _shut(store)
        assert await handed_out(store, UNTIL_MS) == []


class ReopenRules:
    async def test_an_account_that_is_opened_lets_one_part_go_ahead(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(5)))
        await _shut(store)
        await store.reopen("page", "main", LATER_MS)
        (ahead,) = await store.begin_sends(LATER_MS, 10, BOOT)
        assert await handed_out(store, LATER_MS) == []
        await settle_one(store, settlement(ahead, accepted(), LATER_MS))
        assert len(await handed_out(store, LATER_MS)) == 4

    async def test_an_account_that_is_opened_and_shut_again_is_told_of_again(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        for _ in range(2):
            await _shut(store)
            await store.reopen("page", "main", LATER_MS)
        assert len(_alerts(read)) == 2

    async def test_what_an_account_that_was_not_connected_holds_goes_when_it_is_there(
        self, store: Store
    ) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(3)))
        first = (await store.begin_sends(NOW_MS, 1, BOOT))[0]
        await settle_one(store, settlement(first, _not_connected(UNTIL_MS)))
        assert await handed_out(store, LATER_MS) == []
        await store.reopen("page", "main", LATER_MS)
        assert await store.next_send() == LATER_MS
        assert len(await handed_out(store, LATER_MS)) == 1

    async def test_a_provider_that_wants_quiet_has_it_though_its_account_is_there(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(2)))
        first, second = await store.begin_sends(NOW_MS, 2, BOOT)
        await settle_one(store, settlement(first, throttled(UNTIL_MS)))
        await settle_one(store, settlement(second, _not_connected(LATER_MS)))
        await store.reopen("page", "main", LATER_MS)
        assert await handed_out(store, UNTIL_MS - 1) == []
        assert len(await handed_out(store, UNTIL_MS)) == 1

    async def test_opening_what_is_open_changes_nothing(self, store: Store, read: RunLog) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(3)))
        await store.reopen("page", "main", LATER_MS)
        assert len(await handed_out(store, LATER_MS)) == 3
        assert _alerts(read) == []

    async def test_the_part_that_goes_ahead_is_waited_for_though_its_account_is_there(
        self, store: Store
    ) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(3)))
        first = (await store.begin_sends(NOW_MS, 1, BOOT))[0]
        await settle_one(store, settlement(first, _not_connected(LATER_MS)))
        assert len(await handed_out(store, LATER_MS)) == 1
        await store.reopen("page", "main", LATER_MS)
        assert await handed_out(store, LATER_MS) == []

    async def test_opening_one_account_opens_no_other(self, store: Store) -> None:
        await put(store, delivery_seed(expires_ms=NOW_MS + 9 * HOUR_MS))
        await _shut(store)
        await store.reopen("page", "second", LATER_MS)
        assert await handed_out(store, NOW_MS + HOUR_MS) == []


async def _shut(store: Store, reason: str = "logged out") -> None:
    await store.shut("page", "main", reason, NOW_MS)


def _not_connected(until_ms: int) -> Verdict:
    return replace(unavailable(until_ms), gate=Gate(until_ms, "unavailable: not connected"))


def _alerts(read: RunLog) -> list[JsonObject]:
    """What every alert says, oldest first."""
    return [event["data"] for event in events_of(read, "alert")]
