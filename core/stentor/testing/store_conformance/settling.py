"""Settling: one verdict for one attempt, what it means for the rest of a delivery, and nothing bad in silence."""

from dataclasses import replace
from typing import cast

import pytest

from stentor.domain.faults import StoreError
from stentor.domain.outbox import Verdict
from stentor.domain.states import PartState
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
    part_states,
    put,
    sending,
    settle_one,
)


class SettlementRules:
    async def test_an_accepted_part_has_the_providers_id(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, replace(accepted("m-7"), degraded="no buttons"))
        delivery = logged_delivery(read)
        (part,) = delivery["parts"]
        assert (delivery["state"], part["state"], part["messageId"]) == ("accepted", "accepted", "m-7")
        assert (part["acceptedAt"], part["degraded"]) == ("2026-07-01T07:00:00Z", "no buttons")

    async def test_the_verdict_on_another_attempt_changes_nothing(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        first = await answered(store, not_sent(NOW_MS))
        second = await sending(store)
        for verdict in (rejected(), unknown()):
            assert await settle_one(store, settlement(first, verdict)) is False
        assert part_states(read) == ["sending"]
        assert await settle_one(store, settlement(second, accepted())) is True

    @pytest.mark.parametrize("late", [unknown(), rejected(), not_sent(NOW_MS), accepted("m-2")])
    async def test_a_settled_part_is_not_settled_again(
        self, store: Store, read: RunLog, late: Verdict
    ) -> None:
        await put(store, delivery_seed())
        part = await answered(store, accepted("m-1"))
        assert await settle_one(store, settlement(part, late)) is False
        assert logged_delivery(read)["parts"][0]["messageId"] == "m-1"

    async def test_the_verdict_on_a_part_nobody_knows_is_refused(self, store: Store) -> None:
        await put(store, delivery_seed())
        part = replace(await sending(store), part_id="d-none.1")
        assert await settle_one(store, settlement(part, accepted())) is False

    async def test_an_accepted_prefix_is_never_sent_again(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=("one", "two", "three")))
        await answered(store, accepted("m-1"))
        await answered(store, not_sent(NOW_MS))
        rest = [(await answered(store, accepted(f"m-{n}"))).part_id for n in (2, 3)]
        assert rest == ["d-1.2", "d-1.3"]
        assert logged_delivery(read)["state"] == "accepted"

    async def test_each_of_many_verdicts_is_settled_in_its_place(self, store: Store, read: RunLog) -> None:
        await put(
            store, *(delivery_seed(f"d-{n}", to=room(f"room{n}"), texts=("one", "two")) for n in range(4))
        )
        parts = await store.begin_sends(NOW_MS, 4, BOOT)
        verdicts = [accepted("m-0"), rejected(), unknown(), not_sent(NOW_MS)]
        settlements = [settlement(part, verdict) for part, verdict in zip(parts, verdicts, strict=True)]
        settlements.insert(1, replace(settlements[0], part_id="d-none.1"))
        assert list(await store.settle(settlements)) == [True, False, True, True, True]
        first = [part_states(read, f"d-{n}")[0] for n in range(4)]
        assert first == ["accepted", "rejected", "unknown", "retry_wait"]
        assert sorted(await handed_out(store)) == ["d-0.2", "d-3.1"]

    async def test_a_verdict_that_cannot_be_written_takes_no_other_with_it(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, *(delivery_seed(f"d-{n}", to=room(f"room{n}")) for n in range(3)))
        parts = await store.begin_sends(NOW_MS, 3, BOOT)
        unwritable = Verdict(
            PartState.ACCEPTED, message_id="m-1", detail=cast("dict[str, str]", {"x": object()})
        )
        verdicts = [accepted("m-0"), unwritable, accepted("m-2")]
        settled = await store.settle([settlement(*pair) for pair in zip(parts, verdicts, strict=True)])
        assert [type(result) for result in settled] == [bool, StoreError, bool]
        states = [part_states(read, f"d-{n}") for n in range(3)]
        assert states == [["accepted"], ["sending"], ["accepted"]]

    async def test_what_an_unknown_part_holds_is_held_when_many_are_settled_together(
        self, store: Store, read: RunLog
    ) -> None:
        await put(
            store, *(delivery_seed(f"d-{n}", to=room(f"room{n}"), texts=("one", "two")) for n in range(2))
        )
        parts = await store.begin_sends(NOW_MS, 2, BOOT)
        await store.settle([settlement(part, unknown()) for part in parts])
        assert await handed_out(store) == []
        late = [settlement(part, accepted(f"m-{part.part_id}")) for part in parts]
        assert list(await store.settle(late)) == [True, True]
        assert sorted(await handed_out(store)) == ["d-0.2", "d-1.2"]
        assert logged_delivery(read, "d-0")["state"] == "pending"


