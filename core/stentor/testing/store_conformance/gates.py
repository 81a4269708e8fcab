"""Gates and paces: one part goes ahead through a gate that was shut, and nothing goes faster than was declared."""

from dataclasses import replace

from stentor.contract.targets import Target
from stentor.contract.traits import Rate
from stentor.domain.outbox import Gate, Verdict
from stentor.domain.records import DeliverySeed, Outgoing
from stentor.domain.states import PartState
from stentor.ports import Store
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    PAGER,
    SECOND_MS,
    accepted,
    delivery_seed,
    room,
    settlement,
    throttled,
)
from stentor.testing.store_conformance.steps import handed_out, put, settle_one

UNTIL_MS = NOW_MS + 40 * SECOND_MS
SLOW = replace(PAGER, rates=(Rate(1.0, scope="target"),))
BURSTS = replace(PAGER, rates=(Rate(2.0, burst=3),))


class GateRules:
    async def test_one_part_goes_ahead_when_the_time_of_a_gate_is_over(self, store: Store) -> None:
        (first, *_) = await begun(store, *to_rooms(5), most=1)
        await settle_one(store, settlement(first, throttled(UNTIL_MS)))
        (ahead,) = await store.begin_sends(UNTIL_MS, 10, BOOT)
        assert await handed_out(store, UNTIL_MS + SECOND_MS) == []
        await settle_one(store, settlement(ahead, accepted(), UNTIL_MS + SECOND_MS))
        assert len(await handed_out(store, UNTIL_MS + SECOND_MS)) == 4

    async def test_the_one_that_goes_ahead_may_find_the_gate_shut_again(self, store: Store) -> None:
        (first,) = await begun(store, *to_rooms(5), most=1)
        await settle_one(store, settlement(first, throttled(UNTIL_MS)))
        (ahead,) = await store.begin_sends(UNTIL_MS, 10, BOOT)
        await settle_one(store, settlement(ahead, throttled(UNTIL_MS + 3 * SECOND_MS), UNTIL_MS))
        assert await store.next_send() == UNTIL_MS + 3 * SECOND_MS
        assert await handed_out(store, UNTIL_MS + 2 * SECOND_MS) == []
        assert len(await handed_out(store, UNTIL_MS + 3 * SECOND_MS)) == 1

    async def test_another_goes_ahead_when_nothing_is_heard_of_the_first_for_longer_than_a_send_may_take(
        self, store: Store
    ) -> None:
        await put(store, *to_rooms(3))
        await store.set_accounts([replace(PAGER, gated=True, patience_ms=90 * SECOND_MS)], NOW_MS)
        assert len(await handed_out(store)) == 1
        later = await store.next_send()
        assert later is not None
        assert NOW_MS + 90 * SECOND_MS < later <= NOW_MS + 100 * SECOND_MS
        assert await handed_out(store, later - 1) == []
        assert len(await handed_out(store, later)) == 1

    async def test_one_part_goes_ahead_to_a_chat_for_as_long_as_it_may_take(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=thread(n)) for n in range(3)))
        await store.set_accounts([replace(PAGER, patience_ms=90 * SECOND_MS)], NOW_MS)
        first, *others = await store.begin_sends(NOW_MS, 3, BOOT)
        await store.settle([settlement(part, quiet_chat(UNTIL_MS)) for part in (first, *others)])
        assert len(await handed_out(store, UNTIL_MS)) == 1
        await store.enqueue(delivery_seed("d-new", to=thread(7)))
        assert await handed_out(store, UNTIL_MS + 90 * SECOND_MS) == []
        assert len(await handed_out(store, UNTIL_MS + 100 * SECOND_MS)) == 1

    async def test_a_chat_that_wants_quiet_has_it_in_all_its_threads(self, store: Store) -> None:
        seeds = [delivery_seed(f"d-{n}", to=thread(n)) for n in range(3)]
        (first,) = await begun(store, *seeds, most=1)
        await settle_one(store, settlement(first, quiet_chat(UNTIL_MS)))
        await store.enqueue(delivery_seed("d-new", to=thread(7)))
        await store.enqueue(delivery_seed("d-other", to=room("elsewhere")))
        assert await handed_out(store, NOW_MS) == ["d-other.1"]
        (ahead,) = await store.begin_sends(UNTIL_MS, 10, BOOT)
        assert await handed_out(store, UNTIL_MS) == []
        await settle_one(store, settlement(ahead, accepted(), UNTIL_MS))
        assert len(await handed_out(store, UNTIL_MS)) == 3

    async def test_a_chat_that_wants_quiet_lets_its_account_go_on(self, store: Store) -> None:
        await put(store, *to_rooms(5))
        await store.set_accounts([replace(PAGER, gated=True)], NOW_MS)
        (ahead,) = await store.begin_sends(NOW_MS, 10, BOOT)
        await settle_one(store, settlement(ahead, quiet_chat(UNTIL_MS)))
        assert len(await handed_out(store, NOW_MS)) == 4
        assert await handed_out(store, UNTIL_MS) == [ahead.part_id]

    async def test_an_account_keeps_to_its_rate_and_may_burst(self, store: Store) -> None:
        await put(store, *to_rooms(9))
        await store.set_accounts([BURSTS], NOW_MS)
        assert len(await handed_out(store)) == 3
        assert await handed_out(store, NOW_MS + 499) == []
        assert await store.next_send() == NOW_MS + 500
        assert len(await handed_out(store, NOW_MS + 500)) == 1
        assert len(await handed_out(store, NOW_MS + 1500)) == 2

    async def test_a_restart_gives_nobody_a_new_burst(self, store: Store) -> None:
        await put(store, *to_rooms(9))
        await store.set_accounts([BURSTS], NOW_MS)
        assert len(await handed_out(store)) == 3
        await store.set_accounts([BURSTS], NOW_MS + 1)
        assert await handed_out(store, NOW_MS + 1) == []

    async def test_each_chat_keeps_to_the_rate_of_a_target(self, store: Store) -> None:
        seeds = [delivery_seed(f"d-{n}", to=thread(n)) for n in range(2)]
        await put(store, *seeds, delivery_seed("d-other", to=room("elsewhere")))
        await store.set_accounts([SLOW], NOW_MS)
        (one, other) = await store.begin_sends(NOW_MS, 10, BOOT)
        assert {one.delivery_id, other.delivery_id} == {"d-0", "d-other"}
        await settle_one(store, settlement(one, accepted()))
        await store.enqueue(delivery_seed("d-new", to=thread(0)))
        assert await handed_out(store, NOW_MS + 999) == []
        assert await store.next_send() == NOW_MS + 1000
        assert len(await handed_out(store, NOW_MS + 1000)) == 1

    async def test_all_threads_of_a_chat_share_its_pace(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=thread(n)) for n in range(7)))
        await store.set_accounts([replace(PAGER, rates=(Rate(1.0, burst=3, scope="target"),))], NOW_MS)
        assert len(await handed_out(store)) == 3
        assert await handed_out(store, NOW_MS + 999) == []
        assert len(await handed_out(store, NOW_MS + 1000)) == 1
        assert len(await handed_out(store, NOW_MS + 3000)) == 2


async def begun(store: Store, *seeds: DeliverySeed, most: int) -> list[Outgoing]:
    await put(store, *seeds)
    return list(await store.begin_sends(NOW_MS, most, BOOT))


def to_rooms(count: int) -> list[DeliverySeed]:
    return [delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(count)]


def thread(number: int) -> Target:
    """A thread of one chat."""
    return Target(PAGER.channel, "room", "chat", f"chat:{number}", str(number), PAGER.account)


def quiet_chat(until_ms: int) -> Verdict:
    gate = Gate(until_ms, "throttled", scope="target")
    return Verdict(PartState.RETRY_WAIT, "throttled", "slow down", next_at_ms=until_ms, gate=gate)
