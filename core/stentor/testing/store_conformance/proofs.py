"""Proofs: a later receipt that names its part says that it has arrived, whatever became of its sending."""

import pytest

from stentor.domain.outbox import Verdict
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
    settlement,
    unavailable,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
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

LATER_MS = NOW_MS + SECOND_MS
ARRIVALS = ("delivery.accepted", "delivery.delivered", "delivery.read")


class ProofRules:
    @pytest.mark.parametrize("level", ["accepted", "delivered", "read"])
    async def test_a_receipt_that_names_its_part_makes_an_unknown_one_arrived(
        self, store: Store, read: RunLog, level: str
    ) -> None:
        await put(store, delivery_seed())
        await answered(store, unknown())
        assert await _proved(store, level=level) is True
        (part,) = logged_delivery(read)["parts"]
        assert (part["state"], part["messageId"]) == (level, "m-1")
        assert part["acceptedAt"] == "2026-07-01T07:00:01Z"
        assert (part["deliveredAt"], part["readAt"]) == (
            "2026-07-01T07:00:01Z" if level == "delivered" else None,
            "2026-07-01T07:00:01Z" if level == "read" else None,
        )

    async def test_the_delivery_and_the_run_of_a_part_that_is_proved_stand_where_it_stands(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, unknown())
        assert logged_delivery(read)["state"] == "unknown"
        await _proved(store, level="delivered")
        assert logged_delivery(read)["state"] == "delivered"
        assert logged_run(read)["deliveryStatus"] == "delivered"

    async def test_what_follows_an_unknown_part_goes_when_that_is_proved(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        await answered(store, unknown())
        assert await handed_out(store, LATER_MS) == []
        await _proved(store)
        assert part_states(read) == ["accepted", "pending"]
        assert await handed_out(store, LATER_MS) == ["d-1.2"]

    async def test_what_is_proved_twice_is_accepted_once(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, unknown())
        assert await _proved(store, level="delivered") is True
        assert await _proved(store, level="read", at_ms=LATER_MS + SECOND_MS) is True
        (part,) = logged_delivery(read)["parts"]
        assert (part["state"], part["acceptedAt"]) == ("read", "2026-07-01T07:00:01Z")
        assert [event["kind"] for event in read.events(0) if event["kind"] in ARRIVALS] == [
            "delivery.delivered",
            "delivery.read",
        ]

    @pytest.mark.parametrize(
        "waits", [not_sent(NOW_MS + HOUR_MS // 2), unavailable(LATER_MS)], ids=["retry", "no connection"]
    )
    async def test_what_is_proved_is_not_sent_again(self, store: Store, read: RunLog, waits: Verdict) -> None:
        await put(store, delivery_seed())
        await answered(store, not_sent(NOW_MS))
        await answered(store, waits)
        assert await _proved(store) is True
        assert part_states(read) == ["accepted"]
        assert await handed_out(store, NOW_MS + HOUR_MS - 1) == []

    @pytest.mark.parametrize(
        "verdict",
        [not_sent(LATER_MS), rejected(), unknown(), unavailable(LATER_MS)],
        ids=["not_sent", "rejected", "unknown", "unavailable"],
    )
    async def test_a_proof_that_comes_while_its_part_is_being_sent_counts_when_the_send_comes_to_nothing(
        self, store: Store, read: RunLog, verdict: Verdict
    ) -> None:
        await put(store, delivery_seed())
        part = await sending(store)
        assert await _proved(store, level="delivered") is False
        assert part_states(read) == ["sending"]
        assert await settle_one(store, settlement(part, verdict, LATER_MS)) is True
        (logged,) = logged_delivery(read)["parts"]
        assert (logged["state"], logged["messageId"]) == ("delivered", "m-1")
        assert await handed_out(store, NOW_MS + HOUR_MS - 1) == []

    async def test_a_proof_that_comes_while_its_part_is_being_sent_is_not_needed_when_that_is_accepted(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        part = await sending(store)
        await _proved(store, "m-1", level="delivered")
        await settle_one(store, settlement(part, accepted("m-1"), LATER_MS))
        (logged,) = logged_delivery(read)["parts"]
        assert (logged["state"], logged["messageId"]) == ("delivered", "m-1")

    async def test_a_proof_that_comes_while_its_part_is_being_sent_outlives_the_process(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        await sending(store)
        await _proved(store)
        (orphan,) = (await store.recover("boot-2")).parts
        await settle_one(store, settlement(orphan, unknown()))
        assert part_states(read) == ["accepted"]

    @pytest.mark.parametrize("account", [("page", "second"), ("other", "main")])
    @pytest.mark.parametrize("is_being_sent", [False, True], ids=["unknown", "being sent"])
    async def test_what_another_account_says_of_a_part_proves_nothing(
        self, store: Store, read: RunLog, account: tuple[str, str], *, is_being_sent: bool
    ) -> None:
        await put(store, delivery_seed())
        part = await sending(store)
        if is_being_sent:
            assert await store.later_receipt(*account, "m-1", "read", LATER_MS, "d-1.1") is False
        await settle_one(store, settlement(part, unknown()))
        assert await store.later_receipt(*account, "m-1", "read", LATER_MS, "d-1.1") is False
        assert part_states(read) == ["unknown"]

    async def test_a_proof_of_a_part_that_nobody_knows_is_kept_for_its_message(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        assert await _proved(store, part_id="d-9.1", level="read") is False
        await answered(store, accepted("m-1"))
        assert part_states(read) == ["read"]

    async def test_a_part_that_was_never_offered_is_not_proved(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        assert await _proved(store) is False
        assert part_states(read) == ["pending"]
        assert await handed_out(store) == ["d-1.1"]

    async def test_a_message_that_has_a_part_already_proves_no_other(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2"))
        await answered(store, accepted("m-1"))
        await answered(store, unknown())
        assert await _proved(store, part_id="d-2.1", level="read") is True
        assert (part_states(read, "d-1"), part_states(read, "d-2")) == (["read"], ["unknown"])

    async def test_a_part_that_was_accepted_keeps_the_message_it_has(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        await answered(store, accepted("m-1"))
        assert await _proved(store, "m-2", level="read") is False
        (logged,) = logged_delivery(read)["parts"]
        assert (logged["state"], logged["messageId"]) == ("accepted", "m-1")

    async def test_an_account_that_is_shut_by_the_failure_is_shut_though_the_part_is_proved(
        self, store: Store
    ) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2"))
        part = (await store.begin_sends(NOW_MS, 1, BOOT))[0]
        await _proved(store)
        await settle_one(store, settlement(part, unavailable(NOW_MS + 9 * SECOND_MS)))
        assert await handed_out(store, NOW_MS + 8 * SECOND_MS) == []


async def _proved(
    store: Store,
    message_id: str = "m-1",
    *,
    part_id: str = "d-1.1",
    level: str = "accepted",
    at_ms: int = LATER_MS,
) -> bool:
    return await store.later_receipt("page", "main", message_id, level, at_ms, part_id)