class RestOfDeliveryRules:
    async def test_an_unknown_part_holds_the_rest_of_its_own_delivery_only(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-1", texts=("one", "two")), delivery_seed("d-2"))
        await answered(store, unknown())
        assert await handed_out(store) == ["d-2.1"]
        delivery = logged_delivery(read)
        assert (delivery["state"], part_states(read)) == ("unknown", ["unknown", "pending"])
        assert delivery["parts"][1]["reason"] == "part 1 is unknown"

    async def test_a_late_receipt_settles_an_unknown_part_and_releases_the_rest(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        part = await answered(store, unknown())
        assert await settle_one(store, settlement(part, accepted(), NOW_MS + SECOND_MS)) is True
        assert part_states(read) == ["accepted", "pending"]
        assert await handed_out(store) == ["d-1.2"]

    async def test_a_late_receipt_saves_a_waiting_part_from_being_sent_twice(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed())
        part = await answered(store, not_sent(NOW_MS + SECOND_MS))
        assert await settle_one(store, settlement(part, accepted())) is True
        assert await handed_out(store, NOW_MS + SECOND_MS) == []
        assert part_states(read) == ["accepted"]

    async def test_a_late_receipt_does_not_disturb_the_lane(self, store: Store) -> None:
        await put(store, delivery_seed("d-1", texts=("one", "two")), delivery_seed("d-2"))
        late = await answered(store, unknown())
        other = await sending(store)
        await settle_one(store, settlement(late, accepted()))
        assert await handed_out(store) == []
        await settle_one(store, settlement(other, accepted("m-2")))
        assert await handed_out(store) == ["d-1.2"]

    @pytest.mark.parametrize("late", [unknown(), rejected(), not_sent(NOW_MS)])
    async def test_nothing_but_a_receipt_settles_an_unknown_part(
        self, store: Store, read: RunLog, late: Verdict
    ) -> None:
        await put(store, delivery_seed())
        part = await answered(store, unknown())
        assert await settle_one(store, settlement(part, late)) is False
        assert part_states(read) == ["unknown"]

    async def test_a_rejected_text_cancels_the_rest(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=("one", "two"), files=("a.png",)))
        await answered(store, rejected())
        assert part_states(read) == ["rejected", "cancelled", "cancelled"]
        delivery = logged_delivery(read)
        assert delivery["state"] == "failed"
        assert delivery["parts"][1]["reason"] == "part 1 was rejected"
        assert await handed_out(store) == []

    async def test_a_rejected_attachment_loses_only_itself(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(files=("a.png", "b.png")))
        await answered(store, accepted("m-1"))
        await answered(store, rejected())
        await answered(store, accepted("m-3"))
        assert part_states(read) == ["accepted", "rejected", "accepted"]
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["reason"]) == ("partial", "2/3")

    async def test_the_rest_of_a_lane_goes_on_after_a_rejection(self, store: Store) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2"))
        await answered(store, rejected())
        assert await handed_out(store) == ["d-2.1"]


