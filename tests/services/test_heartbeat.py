"""The main session: what happens there wakes its agent, at once or at its heartbeat, and is answered once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.adapters.sqlite.conversations import StoredConversations
from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.domain.happenings import HEARTBEAT
from stentor.domain.refusals import Refused
from stentor.domain.sessions import SourceSession
from stentor.testing.invariants import check
from stentor.testing.points import SimulatedCrash
from stentor.testing.simulation import nothing
from stentor.testing.virtual_time import pass_time
from tests.services.main_session import (
    AGENT,
    BEATING,
    HALF_HOUR,
    MAIN,
    MINUTE,
    TO_ROOM,
    World,
    all_quiet,
    at,
    event,
    failing_at_first,
    outlook,
    waking,
)
from tests.services.stories import JsonObject, adding, alerts, deliveries, job, runs


@pytest.fixture
def world(fast_home: Path) -> Iterator[World]:
    yield World(fast_home)
    check(fast_home)


# What happens wakes the agent


def test_an_event_wakes_the_agent_and_what_it_says_is_sent(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    world.simulation().live(adding(event()), seconds=10)
    assert world.sent == ["[2026-07-01 07:00] water the plants"]
    told, woken = runs(world.home)
    assert (told["jobId"], told["status"], told["warnings"]) == ("brief", "ok", [])
    assert (woken["jobId"], woken["jobName"], woken["trigger"]) == (HEARTBEAT, "Heartbeat", "wake")
    assert (woken["status"], woken["sessionKey"]) == ("ok", MAIN)
    assert world.unanswered == 0


def test_events_that_come_while_a_turn_waits_are_answered_by_that_one(world: World) -> None:
    world.configured(AGENT + TO_ROOM)

    async def busy(request: TurnRequest) -> str:
        await pass_time(20)
        return request.question

    jobs = [at("07:00:02", "one"), at("07:00:05", "two"), at("07:00:06", "three")]
    world.simulation(busy).live(adding(*jobs), seconds=60)
    assert world.sent == ["[2026-07-01 07:00] one", "[2026-07-01 07:00] two\n[2026-07-01 07:00] three"]
    assert len(world.heartbeats) == 2


def test_where_nobody_acts_in_the_main_session_an_event_is_kept_and_says_so(world: World) -> None:
    world.configured("")
    world.simulation().live(adding(event()), seconds=10)
    (told,) = runs(world.home)
    assert told["status"] == "ok"
    assert "[agents.main]" in told["warnings"][0]
    assert world.questions == []
    assert world.session["messages"] == 1
    # Whoever configures an agent later is not told of all that was.
    world.configured(AGENT + TO_ROOM)
    world.simulation().live(nothing, seconds=10)
    assert world.questions == []


def test_what_waits_for_an_agent_that_is_gone_waits_on(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(waking(text="tea", mode="next-heartbeat"), seconds=1)
    world.configured(BEATING)
    seen: list[JsonObject] = []

    async def story(operations: Operations) -> None:
        await pass_time(31 * MINUTE)
        seen.append(outlook(operations))

    world.simulation().live(story, seconds=1)
    assert "[agents.main]" in seen[0]["leftOut"]["why"]
    assert world.questions == []
    world.configured(AGENT + BEATING)
    world.simulation().live(nothing, seconds=HALF_HOUR)
    assert world.questions[0].startswith("[2026-07-01 07:00] tea")


def test_an_event_that_waits_for_the_heartbeat_is_answered_by_it(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(
        adding(at("07:10:00", "tea", wakeMode="next-heartbeat")), seconds=HALF_HOUR + MINUTE
    )
    (heartbeat,) = world.heartbeats
    assert heartbeat["scheduledFor"] == "2026-07-01T07:30:00Z"
    assert world.questions[0].startswith("[2026-07-01 07:10] tea\n\nThis is your heartbeat")
    assert world.unanswered == 0


def test_an_event_that_waits_for_a_heartbeat_that_is_gone_is_answered_at_once(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(adding(at("07:10:00", "tea", wakeMode="next-heartbeat")), seconds=1)
    world.configured(AGENT + TO_ROOM)
    world.simulation().live(nothing, seconds=11 * MINUTE)
    assert world.sent == ["[2026-07-01 07:10] tea"]
    assert "no heartbeat to wait for" in runs(world.home)[0]["warnings"][0]


def test_who_would_wait_for_a_heartbeat_that_never_comes_is_told_so(world: World) -> None:
    world.configured(AGENT)

    async def story(operations: Operations) -> None:
        added = await operations.add_job(event(wakeMode="next-heartbeat"))
        assert "[heartbeat]" in added["warnings"][-1]
        edited = await operations.edit_job("brief", {"wakeMode": "now"})
        assert edited["warnings"] == []
        edited = await operations.edit_job("brief", {"wakeMode": "next-heartbeat"})
        assert "[heartbeat]" in edited["warnings"][-1]
        with pytest.raises(Refused, match="no heartbeat"):
            await operations.wake({"text": "tea", "mode": "next-heartbeat"})

    world.simulation().live(story, seconds=0)


def test_a_job_may_be_called_like_the_heartbeat_and_is_another(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    world.simulation().live(adding(event(id="heartbeat", name="Heartbeat")), seconds=10)
    assert [run["jobId"] for run in runs(world.home)] == ["heartbeat", "main/heartbeat"]

    async def story(operations: Operations) -> None:
        with pytest.raises(Refused, match="slashes"):
            await operations.add_job(job(id="main/heartbeat"))

    world.simulation().live(story, seconds=0)


# What survives


@pytest.mark.parametrize("crash_after", [None, 3, 8, 12, 20, 30], ids=str)
def test_an_event_is_answered_once_whenever_the_process_ends(world: World, crash_after: int | None) -> None:
    world.configured(AGENT + TO_ROOM)
    simulation = world.simulation()
    living = simulation.begin()
    living.tell(adding(event()))
    living.pass_time(1.9)
    if living.pass_time(0.1, crash_after=crash_after):
        living.stop()
    simulation.live(nothing, seconds=3 * MINUTE)
    assert world.sent == ["[2026-07-01 07:00] water the plants"]
    assert world.unanswered == 0


def test_an_event_that_brings_down_every_process_is_not_tried_for_ever(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    simulation = world.simulation()

    def fall(name: str) -> None:
        if name == "runner.turn.before":
            raise SimulatedCrash(name)

    simulation.at_each_point = fall
    lives = [simulation.live(adding(event()) if n == 0 else nothing, seconds=3 * MINUTE) for n in range(5)]
    assert [life.crashed for life in lives] == [True, True, True, False, False]
    assert world.unanswered == 1
    simulation.at_each_point = None
    simulation.live(waking(), seconds=5)
    assert world.sent == ["[2026-07-01 07:00] water the plants"]


def test_an_event_whose_turn_fails_is_told_by_the_next_one(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    broken_once = failing_at_first(RunnerError("auth", "no key"))

    async def story(operations: Operations) -> None:
        await operations.add_job(event())
        await pass_time(20)
        assert world.sent == []
        await operations.wake({"text": "and the roses"})

    world.simulation(broken_once).live(story, seconds=20)
    assert world.sent == ["[2026-07-01 07:00] water the plants\n[2026-07-01 07:00] and the roses"]
    assert "error" in alerts(world.home)


def test_trouble_that_passes_is_tried_again(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    broken_once = failing_at_first(RunnerError("network", "gone"))

    world.simulation(broken_once).live(adding(event()), seconds=2 * MINUTE)
    assert world.sent == ["[2026-07-01 07:00] water the plants"]
    assert {run["trigger"] for run in world.heartbeats} == {"wake", "retry"}


def test_an_event_is_answered_although_the_session_has_begun_anew(world: World) -> None:
    world.configured(AGENT + BEATING + "[sessions]\nreset = { idle_minutes = 10 }\n")
    world.simulation().live(
        adding(at("07:01:00", "tea", wakeMode="next-heartbeat")), seconds=HALF_HOUR + MINUTE
    )
    assert world.questions[0].startswith("[2026-07-01 07:01] tea")
    assert world.unanswered == 0
    assert world.session["others"] == 1


# The heartbeat


def test_heartbeats_come_by_themselves_in_their_rhythm(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(nothing, seconds=2 * 3600 + MINUTE)
    assert [run["scheduledFor"][11:16] for run in world.heartbeats] == ["07:30", "08:00", "08:30", "09:00"]
    assert all(question.startswith("This is your heartbeat") for question in world.questions)


def test_without_every_none_comes_by_itself(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    world.simulation().live(nothing, seconds=4 * 3600)
    assert world.questions == []


def test_active_hours_hold_heartbeats_back_and_nothing_that_somebody_wants(world: World) -> None:
    world.configured(
        f'{AGENT}{TO_ROOM}every = "5m"\nactiveHours = {{ start = "07:20", end = "07:30", timezone = "UTC" }}\n'
    )
    world.simulation().live(adding(at("07:12:00", "tea"), at("07:42:00", "bed")), seconds=50 * MINUTE)
    woken = [(run["scheduledFor"] or run["startedAt"])[11:16] for run in world.heartbeats]
    assert woken == ["07:12", "07:20", "07:25", "07:42"]


def test_a_restart_neither_fires_at_once_nor_begins_the_rhythm_anew(world: World) -> None:
    world.configured(AGENT + BEATING)
    simulation = world.simulation()
    for minutes in (5, 10, 10, 10, 10, 10, 10):
        simulation.live(nothing, seconds=minutes * MINUTE)
    assert [run["scheduledFor"][11:16] for run in world.heartbeats] == ["07:30", "08:00"]


def test_of_those_that_were_missed_one_is_made_up_for(world: World) -> None:
    world.configured(AGENT + BEATING)
    simulation = world.simulation()
    simulation.live(nothing, seconds=31 * MINUTE)
    simulation.now_ms += 4 * 3600 * 1000
    simulation.live(nothing, seconds=10 * MINUTE)
    simulation.live(nothing, seconds=10 * MINUTE)
    assert [run["scheduledFor"][11:16] for run in world.heartbeats] == ["07:30", "11:30"]


@pytest.mark.parametrize(
    ("jump", "expected"),
    [
        pytest.param(3 * 86_400, ["07:30", "07:30", "08:00"], id="three days ahead"),
        pytest.param(-86_400, ["07:30", "08:00"], id="a day back"),
    ],
)
def test_a_clock_that_jumps_brings_no_flood_and_no_silence(
    world: World, jump: int, expected: list[str]
) -> None:
    world.configured(AGENT + BEATING)
    simulation = world.simulation()
    living = simulation.begin()
    living.pass_time(40 * MINUTE)
    simulation.jump(jump)
    living.pass_time(25 * MINUTE)
    living.stop()
    assert sorted(run["scheduledFor"][11:16] for run in world.heartbeats) == expected


@pytest.mark.parametrize("asked", ["", "# Nothing here\n<!-- yet -->\n"], ids=["empty", "only a heading"])
def test_a_heartbeat_file_that_asks_for_nothing_saves_the_heartbeat_but_no_event(
    world: World, asked: str
) -> None:
    workspace = world.home / "workspace"
    workspace.mkdir(parents=True)
    (workspace / "HEARTBEAT.md").write_text(asked)
    world.configured(f'{AGENT}workspace = "{workspace}"\n{BEATING}')
    seen: list[JsonObject] = []

    async def story(operations: Operations) -> None:
        await operations.add_job(at("07:40:00", "tea", wakeMode="next-heartbeat"))
        await pass_time(31 * MINUTE)
        seen.append(outlook(operations))

    world.simulation().live(story, seconds=HALF_HOUR)
    assert seen[0]["leftOut"] == {"why": "HEARTBEAT.md asks for nothing", "fix": None}
    assert [run["scheduledFor"][11:16] for run in world.heartbeats] == ["08:00"]
    assert world.questions[0].startswith("[2026-07-01 07:40] tea")


def test_what_a_heartbeat_file_asks_for_is_part_of_the_question_also_with_a_light_context(
    world: World,
) -> None:
    workspace = world.home / "workspace"
    workspace.mkdir(parents=True)
    (workspace / "HEARTBEAT.md").write_text("- look at the mail\n")
    (workspace / "SOUL.md").write_text("You are kind.\n")
    world.configured(f'{AGENT}workspace = "{workspace}"\n{BEATING}light_context = true\nprompt = "Look."\n')
    world.simulation().live(nothing, seconds=HALF_HOUR + MINUTE)
    assert world.questions == ["Look.\n\n## HEARTBEAT.md\n\n- look at the mail"]
    assert world.runner.turns[0].bootstrap == ()


# What comes of it


def test_an_agent_with_nothing_to_tell_is_not_heard_and_its_session_does_not_grow(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation(all_quiet).live(nothing, seconds=4 * 3600 + MINUTE)
    assert len(world.heartbeats) == 8
    assert {run["suppression"] for run in world.heartbeats} == {"heartbeat_ack"}
    assert {delivery["state"] for delivery in deliveries(world.home)} == {"suppressed"}
    assert world.sent == []
    assert (world.session["messages"], world.session["bytes"]) == (0, 0)


def test_an_event_that_needs_no_answer_is_answered_all_the_same_and_remembered(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    world.simulation(all_quiet).live(adding(event()), seconds=10)
    assert world.sent == []
    assert world.unanswered == 0
    assert world.session["messages"] == 3


def test_what_was_said_with_a_message_of_its_own_is_remembered(world: World) -> None:
    world.configured(AGENT + BEATING)

    async def sends(request: TurnRequest) -> str:
        await request.call_tool("message", {"to": "page:room1", "text": "look out"})
        return "HEARTBEAT_OK"

    world.simulation(sends).live(nothing, seconds=HALF_HOUR + MINUTE)
    assert world.sent == ["look out"]
    assert world.session["messages"] == 4


def test_a_heartbeat_does_not_keep_the_session_fresh(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(nothing, seconds=HALF_HOUR + MINUTE)
    assert world.session["messages"] == 2
    assert world.session["spokenAt"] is None


def test_a_heartbeat_does_not_change_where_the_last_conversation_was(world: World) -> None:
    world.configured(AGENT + BEATING)

    async def story(operations: Operations) -> None:
        await operations.send({"to": "page:room7", "text": "hello"})

    world.simulation().live(story, seconds=HALF_HOUR + MINUTE)
    assert len(world.sent) == 2
    last = StoredConversations(world.home / "stentor.db").last(SourceSession(MAIN, True, True))
    assert last is not None
    assert last.canonical == "page:room7"


def test_the_answer_goes_to_the_last_conversation_where_nothing_else_is_said(world: World) -> None:
    world.configured(AGENT)

    async def story(operations: Operations) -> None:
        await operations.send({"to": "page:room7", "text": "hello"})
        await pass_time(1)
        await operations.wake({"text": "tea"})

    world.simulation().live(story, seconds=10)
    assert [(part["target"], part["state"]) for part in deliveries(world.home)] == [
        ("page:room7", "accepted"),
        ("page:room7", "accepted"),
    ]


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        pytest.param("", "name a target, for instance", id="there is no last conversation"),
        pytest.param(
            '[heartbeat]\ntarget = "fax:1"\n', "no loaded plugin owns", id="nobody knows the target"
        ),
    ],
)
def test_where_nobody_can_be_told_a_turn_that_is_wanted_says_so(world: World, toml: str, why: str) -> None:
    world.configured(AGENT + toml)
    world.simulation().live(waking(text="tea"), seconds=10)
    (woken,) = world.heartbeats
    assert (woken["status"], woken["summary"]) == ("ok", "[2026-07-01 07:00] tea")
    assert why in woken["warnings"][0]
    assert deliveries(world.home) == []


def test_where_nobody_can_be_told_a_heartbeat_is_left_out_and_no_event_is(world: World) -> None:
    world.configured(AGENT + '[heartbeat]\nevery = "30m"\n')
    seen: list[JsonObject] = []

    async def story(operations: Operations) -> None:
        await operations.add_job(at("07:40:00", "tea", wakeMode="next-heartbeat"))
        await pass_time(31 * MINUTE)
        seen.append(outlook(operations))

    world.simulation().live(story, seconds=HALF_HOUR)
    assert "could be sent to nobody" in seen[0]["leftOut"]["why"]
    assert seen[0]["nextHeartbeatAt"] == "2026-07-01T08:00:00Z"
    assert [run["scheduledFor"][11:16] for run in world.heartbeats] == ["08:00"]
    assert alerts(world.home) == []


def test_a_target_of_none_is_silence_without_a_warning(world: World) -> None:
    world.configured(AGENT + '[heartbeat]\ntarget = "none"\nevery = "30m"\n')
    world.simulation().live(waking(text="tea"), seconds=HALF_HOUR + MINUTE)
    assert [run["warnings"] for run in world.heartbeats] == [[], []]
    assert deliveries(world.home) == []


# Woken by hand


def test_whoever_wakes_the_agent_twice_gets_one_turn_while_it_waits(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    answers: list[JsonObject] = []

    async def story(operations: Operations) -> None:
        answers.append(await operations.wake({"text": "one"}))
        answers.append(await operations.wake({"text": "two"}))
        answers.append(await operations.wake({}))

    world.simulation().live(story, seconds=10)
    assert len({answer["runId"] for answer in answers}) == 1
    assert world.sent == ["[2026-07-01 07:00] one\n[2026-07-01 07:00] two"]


@pytest.mark.parametrize(
    ("toml", "asked", "why"),
    [
        pytest.param("", {}, r"\[agents.main\]", id="nobody acts there"),
        pytest.param(AGENT, {"text": " "}, "blank", id="a blank text"),
        pytest.param(AGENT, {"mode": "later"}, "must be one of", id="an unknown mode"),
        pytest.param(
            AGENT + BEATING, {"mode": "next-heartbeat"}, "say what", id="a heartbeat without a word"
        ),
        pytest.param(AGENT, {"words": "x"}, "unknown field", id="an unknown field"),
    ],
)
def test_waking_that_cannot_be_meant_is_refused(world: World, toml: str, asked: JsonObject, why: str) -> None:
    world.configured(toml)

    async def story(operations: Operations) -> None:
        with pytest.raises(Refused, match=why):
            await operations.wake(asked)

    world.simulation().live(story, seconds=1)
    assert not (world.home / "stentor.db").exists() or world.heartbeats == []
