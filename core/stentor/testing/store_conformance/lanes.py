"""Lanes: strict order towards one target, no waiting for any other."""

from dataclasses import replace

import pytest

from stentor.contract.payloads import Manner
from stentor.contract.targets import Target
from stentor.domain.outbox import Verdict
from stentor.domain.states import PartState, Priority
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
    unavailable,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    answered,
    delivering_run,
    handed_out,
    logged_delivery,
    part_states,
    put,
    sending,
    settle_one,
)


class LaneRules:
    async def test_the_parts_for_one_target_go_one_after_the_other(self, store: Store) -> None:
        await put(store, delivery_seed("d-1", texts=("one", "two")), delivery_seed("d-2"))
        went = [(await answered(store, accepted(f"m-{n}"))).part_id for n in range(3)]
        assert went == ["d-1.1", "d-1.2", "d-2.1"]
        assert await handed_out(store) == []

    async def test_a_busy_lane_hands_out_nothing(self, store: Store) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        part = await sending(store)
        assert await handed_out(store) == []
        await put(store, delivery_seed("d-2"))
        assert await handed_out(store) == []
        await settle_one(store, settlement(part, accepted()))
        assert await handed_out(store) == ["d-1.2"]

    async def test_targets_do_not_wait_for_each_other(self, store: Store) -> None:
        seeds = [delivery_seed(f"d-{n}", to=room(f"room{n}"), texts=("one", "two")) for n in range(5)]
        await put(store, *seeds)
        assert sorted(await handed_out(store)) == [f"d-{n}.1" for n in range(5)]

    async def test_the_same_address_on_another_account_is_another_lane(self, store: Store) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2", to=room(account="second")))
        assert sorted(await handed_out(store)) == ["d-1.1", "d-2.1"]

    async def test_no_more_parts_are_handed_out_than_were_asked_for(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(5)))
        assert [len(await handed_out(store, limit=2)) for _ in range(4)] == [2, 2, 1, 0]

    async def test_priority_orders_lanes(self, store: Store) -> None:
        order = (Priority.DIGEST, Priority.ANNOUNCE, Priority.INTERACTIVE, Priority.ALERT)
        await put(
            store,
            *(delivery_seed(p.name, to=room(p.name.lower()), priority=p) for p in order),
        )
        went = [await handed_out(store, limit=1) for _ in order]
        assert went == [["INTERACTIVE.1"], ["ALERT.1"], ["ANNOUNCE.1"], ["DIGEST.1"]]

    async def test_priority_orders_lanes_of_different_accounts(self, store: Store) -> None:
        await put(
            store,
            delivery_seed("d-1", priority=Priority.DIGEST),
            delivery_seed("d-2", to=room(account="second"), priority=Priority.INTERACTIVE),
            delivery_seed("d-3", to=room("room2"), priority=Priority.ALERT),
        )
        assert [await handed_out(store, limit=1) for _ in range(3)] == [["d-2.1"], ["d-3.1"], ["d-1.1"]]

    async def test_priority_never_reorders_a_lane(self, store: Store) -> None:
        await put(
            store,
            delivery_seed("d-1", priority=Priority.DIGEST),
            delivery_seed("d-2", priority=Priority.INTERACTIVE),
        )
        assert await handed_out(store) == ["d-1.1"]

    async def test_a_lane_has_the_priority_of_the_part_that_goes_next(self, store: Store) -> None:
        await put(
            store,
            delivery_seed("d-1", priority=Priority.INTERACTIVE),
            delivery_seed("d-2", priority=Priority.DIGEST),
            delivery_seed("d-3", to=room("room2"), priority=Priority.ANNOUNCE),
        )
        await settle_one(store, settlement((await store.begin_sends(NOW_MS, 1, BOOT))[0], accepted()))
        assert await handed_out(store, limit=1) == ["d-3.1"]

    async def test_a_part_goes_out_as_it_was_put_in(self, store: Store) -> None:
        seed = delivery_seed(to=room("room1"), texts=("Grüße 👋",), files=("a.png",), run_id="r-1")
        await delivering_run(store, seed)
        text = await answered(store, accepted())
        assert (text.delivery_id, text.run_id, text.target) == ("d-1", "r-1", room("room1"))
        assert (text.n, text.of, text.text, text.format, text.attachment) == (1, 2, "Grüße 👋", "plain", None)
        file = await sending(store)
        assert (file.n, file.attachment, file.expires_ms) == (2, '{"name": "a.png"}', seed.expires_ms)


