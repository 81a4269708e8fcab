"""Incidents: what happened is counted once, and told once, whoever asks and however often."""

from dataclasses import replace

import pytest

from stentor.domain.alerts import Incident, Mark, News
from stentor.domain.happenings import HEARTBEAT
from stentor.domain.json_types import JsonObject
from stentor.domain.outbox import NewAddress, Verdict
from stentor.domain.records import AccountRow, DeliverySeed, IncidentStep
from stentor.domain.rulings import Hand
from stentor.domain.states import PartState, Purpose, RunStatus
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
    rejected,
    room,
    run_end,
    run_seed,
    settlement,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    finish_one,
    running_run,
    settle_one,
)

SECOND = AccountRow("page", "second", "open")
FAILING = Mark("failing", "brief", NOW_MS, "boom", "brief")
LATER_MS = NOW_MS + HOUR_MS


async def filed(store: Store, *marks: Mark) -> Incident:
    """The first open incident after these were counted."""
    await store.file_news(marks, await store.incident_news(NOW_MS, 1000), NOW_MS)
    return (await store.incidents(0, 10, NOW_MS))[0]


def alert(delivery_id: str = "a-1", room_name: str = "ops", *, account: str = "main") -> DeliverySeed:
    seed = delivery_seed(delivery_id, to=room(room_name, account=account), expires_ms=NOW_MS + 9 * HOUR_MS)
    return replace(seed, purpose=Purpose.FAILURE, created_ms=LATER_MS, required=False, job_id="brief")


def telling(incident: Incident, *choices: DeliverySeed) -> IncidentStep:
    return IncidentStep(incident.id, incident.told_ms, LATER_MS, choices)


async def over(store: Store) -> None:
    """An incident that is closed, with a notice of that under way."""
    await store.set_accounts([PAGER], NOW_MS)
    incident = await filed(store, FAILING)
    assert await store.take_step(replace(telling(incident, alert()), closes=True))


async def watched(store: Store) -> list[Incident]:
    return [found for found in await store.incidents(0, 10, LATER_MS) if found.cause == "failing"]


async def moves(store: Store, old: str, new: str) -> None:
    """The provider says that a room has another address, and refuses what comes to that."""
    await store.enqueue(delivery_seed(f"d-{old}", to=room(old), expires_ms=NOW_MS + HOUR_MS))
    (part,) = await store.begin_sends(NOW_MS, 10, BOOT)
    address = NewAddress(room(new), for_all=True)
    verdict = Verdict(PartState.PENDING, "moved", readdress=address)
    await settle_one(store, settlement(part, verdict))
    (again,) = await store.begin_sends(NOW_MS, 10, BOOT)
    await settle_one(store, settlement(again, rejected()))


async def suspends(store: Store, name: str) -> None:
    await store.enqueue(delivery_seed(f"d-{name}", to=room(name), expires_ms=NOW_MS + HOUR_MS))
    (part,) = await store.begin_sends(NOW_MS, 10, BOOT)
    await settle_one(store, settlement(part, replace(rejected(), suspends="blocked")))


def alerts_of(read: RunLog) -> list[JsonObject]:
    return [delivery for delivery in read.deliveries() if delivery["purpose"] == "failure"]


