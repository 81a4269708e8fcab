"""Slots: one account whose provider takes its time must not keep all others from sending."""

from dataclasses import replace

from stentor.ports import Store
from stentor.testing.rows import BOOT, NOW_MS, PAGER, accepted, delivery_seed, room, settlement
from stentor.testing.store_conformance.steps import handed_out, put, settle_one

OTHER = replace(PAGER, account="other")
SLOTS = 64


class ShareRules:
    async def test_an_account_leaves_some_slots_to_others_that_may_come(self, store: Store) -> None:
        await self._many_wait(store)
        begun = await handed_out(store, limit=SLOTS)
        assert SLOTS / 2 < len(begun) < SLOTS
        free = SLOTS - len(begun)
        assert await handed_out(store, limit=free) == []
        assert await store.next_send() is None
        await store.enqueue(delivery_seed("d-other", to=room(account="other")))
        assert await self._somebody_may_send(store)
        assert await handed_out(store, limit=free) == ["d-other.1"]

    async def test_an_account_goes_on_when_one_of_its_sends_is_answered(self, store: Store) -> None:
        await self._many_wait(store)
        (first, *rest) = await store.begin_sends(NOW_MS, SLOTS, BOOT)
        assert await handed_out(store, limit=SLOTS - 1 - len(rest)) == []
        await settle_one(store, settlement(first, accepted()))
        assert await self._somebody_may_send(store)
        assert len(await handed_out(store, limit=SLOTS - len(rest))) == 1

    async def test_of_two_accounts_that_want_all_slots_neither_gets_them(self, store: Store) -> None:
        await self._many_wait(store)
        for n in range(SLOTS):
            await store.enqueue(delivery_seed(f"o-{n}", to=room(f"room{n}", account="other")))
        begun = await handed_out(store, limit=SLOTS)
        assert 0 < len([part for part in begun if part.startswith("o-")]) < SLOTS
        assert len(begun) < SLOTS

    async def test_an_account_that_is_the_only_one_has_all_slots(self, store: Store) -> None:
        await self._many_wait(store)
        await store.set_accounts([PAGER], NOW_MS)
        assert len(await handed_out(store, limit=SLOTS)) == SLOTS

    async def test_no_more_are_under_way_than_an_account_can_do(self, store: Store) -> None:
        await self._many_wait(store)
        await store.set_accounts([replace(PAGER, at_once=3), OTHER], NOW_MS)
        (first, *rest) = await store.begin_sends(NOW_MS, SLOTS, BOOT)
        assert len(rest) == 2
        assert await handed_out(store, limit=SLOTS - 3) == []
        assert not await self._somebody_may_send(store)
        await settle_one(store, settlement(first, accepted()))
        assert len(await handed_out(store, limit=SLOTS - 2)) == 1

    async def test_an_account_that_is_the_only_one_has_its_bounds_all_the_same(self, store: Store) -> None:
        await self._many_wait(store)
        await store.set_accounts([replace(PAGER, at_once=3)], NOW_MS)
        assert len(await handed_out(store, limit=SLOTS)) == 3
        assert await handed_out(store, limit=SLOTS - 3) == []

    async def test_a_restart_finds_no_account_that_has_enough(self, store: Store) -> None:
        await self._many_wait(store)
        begun = await store.begin_sends(NOW_MS, SLOTS, BOOT)
        assert await handed_out(store, limit=SLOTS - len(begun)) == []
        await store.set_accounts([PAGER, OTHER], NOW_MS)
        assert await self._somebody_may_send(store)

    async def _somebody_may_send(self, store: Store) -> bool:
        next_ms = await store.next_send()
        return next_ms is not None and next_ms <= NOW_MS

    async def _many_wait(self, store: Store) -> None:
        """More than there are slots for, all on one of two accounts."""
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(2 * SLOTS)))
        await store.set_accounts([PAGER, OTHER], NOW_MS)
