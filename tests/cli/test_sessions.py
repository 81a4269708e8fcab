"""`stentor sessions` from outside: what was said is seen, conversations are begun anew, and tidied up."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.outside import JsonObject, Stentor, dump, now_ms, serving
from tests.services.stories import adding, job

from stentor.contract.runners import AgentRunner, Final, RunnerEvent, TurnRequest, Usage
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing

HOUR_MS = 3_600_000
TALK = "agent:main:session:talk"
BEAT = "agent:main:cron:beat"
FIELDS = {
    "key",
    "sessionId",
    "kind",
    "agentId",
    "jobId",
    "messages",
    "bytes",
    "contextTokens",
    "billedTokens",
    "updatedAt",
}
PAGED = {"total", "limit", "offset", "hasMore", "nextOffset"}


class CountingRunner(AgentRunner):
    """It is always asked with a hundred tokens more than before, and says where it is."""

    name = "echo"

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        full = 100 * (1 + len(request.history) // 2)
        yield replace(Usage(full, 10), context=full)
        yield Final(f"\x1b[31mnews for {request.job_id}")


def lived_in(home: Path) -> Stentor:
    """A home with the sessions of two single runs, and two that runs have shared, from an hour ago."""
    every_minute = {"kind": "every", "everyMs": 60_000}
    turn = {"payload": {"kind": "agentTurn", "message": "What is new?"}, "delivery": {"mode": "none"}}
    beat = job(id="beat", name="Beat", schedule=every_minute, **turn)
    talk = job(id="talk", name="Talk", schedule=every_minute, sessionTarget="session:talk", **turn)
    event = job(
        id="tick",
        schedule=every_minute,
        payload={"kind": "systemEvent", "text": "tick"},
        sessionTarget="main",
        delivery={"mode": "none"},
    )
    world = Simulation(
        home,
        [scripted_channel("page", Provider())],
        runners=[CountingRunner()],
        now_ms=now_ms() - HOUR_MS,
    )
    world.live(adding(beat, talk, event), seconds=150)
    return Stentor(home)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Stentor:
    """One that is only looked at."""
    return lived_in(tmp_path_factory.mktemp("seen") / "home")


@pytest.fixture
def cared_for(tmp_path: Path) -> Stentor:
    """One that is worked on."""
    return lived_in(tmp_path / "home")


def listed(stentor: Stentor, *filters: str) -> list[JsonObject]:
    found: list[JsonObject] = stentor.ask("sessions", "list", *filters)["sessions"]
    return found


# looking


def test_sessions_are_listed_with_what_was_used_of_them(seen: Stentor) -> None:
    sessions = {session["key"]: session for session in listed(seen)}
    talk = sessions[TALK]
    assert set(talk) >= FIELDS
    assert (talk["kind"], talk["agentId"], talk["jobId"], talk["messages"]) == ("named", "main", "talk", 4)
    # What the last request was full of, and what all of them were billed.
    assert (talk["contextTokens"], talk["billedTokens"]) == (200, 320)
    assert (talk["current"], talk["pinned"], talk["active"], talk["label"]) == (
        True,
        False,
        False,
        "Cron: Talk",
    )
    assert {session["kind"] for session in sessions.values()} == {"main", "named", "run"}


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        pytest.param((), 4, id="all"),
        pytest.param(("--kind", "run"), 2, id="a kind"),
        pytest.param(("--kind", "named", "--agent", "main"), 1, id="kind and agent"),
        pytest.param(("--agent", "ops"), 0, id="another agent"),
        pytest.param(("--limit", "3"), 3, id="a page"),
        pytest.param(("--offset", "3"), 1, id="another page"),
    ],
)
def test_sessions_are_found_by_what_is_asked_of_them(
    seen: Stentor, filters: tuple[str, ...], count: int
) -> None:
    assert len(listed(seen, *filters)) == count


def test_the_list_comes_in_pages(seen: Stentor) -> None:
    first = seen.ask("sessions", "list", "--limit", "3")
    assert {key: first[key] for key in PAGED} == {
        "total": 4,
        "limit": 3,
        "offset": 0,
        "hasMore": True,
        "nextOffset": 3,
    }


def test_an_agent_that_nobody_knows_is_told_from_one_without_sessions(seen: Stentor) -> None:
    assert "did you mean 'main'?" in seen.run("sessions", "list", "--agent", "mian").err


@pytest.mark.parametrize(
    ("name", "others"),
    [
        pytest.param(TALK, 0, id="key"),
        pytest.param(BEAT, 1, id="conversation"),
        pytest.param(None, 1, id="id"),
    ],
)
def test_a_session_is_shown_with_what_was_said_in_it(seen: Stentor, name: str | None, others: int) -> None:
    newest = listed(seen, "--kind", "run")[0]
    shown = seen.ask("sessions", "show", name or newest["sessionId"])
    assert shown["others"] == others
    assert [entry["role"] for entry in shown["transcript"]] == ["user", "assistant"] * (
        shown["messages"] // 2
    )
    assert shown["transcript"][-1]["text"].endswith("news for talk" if name == TALK else "news for beat")
    assert shown["preferences"] == {"model": None, "thinking": None, "fastMode": None}
    assert name == TALK or shown["sessionId"] == newest["sessionId"]


def test_people_see_what_was_said_and_no_terminal_is_given_orders(seen: Stentor) -> None:
    shown = seen.run("sessions", "show", TALK, "--last", "1")
    assert "\n  \N{REPLACEMENT CHARACTER}[31mnews for talk\n" in shown.out
    assert "What is new?" not in shown.out
    assert "the last 1 of 4 messages" in shown.err
    assert "1 more session of" in seen.run("sessions", "show", BEAT).err


@pytest.mark.parametrize("name", ["talk", "agent:main:session:tlak"])
def test_a_name_that_is_mistyped_is_not_found_but_guessed(seen: Stentor, name: str) -> None:
    for words in (("show", name), ("reset", name), ("set", name, "--pin")):
        error = seen.refusal("sessions", *words, code=4)
        assert f"did you mean '{TALK}'?" in error["message"]


def test_looking_changes_nothing(seen: Stentor) -> None:
    before = dump(seen.home)
    for words in (("list",), ("show", TALK), ("prune", "--dry-run")):
        seen.ask("sessions", *words)
    assert dump(seen.home) == before


def test_a_home_without_a_store_has_no_sessions(tmp_path: Path) -> None:
    stentor = Stentor(tmp_path / "none")
    assert listed(stentor) == []
    assert stentor.ask("sessions", "prune", "--dry-run")["total"] == {"sessions": 0, "bytes": 0}
    assert stentor.refusal("sessions", "show", "x", code=4)["hint"] == "`stentor sessions list` shows them"
    assert not stentor.home.exists()


def test_the_run_log_names_the_session_of_each_run(seen: Stentor) -> None:
    keys = {session["sessionId"]: session["key"] for session in listed(seen)}
    for run in (*seen.runs("beat"), *seen.runs("talk")):
        assert keys[run["sessionId"]] == run["sessionKey"]


# caring


@pytest.mark.parametrize("with_daemon", [False, True], ids=["alone", "served"])
def test_a_conversation_is_cared_for_alike_with_and_without_a_daemon(
    cared_for: Stentor, *, with_daemon: bool
) -> None:
    for name in ("beat", "talk", "tick"):
        cared_for.ask("cron", "disable", name)
    if with_daemon:
        with serving(cared_for):
            care(cared_for)
    else:
        care(cared_for)


def care(stentor: Stentor) -> None:
    wishes = ("--model", "m-1", "--thinking", "low", "--fast", "off", "--pin")
    wanted = stentor.ask("sessions", "set", TALK, *wishes)
    assert wanted["preferences"] == {"model": "m-1", "thinking": "low", "fastMode": False}
    assert wanted["pinned"] is True
    wanted = stentor.ask("sessions", "set", TALK, "--clear", "model", "--clear", "fast", "--unpin")
    assert wanted["preferences"] == {"model": None, "thinking": "low", "fastMode": None}
    assert wanted["pinned"] is False
    reset = stentor.ask("sessions", "reset", TALK)
    assert (reset["key"], reset["reset"], reset["current"]) == (TALK, True, False)
    assert stentor.ask("sessions", "reset", TALK)["reset"] is False
    assert stentor.refusal("sessions", "reset", BEAT)["code"] == "not_shared"
    (stentor.home / "stentor.toml").write_text("")
    assert stentor.ask("sessions", "prune")["total"] == {"sessions": 0, "bytes": 0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param((), "say what is wanted", id="nothing"),
        pytest.param(("--thinking", "hard"), "is not one of", id="no such level"),
        pytest.param(("--model", " "), "names a model, without blanks around it", id="blank"),
        pytest.param(("--model", "m", "--clear", "model"), "model is given as well", id="both"),
    ],
)
def test_a_wish_that_says_nothing_is_refused(seen: Stentor, words: tuple[str, ...], message: str) -> None:
    assert message in seen.refusal("sessions", "set", TALK, *words)["message"]


def test_what_is_beyond_the_limits_is_counted_and_then_removed(cared_for: Stentor) -> None:
    (cared_for.home / "stentor.toml").write_text(
        "[cron]\nsession_retention = '30m'\n[sessions]\nmaintenance = { mode = 'off', max_entries = 1 }\n"
    )
    cared_for.ask("sessions", "set", TALK, "--pin")
    would = cared_for.ask("sessions", "prune", "--dry-run")
    assert (would["retention"]["sessions"], would["entries"]["sessions"]) == (2, 1)
    shown = cared_for.run("sessions", "prune", "--dry-run")
    assert "3 sessions would go" in shown.err
    assert "of runs that ended long ago" in shown.out
    assert cared_for.ask("sessions", "prune") == {**would, "dryRun": False}
    assert [session["key"] for session in listed(cared_for)] == [TALK]
    swept = cared_for.ask("status")["sessions"]["lastSweep"]
    assert swept["removed"]["total"] == would["total"]
    run = cared_for.runs("beat")[0]
    assert (run["sessionKey"].startswith(BEAT), run["summary"] is not None) == (True, True)
    assert "3 sessions removed" in cared_for.run("status").out


def test_a_daemon_that_only_warns_says_what_it_would_remove(cared_for: Stentor) -> None:
    for name in ("beat", "talk", "tick"):
        cared_for.ask("cron", "disable", name)
    assert "sessions_beyond_limits" not in codes(cared_for)
    warned_about(cared_for.home)
    assert "sessions prune --dry-run" in codes(cared_for)["sessions_beyond_limits"]
    cared_for.ask("sessions", "prune")
    assert "sessions_beyond_limits" not in codes(cared_for)


def warned_about(home: Path) -> None:
    """A while in the life of a process whose limits only warn."""
    (home / "stentor.toml").write_text("[sessions]\nmaintenance = { mode = 'warn', maxEntries = 1 }\n")
    world = Simulation(
        home, [scripted_channel("page", Provider())], runners=[CountingRunner()], now_ms=now_ms()
    )
    world.live(nothing, seconds=61)


def codes(stentor: Stentor) -> dict[str, str]:
    """The findings of `status` with their mends."""
    return {finding["code"]: finding["fix"] for finding in stentor.ask("status")["findings"]}


def test_status_counts_sessions_by_kind(seen: Stentor) -> None:
    figures = seen.ask("status")["sessions"]
    assert (figures["total"], figures["byKind"]) == (4, {"main": 1, "named": 1, "run": 2})
    assert figures["bytes"] == sum(session["bytes"] for session in listed(seen))
    assert figures["lastSweep"] is not None
    assert "4 (1 main, 1 named, 2 run)" in seen.run("status").out
