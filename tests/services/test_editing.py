"""Edits: what they change, what they leave alone, and that no instant and no author is lost by one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.app.operations import Operations
from stentor.contract.errors import InvalidTarget
from stentor.contract.targets import Target, TargetHints
from stentor.domain.faults import StaleRevision
from stentor.domain.refusals import Refused
from stentor.testing.invariants import InvariantBroken, Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation, Story, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.stories import JsonObject, TalkingRunner, adding, alerts, job, runs, stored_job

MINUTELY = {"kind": "cron", "expr": "* * * * *", "tz": "UTC"}
HOURLY = {"kind": "cron", "expr": "0 * * * *", "tz": "UTC"}
LATER = "2026-07-01T08:00:00Z"


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(fast_home: Path, provider: Provider) -> Iterator[Simulation]:
    simulation = Simulation(fast_home, [scripted_channel("page", provider)])
    yield simulation
    check(fast_home, Witness({"page": provider}))


def occurrences(home: Path) -> list[tuple[int, str, str]]:
    """Seconds after the start, outcome and reason of every accounted instant."""
    connection = read_only(str(home / "stentor.db"))
    rows = fetch(connection, "SELECT instant, outcome, reason FROM occurrences ORDER BY instant")
    connection.close()
    return [((instant - START_MS) // 1000, outcome, reason) for instant, outcome, reason in rows]


def edits(home: Path, name: str | None = None) -> list[JsonObject]:
    """The history, oldest first."""
    with Reader.open(home / "stentor.db") as reader:
        return list(reversed(reader.edits(name, limit=200)[0]))


def editing(patch: JsonObject, *, after: float = 0, name: str = "brief") -> Story:
    async def story(operations: Operations) -> None:
        await operations.app.ground.seams.clock.sleep(after)
        await operations.edit_job(name, patch)

    return story


@contextmanager
def refusing(said: str) -> Iterator[None]:
    with pytest.raises(Refused) as refusal:
        yield
    assert said in refusal.value.message


# the account


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        pytest.param({"schedule": HOURLY}, "rescheduled", id="another schedule"),
        pytest.param({"enabled": False}, "disabled", id="switched off"),
        pytest.param({"schedule": HOURLY, "enabled": False}, "disabled", id="both"),
    ],
)
def test_what_was_due_when_a_schedule_ends_has_a_row_that_says_why(
    world, fast_home, patch: JsonObject, reason: str
) -> None:
    world.live(adding(job(schedule=MINUTELY)), seconds=61)
    world.now_ms += 180_000

    world.live(editing(patch), seconds=1)

    missed = [(at, why) for at, outcome, why in occurrences(fast_home) if outcome == "missed"]
    assert missed == [(120, reason), (180, reason), (240, reason)]
    assert alerts(fast_home) == ["missed"]


def test_a_job_that_is_removed_leaves_its_account_in_order(world, fast_home) -> None:
    world.live(adding(job(schedule=MINUTELY)), seconds=61)
    world.now_ms += 120_000

    async def story(operations: Operations) -> None:
        await operations.remove_job("brief")

    world.live(story, seconds=1)

    assert occurrences(fast_home)[1:] == [(120, "missed", "removed"), (180, "missed", "removed")]


def test_more_than_a_thousand_lost_instants_are_one_row_that_counts_them(world, fast_home) -> None:
    secondly = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    world.live(adding(job(schedule=secondly)), seconds=0.1)
    world.now_ms += 3_600_000

    world.live(editing({"schedule": HOURLY}), seconds=1)

    connection = read_only(str(fast_home / "stentor.db"))
    rows = fetch(connection, "SELECT reason, count FROM occurrences WHERE last_instant IS NOT NULL")
    connection.close()
    assert [(reason, count >= 3600) for reason, count in rows] == [("rescheduled", True)]


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"name": "New"}, id="another name"),
        pytest.param({"payload": {"text": "new"}}, id="another text"),
        pytest.param({"delivery": {"bestEffort": True}}, id="best effort"),
        pytest.param({"schedule": {"expr": "*  * * * *"}}, id="the same schedule in other words"),
        pytest.param({"enabled": True}, id="switched on again"),
    ],
)
def test_an_edit_that_leaves_the_schedule_alone_forgets_nothing_that_was_due(
    world, fast_home, patch: JsonObject
) -> None:
    world.live(adding(job(schedule=MINUTELY, missed={"graceSeconds": 7200})), seconds=61)
    world.now_ms += 240_000

    world.live(editing(patch), seconds=2)

    assert [(at, outcome) for at, outcome, _ in occurrences(fast_home)] == [
        (60, "run"),
        (120, "missed"),
        (180, "missed"),
        (240, "missed"),
        (300, "run"),
    ]


def test_the_time_a_job_was_off_is_nobodys_loss(world, fast_home) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=MINUTELY, enabled=False))
        await operations.app.ground.seams.clock.sleep(300)
        await operations.edit_job("brief", {"schedule": {"expr": "*/2 * * * *"}})
        await operations.app.ground.seams.clock.sleep(300)
        await operations.edit_job("brief", {"enabled": True})

    world.live(story, seconds=121)

    assert occurrences(fast_home) == [(720, "run", "")]


def test_an_edit_that_changes_nothing_writes_nothing(world, fast_home) -> None:
    answers: list[JsonObject] = []

    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=HOURLY))
        same = {"delivery": {"to": " page:room1 "}}
        patches = ({}, {"enabled": True}, stored_job(fast_home), same)
        answers.extend([await operations.edit_job("brief", patch) for patch in patches])

    world.live(story, seconds=1)

    assert [answer["changed"] for answer in answers] == [{"before": {}, "after": {}}] * 4
    assert [answer["revision"] for answer in answers] == [1] * 4
    assert [edit["action"] for edit in edits(fast_home)] == ["added"]


# one-shots


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param({"at": "2026-07-01T07:01:00Z"}, id="at another time"),
        pytest.param(MINUTELY, id="again and again"),
    ],
)
def test_a_one_shot_that_is_over_is_armed_again_by_a_new_time(
    world, fast_home, provider, schedule: JsonObject
) -> None:
    world.live(adding(job()), seconds=5)
    assert stored_job(fast_home)["status"] == "done"

    async def story(operations: Operations) -> None:
        armed = await operations.edit_job("brief", {"schedule": schedule})
        assert (armed["enabled"], armed["status"], armed["state"]["nextRunAtMs"]) == (
            True,
            "ok",
            START_MS + 60_000,
        )

    world.live(story, seconds=60)

    assert len(provider.accepted) == 2
    assert occurrences(fast_home) == [(2, "run", ""), (60, "run", "")]


def test_another_name_does_not_arm_a_one_shot_that_is_over(world, fast_home, provider) -> None:
    world.live(adding(job()), seconds=5)

    world.live(editing({"name": "Old", "delivery": {"to": "page:room2"}}), seconds=60)

    job_ = stored_job(fast_home)
    assert (job_["name"], job_["status"], job_["enabled"]) == ("Old", "done", False)
    assert len(provider.accepted) == 1


def test_a_one_shot_that_is_over_cannot_just_be_switched_on(world, fast_home) -> None:
    world.live(adding(job()), seconds=5)

    async def story(operations: Operations) -> None:
        with refusing("time has passed"):
            await operations.edit_job("brief", {"enabled": True})

    world.live(story, seconds=1)
    assert stored_job(fast_home)["revision"] == 1


def test_an_instant_that_has_its_row_is_no_new_time(world) -> None:
    world.live(adding(job(schedule=MINUTELY)), seconds=65)

    async def story(operations: Operations) -> None:
        with refusing("time has passed"):
            await operations.edit_job("brief", {"schedule": {"kind": "at", "at": "2026-07-01T07:01:00Z"}})

    world.live(story, seconds=1)


@pytest.mark.parametrize("schedule", [{"kind": "at", "at": LATER}, HOURLY], ids=["at", "cron"])
def test_a_schedule_edited_while_a_run_is_under_way_is_kept(world, fast_home, schedule: JsonObject) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def turn(_request: Any) -> str:
        begun.set()
        await go_on.wait()
        return "done"

    async def story(operations: Operations) -> None:
        await operations.add_job(job(payload={"kind": "agentTurn", "message": "hi"}))
        await begun.wait()
        await operations.edit_job("brief", {"schedule": schedule})
        go_on.set()

    world.runners = (TalkingRunner(turn),)
    world.live(story, seconds=10)

    (run,) = runs(fast_home)
    assert run["status"] == "ok"
    edited = stored_job(fast_home)
    assert (edited["enabled"], edited["status"]) == (True, "ok")
    assert edited["state"]["nextRunAtMs"] == START_MS + 3_600_000


# what is touched


def test_another_kind_of_payload_replaces_the_old_one(world, fast_home, provider) -> None:
    turn = {"kind": "agentTurn", "message": "hi", "thinking": "high"}
    world.live(adding(job(schedule=MINUTELY, payload=turn)), seconds=1)

    world.live(editing({"payload": {"kind": "text", "text": "fixed"}}), seconds=60)

    assert stored_job(fast_home)["payload"] == {"kind": "text", "text": "fixed"}
    assert [part.text for part in provider.accepted] == ["fixed"]


def test_a_missing_plugin_stands_in_the_way_of_a_new_target_only(world, fast_home) -> None:
    world.live(adding(job(schedule=HOURLY)), seconds=1)
    world.channels = [scripted_channel("other", Provider())]

    async def story(operations: Operations) -> None:
        await operations.edit_job("brief", {"name": "New", "schedule": MINUTELY, "payload": {"text": "x"}})
        with refusing("no loaded plugin owns"):
            await operations.edit_job("brief", {"delivery": {"to": "page:room2"}})

    world.live(story, seconds=1)
    assert (stored_job(fast_home)["name"], stored_job(fast_home)["status"]) == ("New", "blocked")

    world.live(editing({"delivery": {"to": "other:room1"}}), seconds=1)
    assert stored_job(fast_home)["blocked"] is None
    assert stored_job(fast_home)["preview"]["targets"] == ["other:room1"]


def test_an_agent_that_is_gone_stands_in_the_way_of_nothing_but_another_agent(world, fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[agents.main]\n[agents.ops]\n")
    world.live(adding(job(schedule=HOURLY, agentId="ops")), seconds=1)
    (fast_home / "stentor.toml").write_text("[agents.main]\n")

    async def story(operations: Operations) -> None:
        await operations.edit_job("brief", {"name": "New"})
        with refusing("no agent 'opps'"):
            await operations.edit_job("brief", {"agentId": "opps"})

    world.live(story, seconds=1)
    assert stored_job(fast_home)["name"] == "New"


def test_edits_of_a_disabled_job_are_checked_too(world, fast_home) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=HOURLY, enabled=False))
        for patch, said in (
            ({"delivery": {"to": "pager:1"}}, "no loaded plugin"),
            ({"schedule": {"expr": "0 0 30 2 *"}}, "never fires"),
            ({"schedule": {"kind": "at", "at": "2020-01-01"}}, "in the past"),
            ({"shedule": {}}, "did you mean 'schedule'"),
            ({"sessionTarget": "main"}, "systemEvent payloads only"),
            ({"retry": {"maxAttempts": 99}}, "at most 10"),
        ):
            with refusing(said):
                await operations.edit_job("brief", patch)

    world.live(story, seconds=1)
    assert stored_job(fast_home)["revision"] == 1


class ThreadedChannel(ScriptedChannel):
    """Rooms with topics, written `room:topic:7`."""

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        room, _, topic = self.body(text).partition(":topic:")
        topic = topic or hints.thread or ""
        if hints.thread is not None and hints.thread != topic:
            raise InvalidTarget(f"{text!r} and the thread {hints.thread!r} contradict each other")
        return Target(self.name, "room", room, f"{room}:topic:{topic}" if topic else room, topic or None)


def threaded(provider: Provider) -> ThreadedChannel:
    channel = scripted_channel("page", provider)
    kind = type(
        "Threaded",
        (ThreadedChannel,),
        {key: getattr(channel, key) for key in ("name", "prefixes", "examples")},
    )
    topics: ThreadedChannel = kind()
    topics.provider = provider
    return topics


@pytest.mark.parametrize(
    ("delivery", "targets"),
    [
        pytest.param(
            {"threadId": "1700000000.000100"},
            ["a:topic:1700000000.000100", "b:topic:1700000000.000100"],
            id="another thread",
        ),
        pytest.param({"threadId": None}, ["a", "b"], id="no thread any more"),
        pytest.param({"to": ["page:c"]}, ["c"], id="another target leaves the thread behind"),
        pytest.param({"to": ["page:c"], "threadId": "9"}, ["c:topic:9"], id="another target with its thread"),
        pytest.param({"bestEffort": True}, ["a:topic:7", "b:topic:7"], id="neither"),
    ],
)
def test_a_thread_is_part_of_its_target(
    world, fast_home, provider, delivery: JsonObject, targets: list[str]
) -> None:
    world.channels = [threaded(provider)]
    given = {"to": ["page:a", "page:b"], "threadId": "7"}
    world.live(adding(job(schedule=HOURLY, delivery=given)), seconds=1)

    world.live(editing({"delivery": delivery}), seconds=1)

    stored = stored_job(fast_home)
    assert (
        stored["delivery"]["to"] == stored["preview"]["targets"] == [f"page:{target}" for target in targets]
    )


def test_numbers_that_followed_from_the_schedule_follow_from_the_new_one(world, fast_home) -> None:
    def numbers() -> tuple[int, int]:
        stored = stored_job(fast_home)
        return stored["missed"]["graceSeconds"], stored["delivery"]["expiresAfterSeconds"]

    world.live(adding(job(schedule=HOURLY)), seconds=1)
    assert numbers() == (3600, 86_400)
    world.live(editing({"schedule": MINUTELY}), seconds=1)
    assert numbers() == (60, 86_400)
    world.live(editing({"schedule": {"kind": "at", "at": LATER}}), seconds=1)
    assert numbers() == (86_400, 7_200)
    world.live(editing({"schedule": HOURLY, "missed": {"graceSeconds": 86_400}}), seconds=1)
    assert numbers() == (86_400, 86_400)
    world.live(editing({"missed": {"graceSeconds": 90}, "delivery": {"expiresAfterSeconds": 100}}), seconds=1)
    world.live(editing({"schedule": MINUTELY}), seconds=1)
    assert numbers() == (90, 100)
    world.live(editing({"missed": None}), seconds=1)
    assert numbers() == (60, 100)


@pytest.mark.parametrize(
    ("patch", "zone", "source"),
    [
        pytest.param({"expr": "5 * * * *"}, "Asia/Tokyo", "config", id="another expression"),
        pytest.param({"tz": "Asia/Tokyo"}, "Asia/Tokyo", "job", id="the zone by name"),
        pytest.param({"tz": None}, "Europe/Berlin", "config", id="the configured zone anew"),
    ],
)
def test_a_zone_stays_as_it_was_decided_until_it_is_named(
    world, fast_home, patch: JsonObject, zone: str, source: str
) -> None:
    (fast_home / "stentor.toml").write_text('timezone = "Asia/Tokyo"')
    world.live(adding(job(schedule={"kind": "cron", "expr": "0 * * * *"})), seconds=1)
    (fast_home / "stentor.toml").write_text('timezone = "Europe/Berlin"')

    world.live(editing({"schedule": patch}), seconds=1)

    stored = stored_job(fast_home)
    assert (stored["schedule"]["tz"], stored["timezoneSource"]) == (zone, source)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        pytest.param({"tz": "UTC"}, "no cron schedule, so tz would say nothing", id="a zone"),
        pytest.param({"staggerMs": 5}, "staggerMs would say nothing", id="a stagger"),
        pytest.param({"everyMs": 60_000, "expr": "* * * * *"}, "unknown field", id="two kinds at once"),
    ],
)
def test_what_a_schedule_has_no_use_for_is_refused(world, schedule: JsonObject, said: str) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule={"kind": "every", "everyMs": 60_000}))
        with refusing(said):
            await operations.edit_job("brief", {"schedule": schedule})

    world.live(story, seconds=1)


# whose edit


def test_only_the_revision_that_was_looked_at_is_changed_if_it_is_named(world, fast_home) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=HOURLY))
        await operations.edit_job("brief", {"name": "First", "revision": 1})
        with pytest.raises(StaleRevision, match="at revision 2, not 1"):
            await operations.edit_job("brief", {"name": "Second", "revision": 1})
        with refusing("must be a whole number"):
            await operations.edit_job("brief", {"name": "Second", "revision": "2"})

    world.live(story, seconds=1)
    assert stored_job(fast_home)["name"] == "First"


def test_edits_at_once_are_all_made_one_after_the_other(world, fast_home) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule={"kind": "every", "everyMs": 1000, "anchorMs": START_MS}))
        patches: list[JsonObject] = [{"name": "New"}, {"description": "why"}, {"schedule": MINUTELY}]
        await asyncio.gather(*(operations.edit_job("brief", patch) for patch in patches))

    world.live(story, seconds=3)

    stored = stored_job(fast_home)
    assert (stored["name"], stored["description"], stored["revision"]) == ("New", "why", 4)
    assert stored["schedule"]["kind"] == "cron"


def test_the_history_says_who_changed_what_and_outlives_the_job(world, fast_home) -> None:
    async def story(operations: Operations) -> None:
        operations.by = "cli:ada"
        await operations.add_job(job(schedule=HOURLY))
        operations.by = "api:local"
        await operations.edit_job("brief", {"payload": {"text": "new"}, "delivery": {"bestEffort": True}})
        await operations.remove_job("brief")

    world.live(story, seconds=1)

    added, changed, removed = edits(fast_home, "brief")
    assert (added["action"], added["by"], added["before"], added["after"]["name"]) == (
        "added",
        "cli:ada",
        None,
        "Brief",
    )
    assert (changed["by"], changed["revision"]) == ("api:local", 2)
    assert changed["before"] == {"payload": {"text": "hello"}, "delivery": {"bestEffort": False}}
    assert changed["after"] == {"payload": {"text": "new"}, "delivery": {"bestEffort": True}}
    assert (removed["action"], removed["before"]["payload"]["text"], removed["after"]) == (
        "removed",
        "new",
        None,
    )


def test_a_one_shot_that_removed_itself_has_its_history(world, fast_home) -> None:
    world.live(adding(job(deleteAfterRun=True)), seconds=10)

    assert [(edit["action"], edit["by"]) for edit in edits(fast_home, "brief")] == [
        ("added", "api:local"),
        ("removed", "stentor"),
    ]


def test_an_edit_and_its_history_are_one_wherever_the_process_ends(fast_home, provider) -> None:
    points = 1
    point = 0
    while point < points:
        home = fast_home / str(point)
        world = Simulation(home, [scripted_channel("page", provider)])
        world.live(adding(job(schedule=MINUTELY)), seconds=61)
        world.now_ms += 120_000
        life = world.live(editing({"schedule": HOURLY}), seconds=1, crash_at=point or None)
        points = points if point else len(life.trail.names)
        rescheduled = len([edit for edit in edits(home) if edit["action"] == "changed"])
        assert stored_job(home)["revision"] == 1 + rescheduled
        assert len([at for at, _, why in occurrences(home) if why == "rescheduled"]) == 2 * rescheduled
        world.live(nothing, seconds=1)
        check(home, Witness())
        point += 1


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("reason = 'rescheduled'", id="before the edit"),
        pytest.param("reason = '' ORDER BY instant DESC", id="after it"),
    ],
)
def test_a_lost_instant_of_an_edited_job_is_found(world, fast_home, where: str) -> None:
    world.live(adding(job(schedule=MINUTELY)), seconds=61)
    world.now_ms += 120_000
    world.live(editing({"schedule": {"expr": "*/2 * * * *"}}), seconds=120)
    connection = apsw.Connection(str(fast_home / "stentor.db"))
    lost = list(connection.execute(f"SELECT * FROM occurrences WHERE {where} LIMIT 1"))
    connection.execute("DELETE FROM occurrences WHERE instant = ?", (lost[0][1],))

    with pytest.raises(InvariantBroken, match="I1"):
        check(fast_home)

    connection.execute(f"INSERT INTO occurrences VALUES ({', '.join('?' * len(lost[0]))})", lost[0])
    connection.close()


def test_a_job_that_cannot_be_read_is_mended_by_an_edit(world, fast_home, provider) -> None:
    world.live(adding(job(schedule=MINUTELY)), seconds=1)
    connection = apsw.Connection(str(fast_home / "stentor.db"))
    connection.execute("UPDATE jobs SET doc = replace(doc, '* * * * *', 'noon')")
    connection.close()

    async def story(operations: Operations) -> None:
        with refusing("not valid"):
            await operations.edit_job("brief", {"name": "New"})
        await operations.edit_job("brief", {"schedule": MINUTELY})

    world.live(story, seconds=70)

    assert (stored_job(fast_home)["blocked"], len(provider.accepted)) == (None, 1)


def test_what_the_product_switches_off_by_itself_is_signed_with_its_name(world, fast_home) -> None:
    async def turn(_request: Any) -> str:
        raise ValueError("never works")

    (fast_home / "stentor.toml").write_text("[scheduler]\ndisable_after_errors = 1\n")
    world.runners = (TalkingRunner(turn),)
    world.live(adding(job(schedule=MINUTELY, payload={"kind": "agentTurn", "message": "x"})), seconds=61)

    (switched_off,) = [edit for edit in edits(fast_home) if edit["action"] == "changed"]
    assert switched_off["by"] == "stentor:consecutive-failures"
    assert (switched_off["before"], switched_off["after"]) == ({"enabled": True}, {"enabled": False})
    assert stored_job(fast_home)["state"]["autoDisabled"] == "consecutive-failures"

    world.runners = ()
    world.live(editing({"enabled": True}), seconds=61)

    state = stored_job(fast_home)["state"]
    assert (state["autoDisabled"], state["consecutiveErrors"], state["lastRunStatus"]) == (None, 0, "ok")