class NewsRules:
    async def test_what_was_filed_is_no_news_any_more(self, store: Store) -> None:
        await store.note("alert", {"cause": "stalled", "message": "31 s"}, NOW_MS)
        news = await store.incident_news(NOW_MS, 1000)
        assert [(found.cause, found.message) for found in news.happenings] == [("stalled", "31 s")]
        assert await store.file_news((), news, NOW_MS)
        assert (await store.incident_news(NOW_MS, 1000)).happenings == ()

    async def test_the_same_news_count_once(self, store: Store) -> None:
        await store.note("alert", {"cause": "stalled", "message": "31 s"}, NOW_MS)
        news = await store.incident_news(NOW_MS, 1000)
        assert await store.file_news([FAILING], news, NOW_MS)
        assert not await store.file_news([FAILING], news, NOW_MS)
        assert [incident.count for incident in await store.incidents(0, 10, NOW_MS)] == [1]

    async def test_news_come_in_portions(self, store: Store) -> None:
        for number in range(5):
            await store.note("alert", {"cause": f"c{number}", "message": ""}, NOW_MS)
        found: list[str] = []
        while (news := await store.incident_news(NOW_MS, 2)).until > news.after:
            found += [happening.cause for happening in news.happenings]
            await store.file_news((), news, NOW_MS)
        assert found == ["c0", "c1", "c2", "c3", "c4"]

    async def test_a_store_does_not_tell_what_is_older_than_a_day(self, store: Store) -> None:
        await store.note("alert", {"cause": "old", "message": ""}, NOW_MS - 25 * HOUR_MS)
        await store.note("alert", {"cause": "new", "message": ""}, NOW_MS)
        news = await store.incident_news(NOW_MS, 1000)
        assert [found.cause for found in news.happenings] == ["new"]

    async def test_the_end_of_a_run_and_of_a_delivery_say_what_they_are_about(self, store: Store) -> None:
        await running_run(store)
        await finish_one(store, run_end(status=RunStatus.ERROR, error="boom"))
        await store.set_accounts([PAGER], NOW_MS)
        await store.enqueue(delivery_seed())
        (part,) = await store.begin_sends(NOW_MS, 10, BOOT)
        await settle_one(store, settlement(part, rejected()))
        error, failed = (await store.incident_news(NOW_MS, 1000)).happenings
        assert (error.cause, error.message, error.job_id) == ("error", "boom", "brief")
        assert (failed.cause, failed.channel, failed.account) == ("failed", "page", "main")
        assert (failed.target, failed.shut, failed.of_alert) == ("page:room1", False, False)


