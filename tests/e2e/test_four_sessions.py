"""The four session targets as people are told of them: what each run knows, what it costs, and what is refused.

The agent is a program that counts the history it is given as its input tokens.
"""

import json
import sys
from collections.abc import Iterator

import pytest
from tests.outside import JsonObject, Stentor, serving

PROGRAM = """
import json, sys

turn = json.loads(sys.stdin.readline())
tokens = sum(len(entry["text"].split()) for entry in turn["history"]) + len(turn["message"].split())
print(json.dumps({"type": "usage", "input": tokens, "output": 5}))
heard = {key: turn[key] for key in ("sessionKey", "sessionId", "instructions")}
heard["history"] = [entry["role"] for entry in turn["history"]]
print(json.dumps({"type": "final", "text": json.dumps(heard)}))
"""
SKILL = "---\nname: {name}\ndescription: How to {name}.\n---\nDo it.\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    """A daemon with two agents that have a workspace of their own."""
    stentor = Stentor(tmp_path_factory.mktemp("four") / "home")
    stentor.home.mkdir()
    workspace = stentor.home.parent / "workspace"
    for folder, name in ((stentor.home / "skills", "sing"), (workspace / "skills", "dance")):
        (folder / name).mkdir(parents=True)
        (folder / name / "SKILL.md").write_text(SKILL.format(name=name))
    program = stentor.home.parent / "agent.py"
    program.write_text(PROGRAM)
    command = json.dumps([sys.executable, str(program)])
    agents = "".join(
        f'[agents.{name}]\nrunner = "command"\ncommand = {command}\nworkspace = "{workspace}"\n'
        for name in ("main", "ops")
    )
    (stentor.home / "stentor.toml").write_text(agents)
    with serving(stentor):
        yield stentor


def add(house: Stentor, name: str, *flags: str) -> JsonObject:
    return house.ask("cron", "add", "--id", name, "--every", "1d", *flags)


def ran(house: Stentor, name: str, times: int) -> list[JsonObject]:
    """What the agent heard in each run, and what it cost."""
    found: list[JsonObject] = []
    for _ in range(times):
        run = house.ask("cron", "run", name, "--wait")["run"]
        found.append({**json.loads(run["summary"]), "input": run["usage"]["input"]})
    return found


def sessions(house: Stentor, kind: str) -> list[JsonObject]:
    return [entry for entry in house.ask("sessions", "list")["sessions"] if entry["kind"] == kind]


def test_where_nothing_is_said_events_go_to_the_main_session_and_turns_have_one_of_their_own(
    house: Stentor,
) -> None:
    event = add(house, "default-event", "--system-event", "stand-up")
    turn = add(house, "default-turn", "--message", "work", "--to", "local:x")
    assert (event["sessionTarget"], event["delivery"]["mode"]) == ("main", "none")
    assert (turn["sessionTarget"], turn["delivery"]["mode"]) == ("isolated", "announce")


def test_an_isolated_run_knows_nothing_of_those_before_and_always_costs_the_same(house: Stentor) -> None:
    add(house, "alone", "--message", "look around", "--no-deliver")
    heard = ran(house, "alone", 3)
    assert [entry["history"] for entry in heard] == [[], [], []]
    assert len({entry["sessionId"] for entry in heard}) == 3
    assert len({entry["input"] for entry in heard}) == 1
    assert all(entry["sessionKey"].startswith("agent:main:cron:alone:run:") for entry in heard)


def test_a_named_session_remembers_and_grows_apart_from_the_others(house: Stentor) -> None:
    add(house, "digest", "--message", "add to it", "--session", "session:Weekly/Digest", "--no-deliver")
    heard = ran(house, "digest", 3)
    assert [len(entry["history"]) for entry in heard] == [0, 2, 4]
    assert len({entry["sessionId"] for entry in heard}) == 1
    assert heard[0]["input"] < heard[1]["input"] < heard[2]["input"]
    (session,) = [entry for entry in sessions(house, "named") if entry["key"].endswith("Weekly/Digest")]
    assert (session["key"], session["messages"]) == ("agent:main:session:Weekly/Digest", 6)
    assert session["contextTokens"] == heard[2]["input"]
    assert session["billedTokens"] == sum(entry["input"] + 5 for entry in heard)


def test_a_session_key_lets_isolated_jobs_share_one_session(house: Stentor) -> None:
    before = len(house.ask("sessions", "list")["sessions"])
    for name in ("beat-1", "beat-2"):
        shown = add(
            house, name, "--message", "beat", "--session-key", "agent:main:my-shared-key", "--no-deliver"
        )
        assert shown["sessionTarget"] == "isolated"
    first, second = (ran(house, name, 1)[0] for name in ("beat-1", "beat-2"))
    assert first["sessionKey"] == second["sessionKey"] == "agent:main:my-shared-key"
    assert (first["sessionId"], len(second["history"])) == (second["sessionId"], 2)
    assert len(house.ask("sessions", "list")["sessions"]) == before + 1


def test_the_main_session_is_for_events_and_hears_of_nothing_else(house: Stentor) -> None:
    add(house, "standup", "--system-event", "Stand-up in ten minutes", "--wake", "now")
    house.ask("cron", "run", "standup", "--wait")
    (session,) = sessions(house, "main")
    assert session["key"] == "agent:main:main"
    shown = house.ask("sessions", "show", "agent:main:main")
    assert "Stand-up in ten minutes" in [entry["text"] for entry in shown["transcript"]]
    assert not any("look around" in entry["text"] for entry in shown["transcript"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param(
            ("--session", "main", "--agent", "ops", "--message", "work"),
            "use sessionTarget isolated",
            id="a turn in the main session of another agent",
        ),
        pytest.param(
            ("--session", "main", "--agent", "ops", "--system-event", "x"),
            "belongs to the default agent: use an agentTurn for the agent ops",
            id="the main session of another agent",
        ),
        *(
            pytest.param(
                ("--agent", "ops", "--system-event", "x", *more),
                "belongs to the default agent: use an agentTurn for the agent ops",
                id=f"an event for another agent {' '.join(more)}",
            )
            for more in ((), ("--session", "isolated"), ("--session", "session:q"))
        ),
        pytest.param(
            ("--session", "main", "--session-key", "k", "--system-event", "x"),
            "cannot apply to the main session",
            id="a key beside the main session",
        ),
        pytest.param(
            ("--session", "session:a", "--session-key", "b", "--message", "x"),
            "contradicts",
            id="a key beside another name",
        ),
        pytest.param(
            ("--session", "current", "--message", "x"),
            "name one with session:<id>",
            id="a current session where there is none",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(
    house: Stentor, flags: tuple[str, ...], said: str
) -> None:
    error = house.refusal("cron", "add", "--every", "1d", *flags)
    assert said in json.dumps(error)


def test_isolated_runs_have_the_skills_of_all_and_named_sessions_those_of_the_workspace_too(
    house: Stentor,
) -> None:
    add(house, "skilled", "--message", "what can you do?", "--no-deliver")
    add(house, "at-home", "--message", "what can you do?", "--session", "session:home", "--no-deliver")
    (isolated,), (named,) = ran(house, "skilled", 1), ran(house, "at-home", 1)
    assert "sing" in isolated["instructions"]
    assert "dance" not in isolated["instructions"]
    assert "sing" in named["instructions"]
    assert "dance" in named["instructions"]
