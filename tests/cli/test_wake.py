"""`stentor wake` from outside: with a daemon and without, and what `status` says of the main session."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.outside import PATIENCE_SECONDS, STENTOR, JsonObject, Stentor, serving, until

# An agent that says what it is asked, because somebody wants it to.
AGENT = """
[agents.main]
runner = "echo"

[heartbeat]
target = "local:inbox"
every = "1d"
"""


@pytest.fixture
def awake(tmp_path: Path) -> Stentor:
    """A home with an agent that acts in its main session."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "stentor.toml").write_text(AGENT)
    return Stentor(home)


def main_session(stentor: Stentor) -> JsonObject:
    found: JsonObject = stentor.ask("status")["mainSession"]
    return found


def test_a_word_wakes_the_agent_and_its_answer_arrives(awake: Stentor) -> None:
    with serving(awake):
        answer = awake.ask("wake", "--text", "tea is ready", "--wait")
        assert answer["run"]["jobId"] == "main/heartbeat"
        assert answer["run"]["status"] == "ok"
        (text,) = awake.inbox("local:inbox")
        assert text.endswith("] tea is ready")
        found = main_session(awake)
        assert (found["everyMs"], found["unanswered"], found["leftOut"]) == (86_400_000, 0, None)
        assert found["lastTurn"]["status"] == "ok"
        assert until(lambda: main_session(awake)["nextHeartbeatAt"], "the next heartbeat").endswith(
            "T00:00:00Z"
        )
        assert "heartbeat every 1d" in awake.run("status").out


def test_the_agent_is_told_at_its_heartbeat_what_waits_for_that(awake: Stentor) -> None:
    with serving(awake):
        answer = awake.ask("wake", "--text", "the backup failed", "--mode", "Next-Heartbeat")
        assert (answer["mode"], answer["enqueued"]) == ("next-heartbeat", False)
        assert main_session(awake)["unanswered"] == 1
        said = awake.run("wake", "--text", "the disk is full", "--mode", "next-heartbeat")
        assert said.out == "left for the next heartbeat\n"
    assert "2 events unanswered" in awake.run("status").out


def test_a_word_that_is_left_without_a_daemon_wakes_the_agent_when_one_runs(awake: Stentor) -> None:
    answer = awake.ask("wake", "--text", "tea is ready")
    assert answer["enqueued"] is False
    assert answer["warnings"] == ["no-daemon: it is read when `stentor serve` runs"]
    with serving(awake):
        (text,) = until(lambda: awake.inbox("local:inbox"), "the answer")
    assert text.endswith("] tea is ready")


def test_without_a_daemon_the_turn_can_be_waited_for(awake: Stentor) -> None:
    answer = awake.ask("wake", "--wait")
    assert answer["run"]["status"] == "ok"
    (text,) = awake.inbox("local:inbox")
    assert text.startswith("This is your heartbeat")


def test_turns_that_fail_are_found_until_one_goes_well(awake: Stentor) -> None:
    toml = awake.home / "stentor.toml"
    toml.write_text(AGENT.replace('"echo"', '"command"\ncommand = ["false"]'))
    awake.ask("wake", "--text", "the disk is full", "--wait", code=6)
    for command in ("status", "doctor"):
        (found,) = awake.ask(command)["findings"]
        assert found["code"] == "heartbeat_failing"
        assert found["message"].endswith("1 event is unanswered")
        assert found["fix"] == "stentor cron runs --id main/heartbeat"
    assert main_session(awake)["failing"]["times"] == 1
    toml.write_text(AGENT)
    awake.ask("wake", "--wait")
    assert awake.ask("doctor")["findings"] == []


def test_whoever_interrupts_the_wait_gets_an_answer_and_the_daemon_goes_on(
    awake: Stentor, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    toml = awake.home / "stentor.toml"
    toml.write_text(AGENT.replace('"echo"', f'"command"\ncommand = ["cat", "{gate}"]'))
    words = [*STENTOR, "wake", "--text", "tea", "--wait", "--json", "--home", str(awake.home)]
    with serving(awake):
        with subprocess.Popen(words, env=awake.environment, stdout=subprocess.PIPE) as waiting:
            try:
                until(lambda: awake.ask("cron", "runs", "--status", "running")["entries"], "the turn")
                waiting.send_signal(signal.SIGINT)
                answer, _ = waiting.communicate(timeout=PATIENCE_SECONDS)
            finally:
                waiting.kill()
        gate.write_text("tea it is")
        until(lambda: awake.runs("main/heartbeat", "--status", "ok"), "the end of the turn")
    error = json.loads(answer)["error"]
    assert (waiting.returncode, error["code"]) == (130, "interrupted")
    assert "stentor cron runs" in error["hint"]


def test_without_a_daemon_and_without_a_word_there_is_nothing_to_leave(awake: Stentor) -> None:
    refusal = awake.refusal("wake")
    assert refusal["code"] == "no_daemon"
    assert "stentor serve" in refusal["hint"]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        pytest.param(("--text", " "), "bad_request", "blank", id="a blank text"),
        pytest.param(("--mode", "next-heartbeat"), "bad_request", "text: is missing", id="nothing to tell"),
        pytest.param(
            ("--text", "x", "--mode", "next-heartbeat", "--wait"),
            "usage",
            "choose one",
            id="a wait for nothing",
        ),
        pytest.param(("--wait-timeout", "5s"), "usage", "belongs to --wait", id="a limit without a wait"),
    ],
)
def test_what_cannot_be_meant_is_refused(awake: Stentor, words: tuple[str, ...], code: str, why: str) -> None:
    refusal = awake.refusal("wake", *words)
    assert refusal["code"] == code
    assert why in refusal["message"]


def test_where_nobody_acts_in_the_main_session_nobody_is_woken(alone: Stentor) -> None:
    refusal = alone.refusal("wake", "--text", "tea")
    assert refusal["code"] == "no_agent"
    assert "[agents.main]" in refusal["hint"]
    event = {
        "id": "tea",
        "schedule": {"kind": "at", "at": "20m"},
        "payload": {"kind": "systemEvent", "text": "tea"},
    }
    alone.add(event)
    answer = alone.ask("cron", "run", "tea", "--wait")
    assert "[agents.main]" in answer["run"]["warnings"][0]