class IncidentRules:
    async def test_one_root_has_one_open_incident(self, store: Store) -> None:
        again = replace(FAILING, at_ms=LATER_MS, message="bang")
        incident = await filed(store, FAILING, again, replace(FAILING, root="digest", job_id="digest"))
        assert (incident.root, incident.count, incident.message) == ("brief", 2, "bang")
        assert (incident.opened_ms, incident.last_ms, incident.told_ms) == (NOW_MS, LATER_MS, None)
        assert len(await store.incidents(0, 10, NOW_MS)) == 2
        assert [found.root for found in await store.incidents(incident.id, 10, NOW_MS)] == ["digest"]

    async def test_a_telling_is_a_delivery_and_happens_once(self, store: Store, read: RunLog) -> None:
        await store.set_accounts([PAGER], NOW_MS)
        incident = await filed(store, FAILING)
        assert await store.take_step(telling(incident, alert()))
        assert not await store.take_step(telling(incident, alert("a-2", "other")))
        assert [delivery["target"] for delivery in alerts_of(read)] == ["page:ops"]
        (shown,) = read.incidents(10)
        assert (shown["told"], [told["target"] for told in shown["toldTo"]]) == (1, ["page:ops"])

    async def test_the_first_way_that_is_open_is_taken(self, store: Store, read: RunLog) -> None:
        await store.set_accounts([PAGER, replace(SECOND, state="down", reason="credentials")], NOW_MS)
        incident = await filed(store, FAILING)
        choices = (alert("a-1", account="second"), alert("a-2", "backup"), alert("a-3", "third"))
        assert await store.take_step(telling(incident, *choices))
        assert [delivery["target"] for delivery in alerts_of(read)] == ["page:backup"]

    async def test_without_any_way_it_is_told_in_the_store_alone(self, store: Store, read: RunLog) -> None:
        incident = await filed(store, FAILING)
        assert not await store.take_step(telling(incident, alert()))
        (shown,) = read.incidents(10)
        assert (shown["told"], shown["toldTo"], alerts_of(read)) == (1, [], [])

    @pytest.mark.parametrize("answer", ["rejected", "unknown", "credentials"])
    async def test_an_alert_that_does_not_get_through_is_told_elsewhere(
        self, store: Store, read: RunLog, answer: str
    ) -> None:
        verdict = {"rejected": rejected, "unknown": unknown, "credentials": credentials_rejected}[answer]()
        await store.set_accounts([PAGER, SECOND], NOW_MS)
        incident = await filed(store, FAILING)
        await store.take_step(telling(incident, alert()))
        (part,) = await store.begin_sends(LATER_MS, 10, BOOT)
        await settle_one(store, replace(settlement(part, verdict), at_ms=LATER_MS))
        (stuck,) = [found for found in await store.incidents(0, 10, LATER_MS) if found.cause == "failing"]
        assert stuck.stranded
        choices = (alert("a-2"), alert("a-3", account="second"))
        step = IncidentStep(incident.id, LATER_MS, LATER_MS + 1, choices, instead=True)
        assert await store.take_step(step)
        assert {delivery["id"] for delivery in alerts_of(read)} == {"a-1", "a-3"}
        (told,) = [found for found in await store.incidents(0, 10, LATER_MS) if found.cause == "failing"]
        assert (told.told, told.stranded) == (1, False)

    async def test_an_alert_is_known_by_its_delivery_whenever_that_was_made(
        self, store: Store, read: RunLog
    ) -> None:
        await store.set_accounts([PAGER], NOW_MS)
        incident = await filed(store, FAILING)
        later = replace(alert(), created_ms=LATER_MS + 3)
        assert await store.take_step(telling(incident, later))
        (shown,) = read.incidents(10)
        assert [told["deliveryId"] for told in shown["toldTo"]] == ["a-1"]
        (part,) = await store.begin_sends(LATER_MS + 3, 10, BOOT)
        await settle_one(store, replace(settlement(part, rejected()), at_ms=LATER_MS + 4))
        (told,) = [found for found in await store.incidents(0, 10, LATER_MS) if found.cause == "failing"]
        assert told.stranded

    async def test_that_people_were_told_stays_known_when_the_alert_is_not_kept(
        self, store: Store, read: RunLog
    ) -> None:
        await store.set_accounts([PAGER], NOW_MS)
        incident = await filed(store, FAILING)
        await store.take_step(telling(incident, alert()))
        (part,) = await store.begin_sends(LATER_MS, 10, BOOT)
        await settle_one(store, settlement(part, accepted(), LATER_MS))
        assert await store.drop(["a-1"], Hand("cli:ann", LATER_MS)) == ["a-1"]
        (shown,) = read.incidents(10)
        assert [(told["deliveryId"], told["state"]) for told in shown["toldTo"]] == [("a-1", "forgotten")]

    async def test_an_address_is_usable_where_it_leads_to(self, store: Store, read: RunLog) -> None:
        await store.set_accounts([PAGER], NOW_MS)
        for old, new in (("ops", "second"), ("second", "third")):
            await moves(store, old, new)
        await suspends(store, "third")
        incident = await filed(store, FAILING)
        assert await store.take_step(telling(incident, alert("a-1"), alert("a-2", "backup")))
        assert [delivery["target"] for delivery in alerts_of(read)] == ["page:backup"]

    @pytest.mark.parametrize(
        ("tried", "next_way"),
        [pytest.param("second", "ops", id="the new one"), pytest.param("ops", "second", id="the old one")],
    )
    async def test_two_addresses_of_one_place_are_tried_once(
        self, store: Store, read: RunLog, tried: str, next_way: str
    ) -> None:
        await store.set_accounts([PAGER], NOW_MS)
        incident = await filed(store, FAILING)
        assert await store.take_step(telling(incident, alert("a-1", tried)))
        (part,) = await store.begin_sends(LATER_MS, 10, BOOT)
        await settle_one(store, replace(settlement(part, rejected()), at_ms=LATER_MS))
        await moves(store, "ops", "second")
        choices = (alert("a-2", next_way), alert("a-3", "backup"))
        step = IncidentStep(incident.id, LATER_MS, LATER_MS + 1, choices, instead=True)
        assert await store.take_step(step)
        assert {delivery["id"] for delivery in alerts_of(read)} == {"a-1", "a-3"}

    async def test_jobs_of_one_incident_are_named_once_each(self, store: Store) -> None:
        marks = [Mark("missed", "main@page:ops", NOW_MS, "1 missed", name) for name in ("b", "a", "b")]
        incident = await filed(store, *marks, replace(marks[0], root="main@page:x", job_id="c"))
        facts = await store.incident_facts(incident.id)
        assert (facts.names, facts.jobs) == (("a", "b"), 2)

    async def test_a_closed_incident_is_over_and_the_next_one_is_another(self, store: Store) -> None:
        incident = await filed(store, FAILING)
        await store.take_step(IncidentStep(incident.id, None, LATER_MS, closes=True))
        assert list(await store.incidents(0, 10, NOW_MS)) == []
        assert not await store.take_step(telling(incident, alert()))
        await store.note("alert", {"cause": "error", "message": "boom"}, NOW_MS)
        assert (await filed(store, FAILING)).id > incident.id

    async def test_a_run_has_one_alert_for_each_target(self, store: Store, read: RunLog) -> None:
        await store.set_accounts([PAGER], NOW_MS)
        incident = await filed(store, FAILING)
        await store.take_step(telling(incident, replace(alert(), run_id="r-1")))
        again = IncidentStep(incident.id, LATER_MS, LATER_MS + 1, (replace(alert("a-2"), run_id="r-1"),))
        assert await store.take_step(again)
        runs = {delivery["id"]: delivery["runId"] for delivery in alerts_of(read)}
        assert runs == {"a-1": "r-1", "a-2": None}


