"""Sessions that runs share: they begin anew when the configuration says so, and by hand."""

from pathlib import Path

import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.app.missing import NotFound
from stentor.app.operations import Operations
from stentor.app.session_operations import SessionOperations
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from tests.services.stories import adding, job, runs

MINUTE_SECONDS = 60
KEY = "agent:main:session:talk"


@pytest.fixture
def world(fast_home: Path) -> Simulation:
    return Simulation(fast_home, [scripted_channel("page", Provider())])


def talk(expr: str, **changes: object) -> JsonObject:
    return job(
        schedule={"kind": "cron", "expr": expr, "tz": "UTC", "staggerMs": 0},
        payload={"kind": "agentTurn", "message": "What is new?"},
        delivery={"mode": "none"},
        sessionTarget="session:talk",
        **changes,
    )


def conversation(home: Path) -> list[tuple[str, str]]:
    """When each run was queued, and in which session, called by the order in which they came."""
    names: dict[str, str] = {}
    return [
        (run["scheduledFor"][11:16], names.setdefault(run["sessionId"], "abcdefgh"[len(names)]))
        for run in runs(home)
    ]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param("", "aaaaaa", id="never"),
        pytest.param('reset = { daily_at = "07:12" }', "aabbbb", id="daily"),
        pytest.param("reset = { idle_minutes = 1 }", "aaaabb", id="idle"),
        pytest.param('reset = { daily_at = "07:12", idleMinutes = 1 }', "aabbcc", id="whichever is first"),
        pytest.param('resetByKind = { named = { dailyAt = "07:12" } }', "aabbbb", id="of its kind"),
        pytest.param('resetByKind = { main = { dailyAt = "07:12" } }', "aaaaaa", id="of another kind"),
        pytest.param(
            'reset = { daily_at = "07:12" }\nreset_by_kind = { named = {} }', "aaaaaa", id="not of its kind"
        ),
    ],
)
def test_a_shared_session_begins_anew_when_the_configuration_says_so(
    world: Simulation, fast_home: Path, config: str, expected: str
) -> None:
    (fast_home / "stentor.toml").write_text(f'timezone = "UTC"\n[sessions]\n{config}\n')
    world.live(adding(talk("10,11,12,13,15,16 7 * * *")), seconds=17 * MINUTE_SECONDS)
    times, sessions = zip(*conversation(fast_home), strict=True)
    assert times == ("07:10", "07:11", "07:12", "07:13", "07:15", "07:16")
    assert "".join(sessions) == expected


def test_a_day_begins_in_the_time_zone_of_the_configuration(world: Simulation, fast_home: Path) -> None:
    (fast_home / "stentor.toml").write_text(
        'timezone = "Asia/Tokyo"\n[sessions]\nreset = { daily_at = "16:11" }\n'
    )
    world.live(adding(talk("10,11 7 * * *")), seconds=12 * MINUTE_SECONDS)
    assert [session for _, session in conversation(fast_home)] == ["a", "b"]


def test_system_events_do_not_keep_the_main_session_fresh(world: Simulation, fast_home: Path) -> None:
    (fast_home / "stentor.toml").write_text("[sessions]\nreset = { idle_minutes = 2 }\n")
    event = job(
        schedule={"kind": "cron", "expr": "10,11,13,14 7 * * *", "tz": "UTC", "staggerMs": 0},
        payload={"kind": "systemEvent", "text": "the clock struck"},
        sessionTarget="main",
        delivery={"mode": "none"},
    )
    world.live(adding(event), seconds=15 * MINUTE_SECONDS)
    assert [session for _, session in conversation(fast_home)] == ["a", "a", "b", "b"]


def test_a_session_that_is_reset_by_hand_is_kept_and_another_begins(
    world: Simulation, fast_home: Path
) -> None:
    living = world.begin()
    living.tell(adding(talk("10,11 7 * * *")))
    living.pass_time(10.5 * MINUTE_SECONDS)
    answers: list[JsonObject] = []

    async def reset_twice(operations: Operations) -> None:
        care = SessionOperations.of(operations)
        answers.extend([await care.reset(KEY), await care.reset(KEY)])

    living.tell(reset_twice)
    living.pass_time(MINUTE_SECONDS)
    assert [(answer["reset"], answer["current"]) for answer in answers] == [(True, False), (False, False)]
    assert [session for _, session in conversation(fast_home)] == ["a", "b"]
    living.stop()


def test_what_cannot_be_done_to_a_session_says_what_can(world: Simulation) -> None:
    living = world.begin()
    living.tell(adding(job(), talk("1 7 * * *", id="talk")))
    living.pass_time(2 * MINUTE_SECONDS)

    async def try_it(operations: Operations) -> None:
        care = SessionOperations.of(operations)
        with pytest.raises(Refused, match="belongs to one run"):
            await care.reset("agent:main:cron:brief")
        with pytest.raises(NotFound, match=f"did you mean '{KEY}'"):
            await care.reset("agent:main:session:tlak")
        with pytest.raises(NotFound, match=f"did you mean '{KEY}'"):
            await care.prefer("talk", {"pinned": True})
        with pytest.raises(Refused, match="say what is wanted"):
            await care.prefer(KEY, {})
        with pytest.raises(Refused, match="model is given as well"):
            await care.prefer(KEY, {"model": "m", "clear": ["model"]})
        with pytest.raises(Refused, match="knows no 'modle'"):
            await care.prefer(KEY, {"clear": ["modle"]})
        with pytest.raises(Refused, match="must be one of off"):
            await care.prefer(KEY, {"thinking": "hard"})

    living.tell(try_it)
    living.stop()


@pytest.mark.parametrize("mode", ["warn", "off", "enforce"])
def test_a_sweep_does_what_its_mode_says_and_one_by_hand_enforces_the_limits(
    world: Simulation, fast_home: Path, mode: str
) -> None:
    (fast_home / "stentor.toml").write_text(
        f'[sessions]\nmaintenance = {{ mode = "{mode}", maxEntries = 2 }}\n'
    )
    answers: list[JsonObject] = []

    async def prune(operations: Operations) -> None:
        care = SessionOperations.of(operations)
        answers.extend([await care.prune({"dryRun": True}), await care.prune({})])

    living = world.begin()
    living.tell(adding(job(schedule={"kind": "every", "everyMs": 60_000})))
    living.pass_time(310)
    living.stop()
    living = world.begin()
    living.pass_time(65)
    with Reader.open(fast_home / "stentor.db") as reader:
        figures = reader.session_figures()
    living.tell(prune)
    living.stop()
    swept = figures["lastSweep"]
    assert (figures["total"] <= 3) is (mode == "enforce")
    assert (swept["beyond"]["entries"]["sessions"] > 0) is (mode == "warn")
    dry, done = answers
    assert {**dry, "dryRun": False} == done
    assert (done["entries"]["sessions"] >= 2) is (mode != "enforce")
    with Reader.open(fast_home / "stentor.db") as reader:
        assert reader.session_figures()["total"] <= 3
