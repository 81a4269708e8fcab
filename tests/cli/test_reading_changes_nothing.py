"""Reading commands leave every row of every table as it was: also what is due, overdue or cut short in the middle.

Three homes: one without a daemon, one with, and one whose daemon is frozen, so that everything it should do is left
lying while it still holds the store.
"""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from os import kill
from pathlib import Path

import pytest
from tests.outside import JsonObject, Stentor, now_ms, serving, until
from tests.services.stories import TalkingRunner

from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.app.operations import Operations
from stentor.contract.runners import TurnRequest
from stentor.testing.points import SimulatedCrash
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from stentor_local import LocalChannel

DAY_MS = 86_400_000
NEW_JOB = ("--every", "1h", "--text", "x", "--to", "local:a")
QUESTIONS = {
    "list": ("cron", "list"),
    "list --all": ("cron", "list", "--all"),
    "show": ("cron", "show", "hourly"),
    "show, cut short": ("cron", "show", "cut-short"),
    "status": ("status",),
    "preview": ("cron", "preview", *NEW_JOB),
    "preview, stored": ("cron", "preview", "hourly"),
    "next": ("cron", "next", "--cron", "0 7 * * *"),
    "next, stored": ("cron", "next", "--id", "hourly"),
}


def job(name: str, schedule: JsonObject, **changes: object) -> JsonObject:
    payload = {"kind": "text", "text": "hello"}
    return {"id": name, "schedule": schedule, "payload": payload, "delivery": {"to": "local:a"}} | changes


def live_until_two_days_ago(home: Path) -> None:
    """A process that did some of its work and died over the rest."""

    async def turn(_: TurnRequest) -> str:
        await pass_time(3600)
        return "too late"

    async def story(operations: Operations) -> None:
        started_ms = operations.app.ground.seams.clock.now_ms()
        for new in (
            job("hourly", {"kind": "every", "everyMs": 3_600_000}),
            job("minutely", {"kind": "cron", "expr": "* * * * *", "tz": "Africa/Cairo"}),
            job("yearly", {"kind": "cron", "expr": "0 0 1 1 *", "tz": "UTC"}),
            job("soon", {"kind": "every", "everyMs": 2_000}, delivery={"mode": "none"}),
            job("done", {"kind": "at", "at": "20s"}),
            job("once", {"kind": "at", "at": "30h"}),
            job("off", {"kind": "every", "everyMs": 3_600_000, "anchorMs": started_ms}),
            job(
                "cut-short",
                {"kind": "every", "everyMs": 90_000},
                payload={"kind": "agentTurn", "message": "x"},
            ),
        ):
            await operations.add_job(new)
        await operations.set_enabled("off", enabled=False)
        await operations.app.ground.seams.clock.sleep(100)
        raise SimulatedCrash

    world = Simulation(home, [LocalChannel()], [TalkingRunner(turn)], now_ms=now_ms() - 2 * DAY_MS)
    assert world.live(story, seconds=0).crashed


def due(home: Path) -> int:
    """How many instants wait for somebody to account for them."""
    with closing(read_only(str(home / "stentor.db"))) as connection:
        query = "SELECT id FROM jobs WHERE enabled = 1 AND next_at < ?"
        return len(fetch(connection, query, (now_ms() - 1000,)))


@contextmanager
def without_daemon(stentor: Stentor) -> Iterator[None]:
    assert due(stentor.home) == 5
    yield


@contextmanager
def with_daemon(stentor: Stentor) -> Iterator[None]:
    """What would be due again within the test is switched off; what was due before has been dealt with."""
    for name in ("soon", "minutely", "cut-short"):
        stentor.ask("cron", "disable", name)
    with serving(stentor):
        until(lambda: at_rest(stentor), "the end of what was overdue")
        yield


@contextmanager
def with_frozen_daemon(stentor: Stentor) -> Iterator[None]:
    """The process is there and has the store, but does nothing any more."""
    with serving(stentor) as announced:
        pid: int = announced["pid"]
        kill(pid, signal.SIGSTOP)
        try:
            until(lambda: due(stentor.home), "that something is overdue")
            yield
        finally:
            kill(pid, signal.SIGCONT)


def at_rest(stentor: Stentor) -> bool:
    if due(stentor.home):  # looked at first: what is claimed by then is seen as under way
        return False
    figures = stentor.ask("status")
    return not figures["running"] and not figures["pending"]


@pytest.fixture(scope="module", params=[without_daemon, with_daemon, with_frozen_daemon])
def used(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    stentor = Stentor(tmp_path_factory.mktemp("used") / "home")
    stentor.home.mkdir(mode=0o700)
    (stentor.home / "stentor.toml").write_text("[scheduler]\ncatch_up_per_minute = 600\n")
    live_until_two_days_ago(stentor.home)
    with request.param(stentor):
        yield stentor


@pytest.mark.parametrize("words", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_a_question_leaves_the_tables_byte_for_byte(used: Stentor, words: tuple[str, ...]) -> None:
    before = dump(used.home)

    answers = [used.run(*words), used.run(*words, "--json")]

    assert [answer.code for answer in answers] == [0, 0], answers
    assert dump(used.home) == before


def dump(home: Path) -> bytes:
    """All tables there are, as text. A daemon writes its heartbeat and what it has heard of trouble, and nothing else."""
    with closing(read_only(str(home / "stentor.db"))) as connection:
        names = [name for (name,) in fetch(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = [(name, row) for name in sorted(names) for row in fetch(connection, f"SELECT * FROM {name}")]
    own = ("heartbeat", "newest", "alerts")
    noted = ("incidents", "incident_jobs")
    kept = [row for row in rows if row[1][0] not in own and row[0] not in noted]
    return "\n".join(map(repr, kept)).encode()