class AttemptRules:
    async def test_the_manner_of_a_delivery_goes_out_with_each_part(self, store: Store) -> None:
        manner = Manner(silent=True, bare_links=True, reply_to="42")
        await put(store, replace(delivery_seed(texts=("one", "two")), manner=manner))
        first = await sending(store)
        await settle_one(store, settlement(first, accepted()))
        assert (first.manner, (await sending(store)).manner) == (manner, manner)

    async def test_a_text_whose_files_are_refused_goes_without_them(self, store: Store, read: RunLog) -> None:
        seed = delivery_seed(texts=("*report*",))
        written = replace(
            seed.parts[0],
            format="markup",
            plain="report",
            attachment='{"name": "a.png", "path": "/a", "size": 1}',
        )
        await put(store, replace(seed, parts=(written,)))
        refused = Verdict(
            PartState.PENDING, "too_large", "413", degraded="no_files", without_files="File not sent: a.png"
        )
        await settle_one(store, settlement(await sending(store), refused))
        again = await sending(store)
        assert (again.text, again.format, again.attachment) == (
            "report\n\nFile not sent: a.png",
            "plain",
            None,
        )
        assert not again.has_plain
        await settle_one(store, settlement(again, accepted()))
        (part,) = logged_delivery(read)["parts"]
        assert (part["state"], part["degraded"]) == ("accepted", "no_files")

    async def test_what_follows_a_part_goes_where_that_has_led(self, store: Store, read: RunLog) -> None:
        thread = Target(room().channel, "thread", "t-7", "room1:t-7", "t-7", room().account)
        await put(store, delivery_seed(texts=("one", "two", "three")))
        first = await sending(store)
        assert (first.opened, first.address) == (None, room())
        await settle_one(store, settlement(first, replace(accepted("m-1"), opened=thread)))
        second = await sending(store)
        assert (second.target, second.address) == (room(), thread)
        await settle_one(store, settlement(second, accepted("m-2")))
        assert (await sending(store)).address == thread
        assert logged_delivery(read)["continuedIn"] == thread.canonical

    async def test_the_next_delivery_goes_where_it_was_meant_to(self, store: Store) -> None:
        thread = Target(room().channel, "thread", "t-7", "room1:t-7", "t-7", room().account)
        await put(store, delivery_seed("d-1", texts=("one", "two")), delivery_seed("d-2"))
        for opened in (thread, None):
            await settle_one(
                store, settlement(await sending(store), replace(accepted(f"m-{opened}"), opened=opened))
            )
        assert (await sending(store)).address == room()

    async def test_sending_and_its_attempt_are_committed_before_a_part_is_handed_out(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        part = await sending(store)
        assert (part.attempt, part.started_ms, part.first_sent_ms) == (1, NOW_MS, NOW_MS)
        (logged,) = logged_delivery(read)["parts"]
        assert (logged["state"], logged["attempts"]) == ("sending", 1)

    async def test_a_part_that_was_not_sent_goes_again_at_its_time_and_not_before(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        retry_ms = NOW_MS + 5 * SECOND_MS
        await answered(store, not_sent(retry_ms))
        assert part_states(read) == ["retry_wait", "pending"]
        assert await store.next_send() == retry_ms
        assert await handed_out(store, retry_ms - 1) == []
        again = await sending(store, retry_ms)
        assert (again.part_id, again.attempt) == ("d-1.1", 2)
        assert (again.started_ms, again.first_sent_ms) == (retry_ms, NOW_MS)

    async def test_a_waiting_part_keeps_its_place_before_all_others_of_its_lane(self, store: Store) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2"))
        await answered(store, not_sent(NOW_MS + SECOND_MS))
        assert await handed_out(store) == []
        assert await handed_out(store, NOW_MS + SECOND_MS) == ["d-1.1"]

    async def test_a_waiting_lane_delays_no_other(self, store: Store) -> None:
        await put(store, delivery_seed("d-1"))
        await answered(store, not_sent(NOW_MS + SECOND_MS))
        await put(store, delivery_seed("d-2", to=room("room2")))
        assert await handed_out(store) == ["d-2.1"]

    async def test_what_was_never_offered_uses_up_no_attempt(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, unavailable(NOW_MS + SECOND_MS))
        (logged,) = logged_delivery(read)["parts"]
        assert (logged["state"], logged["reason"], logged["attempts"]) == ("pending", "unavailable", 0)
        again = await sending(store, NOW_MS + SECOND_MS)
        assert (again.attempt, again.first_sent_ms) == (1, NOW_MS + SECOND_MS)

    @pytest.mark.parametrize("reason", ["refused", "no_answer"])
    async def test_refusals_are_counted_apart_from_attempts(self, store: Store, reason: str) -> None:
        await put(store, delivery_seed())
        refused = replace(not_sent(NOW_MS), reason=reason, refused=True)
        await answered(store, refused)
        await answered(store, not_sent(NOW_MS))
        last = await answered(store, refused)
        assert (last.attempt, last.refusals) == (3, 1)
        assert (await sending(store)).refusals == 2

    async def test_the_next_send_is_the_earliest_of_all_lanes_that_are_free(self, store: Store) -> None:
        assert await store.next_send() is None
        await put(store, delivery_seed("d-1"))
        await answered(store, not_sent(NOW_MS + 5))
        await put(store, delivery_seed("d-2", to=room("room2")))
        assert (await store.next_send() or 0) <= NOW_MS
        await sending(store)
        assert await store.next_send() == NOW_MS + 5
