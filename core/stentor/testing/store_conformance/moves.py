"""Targets that move, meet and are of no use: where deliveries end up, each at most once."""

from dataclasses import replace

import pytest

from stentor.contract.targets import Target
from stentor.domain.outbox import NewAddress, Verdict
from stentor.domain.records import DeliverySeed
from stentor.domain.states import PartState, Purpose
from stentor.ports import Store
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    PAGER,
    accepted,
    delivery_seed,
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
    handed_out,
    logged_delivery,
    logged_run,
    part_states,
    put,
    sending,
    settle_one,
)

SUSPENDS = replace(rejected(), suspends="blocked")


def moves(new: Target) -> Verdict:
    """The conversation has another address, for everybody."""
    return Verdict(PartState.PENDING, "moved", "it moved", readdress=NewAddress(new, for_all=True))


def goes_to(parent: Target) -> Verdict:
    """The thread is gone: this message goes to its parent."""
    return Verdict(PartState.PENDING, "thread_gone", "gone", readdress=NewAddress(parent, for_all=False))


def thread(number: int) -> Target:
    return Target(PAGER.channel, "room", "room9", f"room9:{number}", str(number), PAGER.account)


def announce(delivery_id: str, to: Target, texts: tuple[str, ...] = ("hello",)) -> DeliverySeed:
    return delivery_seed(delivery_id, to=to, run_id="r-1", texts=texts)