class NoticeRules:
    async def test_a_notice_that_it_is_over_is_watched_until_it_is_there(
        self, store: Store, read: RunLog
    ) -> None:
        await over(store)
        (incident,) = await watched(store)
        assert (incident.closed, incident.over, incident.stranded) == (True, False, False)
        assert read.incidents(10) == []
        (part,) = await store.begin_sends(LATER_MS, 10, BOOT)
        await settle_one(store, replace(settlement(part, accepted()), at_ms=LATER_MS))
        (incident,) = await watched(store)
        assert (incident.closed, incident.over) == (True, True)
        await store.take_step(IncidentStep(incident.id, incident.told_ms, LATER_MS, closes=True))
        assert await watched(store) == []

    async def test_a_notice_that_was_refused_goes_the_next_way(self, store: Store, read: RunLog) -> None:
        await over(store)
        (part,) = await store.begin_sends(LATER_MS, 10, BOOT)
        await settle_one(store, replace(settlement(part, rejected()), at_ms=LATER_MS))
        (incident,) = await watched(store)
        assert (incident.over, incident.stranded) == (False, True)
        choices = (alert("a-2"), alert("a-3", "backup"))
        step = IncidentStep(incident.id, incident.told_ms, LATER_MS + 1, choices, instead=True)
        assert await store.take_step(step)
        assert {delivery["id"] for delivery in alerts_of(read)} == {"a-1", "a-3"}
        assert not await store.take_step(step)

    async def test_a_notice_is_of_no_use_once_it_has_begun_anew(self, store: Store) -> None:
        await over(store)
        await filed(store, FAILING)
        old, new = await watched(store)
        assert (old.closed, old.over) == (True, True)
        assert (new.closed, new.over) == (False, False)

    async def test_what_was_closed_in_silence_is_not_watched(self, store: Store) -> None:
        await store.set_accounts([PAGER], NOW_MS)
        incident = await filed(store, FAILING)
        await store.take_step(telling(incident, alert()))
        await store.take_step(IncidentStep(incident.id, LATER_MS, LATER_MS + 1, closes=True))
        assert await watched(store) == []


