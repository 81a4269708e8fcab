"""Which model answers, from outside: a program plays all of them, and does what the name of the model says."""

import json
import sys
from collections.abc import Iterator

import pytest
from tests.outside import JsonObject, Stentor, serving

PROGRAM = """
import json, sys

def say(**event):
    print(json.dumps(event), flush=True)

turn = json.loads(sys.stdin.readline())
say(type="phase", name="model-call-started")
model = turn["model"]
say(type="usage", input=100, output=10, context=len(turn["history"]))
if model == "busy":
    say(type="error", kind="rate_limit", message="come back later", retryAfter=60)
elif model == "switched" and "again" not in sys.argv:
    say(type="model_switch", model="steady")
else:
    say(type="final", text=json.dumps({"model": model, "history": [entry["role"] for entry in turn["history"]]}))
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    stentor = Stentor(tmp_path_factory.mktemp("models") / "home")
    program = stentor.home / "agent.py"
    stentor.home.mkdir()
    program.write_text(PROGRAM)
    command = json.dumps([sys.executable, str(program)])
    (stentor.home / "stentor.toml").write_text(
        f"""
[agents.main]
runner = "command"
command = {command}
model = "busy"
fallbacks = ["steady"]

[agents.strict]
runner = "command"
command = {command}
model = "steady"
allowed_models = ["steady", "house:*"]
"""
    )
    with serving(stentor):
        yield stentor


def ran(house: Stentor, name: str, *flags: str, code: int = 0) -> JsonObject:
    house.ask(
        "cron", "add", "--id", name, "--every", "1d", "--to", f"local:{name}", "--message", "hi", *flags
    )
    run: JsonObject = house.ask("cron", "run", name, "--wait", code=code)["run"]
    return run


def answer(house: Stentor, name: str) -> JsonObject:
    found: JsonObject = json.loads(house.inbox(f"local:{name}")[-1])
    return found


def test_a_fallback_answers_and_the_run_says_so(house: Stentor) -> None:
    run = ran(house, "fallback")
    assert (run["status"], run["model"], run["fallbackUsed"], run["modelFallback"]) == (
        "ok",
        "steady",
        True,
        True,
    )
    assert run["warnings"] == ["busy did not answer: come back later"]
    assert (run["usage"]["input"], run["usage"]["output"]) == (200, 20)
    assert answer(house, "fallback") == {"model": "steady", "history": []}


def test_an_empty_list_of_fallbacks_is_strict(house: Stentor) -> None:
    run = ran(house, "strict", "--fallbacks", "", code=6)
    assert (run["status"], run["errorKind"], run["model"]) == ("error", "rate_limit", "busy")


def test_the_models_of_a_job_come_first_and_replace_the_agents(house: Stentor) -> None:
    run = ran(house, "own", "--model", "first", "--fallbacks", "second")
    assert (run["model"], run["modelFallback"]) == ("first", False)


def test_a_session_that_was_switched_stays_so(house: Stentor) -> None:
    first = ran(house, "switch", "--model", "switched", "--session", "session:talk")
    assert (first["model"], first["warnings"]) == ("steady", ["the model was switched to steady"])
    (session,) = [
        entry
        for entry in house.ask("sessions", "list")["sessions"]
        if entry["key"] == "agent:main:session:talk"
    ]
    assert (session["billedTokens"], session["contextTokens"]) == (220, 0)
    second = ran(house, "after", "--session", "session:talk")
    assert second["model"] == "steady"
    assert answer(house, "after") == {"model": "steady", "history": ["user", "assistant"]}


@pytest.mark.parametrize(
    ("flags", "field"),
    [(("--model", "gpt"), "payload.model"), (("--fallbacks", "house:a,gpt"), "payload.fallbacks[1]")],
    ids=["model", "fallback"],
)
def test_a_model_that_the_agent_may_not_use_is_refused_with_the_job(
    house: Stentor, flags: tuple[str, ...], field: str
) -> None:
    asked = (
        "cron",
        "add",
        "--every",
        "1d",
        "--to",
        "local:x",
        "--agent",
        "strict",
        "--message",
        "hi",
        *flags,
    )
    error = house.refusal(*asked)
    assert error["code"] == "model_not_allowed"
    assert error["details"] == [
        {"path": field, "message": "agent 'strict' may not use the model 'gpt'; allowed: steady, house:*"}
    ]
    assert "agents.strict.allowed_models" in error["hint"]


def test_nor_does_a_job_come_to_name_one_later(house: Stentor) -> None:
    house.ask(
        "cron",
        "add",
        "--id",
        "later",
        "--every",
        "1d",
        "--to",
        "local:x",
        "--agent",
        "strict",
        "--message",
        "hi",
    )
    assert house.refusal("cron", "edit", "later", "--model", "gpt")["code"] == "model_not_allowed"
    assert house.ask("cron", "edit", "later", "--model", "house:a")["payload"]["model"] == "house:a"