class MeetingRules:
    @pytest.mark.parametrize("there", [accepted(), rejected(), unknown()], ids=lambda verdict: verdict.state)
    async def test_a_delivery_that_would_go_where_another_of_its_run_goes_is_left_out(
        self, store: Store, read: RunLog, there: Verdict
    ) -> None:
        await delivering_run(store, announce("d-1", room("room1")), announce("d-9", room("room9")))
        old, new = await store.begin_sends(NOW_MS, 2, BOOT)
        await settle_one(store, settlement(new, there))
        assert await settle_one(store, settlement(old, moves(room("room9")))) is True
        self._is_left_out(read, "d-1", "d-9")
        assert await handed_out(store) == []

    async def test_it_is_left_out_while_the_other_is_on_its_way_too(self, store: Store, read: RunLog) -> None:
        await delivering_run(
            store, announce("d-1", room("room1"), ("one", "two")), announce("d-9", room("room9"))
        )
        old, new = await store.begin_sends(NOW_MS, 2, BOOT)
        await store.settle([settlement(old, moves(room("room9"))), settlement(new, accepted())])
        self._is_left_out(read, "d-1", "d-9")
        run = logged_run(read)
        assert (run["deliveryStatus"], run["completionStatus"]) == ("delivered", "succeeded")

    async def test_of_two_threads_whose_parent_gets_the_message_one_goes_there(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, announce("d-1", thread(1)), announce("d-2", thread(2)))
        parts = await store.begin_sends(NOW_MS, 2, BOOT)
        settled = await store.settle([settlement(part, goes_to(room("room9"))) for part in parts])
        assert list(settled) == [True, True]
        assert await handed_out(store) == ["d-1.1"]
        self._is_left_out(read, "d-2", "d-1")

    async def test_what_else_waited_for_the_old_address_meets_nobody_of_another_run(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, announce("d-1", room("room1")), announce("d-9", room("room9")))
        await store.enqueue(delivery_seed("d-other"))
        old, _ = await store.begin_sends(NOW_MS, 2, BOOT)
        await settle_one(store, settlement(old, moves(room("room9"))))
        other = logged_delivery(read, "d-other")
        assert (other["state"], other["target"]) == ("pending", "page:room9")

    async def test_what_waited_along_with_the_one_that_moved_is_left_out_too(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-0"))
        await delivering_run(store, announce("d-1", room("room1")), announce("d-9", room("room9")))
        old, _ = await store.begin_sends(NOW_MS, 2, BOOT)
        assert old.delivery_id == "d-0"
        await settle_one(store, settlement(old, moves(room("room9"))))
        self._is_left_out(read, "d-1", "d-9")
        assert logged_delivery(read, "d-0")["state"] == "pending"

    async def test_an_address_that_is_known_to_be_old_meets_the_new_one_from_the_start(
        self, store: Store, read: RunLog
    ) -> None:
        await self._has_moved(store, "room1", "room9")
        await delivering_run(store, announce("d-1", room("room1")), announce("d-9", room("room9")))
        self._is_left_out(read, "d-1", "d-9")
        assert await handed_out(store) == ["d-9.1"]

    async def test_what_may_have_arrived_at_the_old_address_stays_unknown(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, announce("d-1", room("room1")), announce("d-9", room("room9")))
        old, _ = await store.begin_sends(NOW_MS, 2, BOOT)
        in_doubt = replace(moves(room("room9")), state=PartState.RETRY_WAIT, reason="no_answer")
        await settle_one(store, settlement(old, in_doubt))
        assert (logged_delivery(read)["state"], part_states(read)) == ("unknown", ["unknown"])
        assert alerts_about(read, delivery="d-1") == ["unknown"]

    async def test_an_agents_own_messages_may_meet(self, store: Store) -> None:
        seeds = [announce("d-1", room("room1")), announce("d-9", room("room9"))]
        await delivering_run(store, *(replace(seed, purpose=Purpose.TOOL) for seed in seeds))
        old, new = await store.begin_sends(NOW_MS, 2, BOOT)
        await settle_one(store, settlement(new, accepted()))
        await settle_one(store, settlement(old, moves(room("room9"))))
        assert await handed_out(store) == ["d-1.1"]

    async def _has_moved(self, store: Store, old: str, new: str) -> None:
        await put(store, delivery_seed("d-before", to=room(old)))
        await settle_one(store, settlement(await sending(store), moves(room(new))))
        await answered(store, accepted("m-before"))

    def _is_left_out(self, read: RunLog, delivery: str, other: str) -> None:
        left_out = logged_delivery(read, delivery)
        assert (left_out["state"], left_out["reason"]) == ("suppressed", "duplicate")
        assert left_out["linkedTo"] == other
        assert alerts_about(read, delivery=delivery) == []


class PlaceRules:
    async def test_a_target_that_is_of_no_use_is_of_no_use_under_its_old_addresses(
        self, store: Store, read: RunLog
    ) -> None:
        for new in ("room2", "room3"):
            await put(store, delivery_seed(f"to-{new}", to=room(f"room{int(new[-1]) - 1}")))
            await answered(store, moves(room(new)))
            await answered(store, accepted(f"m-{new}"))
        await put(store, delivery_seed("d-3", to=room("room3")))
        await answered(store, SUSPENDS)
        await put(store, delivery_seed("d-1", to=room("room1")))
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["reason"]) == ("failed", "target_suspended: blocked")
        assert (delivery["target"], delivery["meantFor"]) == ("page:room3", "page:room1")
        assert await handed_out(store) == []

    async def test_what_moves_to_a_place_of_no_use_is_given_up(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed("d-9", to=room("room9")))
        await answered(store, SUSPENDS)
        await put(store, delivery_seed("d-1"), delivery_seed("d-2"))
        await answered(store, moves(room("room9")))
        assert [part_states(read, one) for one in ("d-1", "d-2")] == [["rejected"], ["rejected"]]
        assert alerts_about(read, delivery="d-1") == ["failed"]
        assert await handed_out(store) == []

    async def test_what_goes_to_a_parent_that_moved_goes_where_it_is_now(self, store: Store) -> None:
        await put(store, delivery_seed("d-1", to=room("room8")))
        await answered(store, moves(room("room9")))
        await answered(store, accepted("m-1"))
        await put(store, delivery_seed("d-2", to=thread(1)))
        await answered(store, goes_to(room("room8")))
        assert (await sending(store)).target == room("room9")

    async def test_a_chat_that_moved_back_is_where_it_was(self, store: Store) -> None:
        await put(store, delivery_seed("d-1", to=room("room1")))
        await answered(store, moves(room("room2")))
        await answered(store, accepted("m-1"))
        await put(store, delivery_seed("d-2", to=room("room2")))
        await answered(store, moves(room("room1")))
        assert (await answered(store, accepted("m-2"))).target == room("room1")
        for n, name in enumerate(("room1", "room2"), start=3):
            await put(store, delivery_seed(f"d-{n}", to=room(name)))
            assert (await answered(store, accepted(f"m-{n}"))).target == room("room1")