class StandingRules:
    async def test_a_job_that_failed_is_good_again_with_its_next_good_run(self, store: Store) -> None:
        await running_run(store)
        await finish_one(store, run_end(status=RunStatus.ERROR, error="boom"))
        incident = await filed(store, FAILING)
        assert (incident.over, incident.streak, incident.gone) == (False, 1, False)
        again = await store.queue_run(run_seed("r-2", scheduled_ms=None))
        await store.start_run(again.id, BOOT, NOW_MS + SECOND_MS, None)
        await finish_one(store, run_end("r-2", ended_ms=NOW_MS + 2 * SECOND_MS))
        (incident,) = await store.incidents(0, 10, NOW_MS)
        assert incident.over

    async def test_an_account_is_good_again_when_it_is_open(self, store: Store) -> None:
        down = replace(PAGER, state="down", reason="credentials")
        await store.set_accounts([down], NOW_MS)
        mark = Mark("account_down", "page:main", NOW_MS, "credentials", None)
        incident = await filed(store, mark)
        assert (incident.over, incident.stands) == (False, True)
        await store.set_accounts([PAGER], NOW_MS)
        (incident,) = await store.incidents(0, 10, NOW_MS)
        assert (incident.over, incident.stands) == (True, False)

    async def test_turns_that_no_stored_job_asks_for_say_themselves_how_they_go(self, store: Store) -> None:
        incident = await filed(store, Mark("failing", HEARTBEAT, NOW_MS, "boom", HEARTBEAT))
        assert incident.gone
        seen: list[tuple[int, bool, bool]] = []
        turns = (
            (RunStatus.ERROR, NOW_MS),
            (RunStatus.TIMEOUT, NOW_MS + 1),
            (RunStatus.CANCELLED, None),
            (RunStatus.SKIPPED, NOW_MS + 2),
            (RunStatus.ERROR, None),
            (RunStatus.OK, None),
        )
        for n, (status, scheduled_ms) in enumerate(turns):
            run = await store.queue_run(run_seed(f"r-{n}", job_id=HEARTBEAT, scheduled_ms=scheduled_ms))
            await store.start_run(run.id, BOOT, NOW_MS, None)
            (under_way,) = await store.incidents(0, 10, NOW_MS)
            assert not under_way.final
            await finish_one(store, run_end(run.id, status, ended_ms=NOW_MS + n))
            (incident,) = await store.incidents(0, 10, NOW_MS)
            assert not incident.gone
            seen.append((incident.streak, incident.final, incident.over))
        a_heartbeat_comes_again = [(1, False, False), (2, False, False), (2, False, False), (2, False, False)]
        assert seen == [*a_heartbeat_comes_again, (3, True, False), (0, True, True)]

    async def test_the_facts_name_the_run_and_its_job(self, store: Store) -> None:
        await running_run(store)
        await finish_one(store, run_end(status=RunStatus.ERROR, error="boom"))
        incident = await filed(store, replace(FAILING, at_ms=NOW_MS + SECOND_MS))
        facts = await store.incident_facts(incident.id)
        assert (facts.job_name, facts.run and facts.run.id, facts.run and facts.run.error) == (
            "Brief",
            "r-1",
            "boom",
        )

    async def test_nothing_is_known_of_no_incident(self, store: Store) -> None:
        facts = await store.incident_facts(17)
        assert (facts.job_name, facts.run, facts.jobs) == (None, None, 0)
        assert not await store.take_step(IncidentStep(17, None, NOW_MS, closes=True))
        assert await store.file_news((), News(0, 0, 0), NOW_MS)