class ExpiryRules:
    async def test_a_part_that_is_too_late_expires_instead_of_being_sent(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two"), expires_ms=NOW_MS))
        assert await handed_out(store) == []
        assert part_states(read) == ["expired", "expired"]
        assert logged_delivery(read)["state"] == "failed"

    async def test_a_part_goes_until_the_last_millisecond(self, store: Store) -> None:
        await put(store, delivery_seed(expires_ms=NOW_MS + 1))
        assert await handed_out(store) == ["d-1.1"]

    async def test_the_next_delivery_of_the_lane_goes_on_after_an_expired_one(self, store: Store) -> None:
        await put(store, delivery_seed("d-1", expires_ms=NOW_MS), delivery_seed("d-2"))
        went = [*await handed_out(store), *await handed_out(store)]
        assert went == ["d-2.1"]

    async def test_the_sweep_gives_up_what_waits_on_a_shut_account(self, store: Store, read: RunLog) -> None:
        await store.enqueue(delivery_seed())
        assert await store.expire(NOW_MS + HOUR_MS - 1) == 0
        assert part_states(read) == ["pending"]
        assert await store.expire(NOW_MS + HOUR_MS) == 1
        assert part_states(read) == ["expired"]
        assert await store.expire(NOW_MS + HOUR_MS) == 0

    async def test_the_sweep_reaches_every_late_delivery(self, store: Store) -> None:
        await put(store, *(delivery_seed(f"d-{n}") for n in range(450)))
        swept = 0
        while count := await store.expire(NOW_MS + HOUR_MS):
            swept += count
        assert swept == 450
        assert await handed_out(store, NOW_MS + HOUR_MS) == []

    async def test_a_part_being_sent_does_not_expire(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        part = await sending(store)
        await store.expire(NOW_MS + HOUR_MS)
        assert part_states(read) == ["sending", "expired"]
        assert await settle_one(store, settlement(part, accepted(), NOW_MS + HOUR_MS)) is True
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["reason"]) == ("partial", "1/2")

    async def test_what_an_unknown_part_held_expires_and_the_unknown_part_stays_unknown(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        await answered(store, unknown())
        await store.expire(NOW_MS + HOUR_MS)
        assert part_states(read) == ["unknown", "expired"]
        assert logged_delivery(read)["state"] == "unknown"


class AlertRules:
    @pytest.mark.parametrize(
        ("verdict", "cause"),
        [(unknown(), "unknown"), (rejected(), "failed")],
        ids=["unknown", "rejected"],
    )
    async def test_a_part_that_did_not_arrive_has_an_alert_naming_run_and_delivery(
        self, store: Store, read: RunLog, verdict: Verdict, cause: str
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, verdict)
        (alert,) = read.alerts(10)
        assert (alert["cause"], alert["jobId"], alert["runId"]) == (cause, "brief", "r-1")
        assert alert["deliveryId"] == "d-1"
        assert verdict.error in alert["message"]

    async def test_a_part_that_expired_has_an_alert(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await store.expire(NOW_MS + HOUR_MS)
        assert alerts_about(read, delivery="d-1") == ["failed"]

    async def test_a_part_refused_at_the_moment_of_sending_has_an_alert(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(expires_ms=NOW_MS))
        await handed_out(store)
        assert alerts_about(read, delivery="d-1") == ["failed"]

    async def test_a_rejected_attachment_has_its_alert_before_the_rest_is_through(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed(files=("a.png", "b.png")))
        await answered(store, accepted())
        await answered(store, rejected())
        (alert,) = read.alerts(10)
        assert alert["deliveryId"] == "d-1"
        assert rejected().error in alert["message"]

    async def test_every_alert_says_something(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(files=("a.png", "b.png")))
        for verdict in (accepted("m-1"), rejected(), accepted("m-3")):
            await answered(store, verdict)
        assert [alert for alert in read.alerts(10) if not alert["message"].strip()] == []

    async def test_trying_again_is_no_reason_for_an_alert(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed())
        await answered(store, not_sent(NOW_MS))
        await answered(store, accepted())
        assert read.alerts(10) == []

    async def test_the_same_news_is_not_told_twice(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(texts=("one", "two")))
        await answered(store, unknown())
        await store.expire(NOW_MS + HOUR_MS)
        assert alerts_about(read, delivery="d-1") == ["unknown"]
