"""What a job can do: ask an agent, say a fixed text, run a program, put a line into the main session."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from tests.outside import JsonObject, Stentor, dump, serving, until

from stentor.testing.invariants import Witness, check

SECRET = "hunter2-is-not-for-programs"
SPEAKER = """
    import json, os, sys

    FACTS = ("runId", "jobId", "agentId", "sessionKey", "sessionId", "message", "question", "model")

    def say(**event):
        print(json.dumps(event), flush=True)

    turn = json.loads(sys.stdin.readline())
    say(type="phase", name="model-call-started")
    say(type="usage", input=10, output=5)
    say(type="model_switch", model="parrot-2")
    match turn["question"].split("] ")[-1]:
        case "deny":
            say(type="denied", code="SYSTEM_RUN_DENIED", message="not on this machine")
        case "throttle":
            say(type="error", kind="rate_limit", message="come back later")
        case "die":
            sys.exit("the parrot is no more")
        case "tool":
            say(type="tool_call", id="1", name="crystal_ball", args={"ask": "weather"})
            say(type="final", text=sys.stdin.readline())
        case _:
            facts = {key: turn[key] for key in FACTS}
            facts["history"] = [entry["role"] for entry in turn["history"]]
            facts["environment"] = {key: value for key, value in os.environ.items() if key.startswith("STENTOR_")}
            facts["secret"] = os.environ.get("API_KEY")
            say(type="text", delta="...")
            say(type="final", text=json.dumps(facts))
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    """A daemon with three agents: the default one echoes, one speaks the protocol, one just prints."""
    home = tmp_path_factory.mktemp("house") / "home"
    home.mkdir()
    speaker = home.parent / "speaker.py"
    speaker.write_text(dedent(SPEAKER))
    (home / "stentor.toml").write_text(
        f'timezone = "Asia/Tokyo"\n'
        f"[agents.speaker]\nrunner = 'command'\ncommand = {json.dumps([sys.executable, str(speaker)])}\n"
        f"[agents.printer]\nrunner = 'command'\ncommand = ['sh', '-c', 'echo just text; echo and more']\n"
    )
    stentor = Stentor(home, {"API_KEY": SECRET})
    with serving(stentor):
        yield stentor
    check(home, Witness(secrets=[SECRET]))


def outcome(house: Stentor, *flags: str, to: str = "local:inbox", code: int = 0) -> JsonObject:
    """Add a job with these flags, run it by hand, and give its run."""
    target = () if "--system-event" in flags else ("--to", to)
    added = house.ask("cron", "add", "--every", "1h", *flags, *target)
    run: JsonObject = house.ask("cron", "run", added["id"], "--wait", code=code)["run"]
    return run


def test_the_echo_agent_answers_with_what_it_was_asked(house: Stentor) -> None:
    run = outcome(house, "--id", "echo", "--name", "Echo", "--message", "Is anybody there?", to="local:echo")

    assert run["summary"] == "[cron:echo Echo] Is anybody there?"
    assert house.inbox("local:echo") == [run["summary"]]
    assert (run["phase"], run["fallbackUsed"], run["completionStatus"]) == ("done", False, "succeeded")


def test_a_program_that_speaks_the_protocol_is_told_everything_and_heard(house: Stentor) -> None:
    run = outcome(
        house,
        "--id",
        "facts",
        "--name",
        "Facts",
        "--agent",
        "speaker",
        "--message",
        "facts",
        to="local:facts",
    )

    (text,) = house.inbox("local:facts")
    heard = json.loads(text)
    assert heard["question"] == "[cron:facts Facts] facts"
    assert heard["message"].startswith("[cron:facts Facts] facts\n\nCurrent time: ")
    assert (heard["jobId"], heard["agentId"], heard["history"]) == ("facts", "speaker", [])
    assert {key: heard[key] for key in ("runId", "sessionKey", "sessionId")} == {
        key: run[key] for key in ("runId", "sessionKey", "sessionId")
    }
    assert heard["environment"] == {
        "STENTOR_RUN_ID": run["runId"],
        "STENTOR_JOB_ID": "facts",
        "STENTOR_SESSION_KEY": run["sessionKey"],
        "STENTOR_SCHEDULED_FOR": "",
    }
    assert heard["secret"] is None
    # It was started again with the model that the session was switched to, and both turns are paid for.
    assert heard["model"] == run["model"] == "parrot-2"
    assert run["usage"] == {"input": 20, "output": 10, "cached": None, "costUsd": None}


def test_a_tool_call_is_answered_even_where_there_is_no_such_tool(house: Stentor) -> None:
    outcome(house, "--agent", "speaker", "--message", "tool", to="local:tool")

    (text,) = house.inbox("local:tool")
    answer = json.loads(text)
    assert (answer["type"], answer["id"], answer["ok"]) == ("tool_result", "1", False)
    assert "there is no tool 'crystal_ball'" in answer["result"]


def test_a_program_that_just_prints_is_an_agent_too(house: Stentor) -> None:
    outcome(house, "--agent", "printer", "--message", "x", to="local:printer")

    assert house.inbox("local:printer") == ["just text\nand more"]


@pytest.mark.parametrize(
    ("message", "kind", "said"),
    [
        pytest.param("deny", "denied", "SYSTEM_RUN_DENIED: not on this machine", id="denied"),
        pytest.param("throttle", "rate_limit", "come back later", id="throttled"),
        pytest.param("die", "crashed", "the parrot is no more", id="died"),
    ],
)
def test_a_turn_that_fails_says_how_far_it_came_and_sends_nothing(
    house: Stentor, message: str, kind: str, said: str
) -> None:
    run = outcome(house, "--agent", "speaker", "--message", message, to=f"local:{message}", code=6)

    assert (run["status"], run["errorKind"], run["completionStatus"]) == ("error", kind, "failed")
    assert said in run["error"]
    assert run["phase"] == "model-call-started"
    assert (run["deliveries"], run["delivery"]["delivered"]) == ([], False)
    assert house.inbox(f"local:{message}") == []
    alert = next(alert for alert in house.ask("status")["alerts"] if alert["runId"] == run["runId"])
    assert said in alert["message"]


def test_a_turn_that_takes_too_long_is_ended(house: Stentor) -> None:
    run = outcome(house, "--command", "sleep 60", "--timeout-seconds", "0.2", code=6)

    assert (run["status"], run["errorKind"]) == ("timeout", "timeout")
    assert run["error"] == "the command took longer than 0.2 s"
    assert run["durationMs"] < 10_000


def test_a_text_is_filled_in_with_the_facts_of_its_run(house: Stentor) -> None:
    text = "{{jobName}}|{{runId}}|{{scheduledFor}}|{{ scheduledForLocal }}"
    house.add(
        {
            "id": "facts-of-text",
            "name": "Fill {{runId}} in",
            "schedule": {"kind": "cron", "expr": "* * * * * *", "tz": "Asia/Tokyo"},
            "payload": {"kind": "text", "text": text},
            "delivery": {"to": "local:text"},
        }
    )
    until(lambda: house.inbox("local:text"), "the text")
    house.ask("cron", "rm", "facts-of-text")

    run = house.runs("facts-of-text")[-1]
    name, run_id, utc, local = house.inbox("local:text")[0].split("|")
    assert name == "Fill {{runId}} in"
    assert (run_id, utc) == (run["runId"], run["scheduledFor"])
    hour = (int(utc[11:13]) + 9) % 24
    assert local[11:] == f"{hour:02}{utc[13:19]}+09:00"


def test_a_program_says_what_it_prints_on_both_streams(house: Stentor) -> None:
    script = "sh -c 'echo \"to $STENTOR_JOB_ID\"; echo aside >&2'"

    outcome(house, "--id", "both", "--command", script, to="local:both")
    outcome(house, "--id", "aside", "--command", "sh -c 'echo aside >&2'", to="local:aside")

    assert house.inbox("local:both") == ["stdout:\nto both\n\nstderr:\naside"]
    assert house.inbox("local:aside") == ["aside"]


def test_a_program_gets_its_folder_its_input_and_its_environment(house: Stentor, tmp_path: Path) -> None:
    script = "import os, sys; print(os.getcwd(), os.environ['MOOD'], sys.stdin.read(), os.environ.get('API_KEY'), sys.argv[1:])"
    house.add(
        {
            "id": "program",
            "schedule": {"kind": "every", "everyMs": 3_600_000},
            "payload": {
                "kind": "command",
                "argv": [sys.executable, "-c", script, "", "two words"],
                "cwd": str(tmp_path),
                "env": {"MOOD": "sunny"},
                "input": "grüße",
            },
            "delivery": {"to": "local:program"},
        }
    )

    house.ask("cron", "run", "program", "--wait")

    assert house.inbox("local:program") == [f"{tmp_path} sunny grüße None ['', 'two words']"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(
            "sh -c 'echo half done; echo broken >&2; exit 1'", "exited with 1: broken", id="with a reason"
        ),
        pytest.param(
            "sh -c 'echo half done; exit 3'", "exited with 3: half done", id="with the reason on stdout"
        ),
        pytest.param("false", "exited with 1", id="without a word"),
        pytest.param("sh -c 'kill -9 $$'", "SIGKILL", id="killed"),
        pytest.param("no-such-program-anywhere", "no-such-program-anywhere", id="not there"),
    ],
)
def test_a_program_that_fails_is_an_error_with_its_reason(house: Stentor, command: str, said: str) -> None:
    run = outcome(house, "--command", command, to="local:failed", code=6)

    assert (run["status"], run["phase"], run["errorKind"]) == ("error", "command", "crashed")
    assert said in run["error"]
    assert house.inbox("local:failed") == []


def test_an_event_is_a_line_in_the_main_session_and_nothing_is_sent(house: Stentor) -> None:
    run = outcome(house, "--id", "event", "--system-event", "Tea time")

    assert (run["sessionKey"], run["status"]) == ("agent:main:main", "ok")
    assert (run["deliveryStatus"], run["completionStatus"]) == ("not-requested", "succeeded")
    assert (run["deliveries"], run["delivery"]["routes"]) == ([], [])
    said = [row for row in dump(house.home)["messages"] if row[0] == run["sessionId"]]
    assert [(row[2], row[3]) for row in said] == [("system", "Tea time")]


def test_a_result_for_the_log_alone_is_not_sent(house: Stentor) -> None:
    added = house.ask("cron", "add", "--every", "1h", "--command", "echo quietly", "--no-deliver")

    run = house.ask("cron", "run", added["id"], "--wait")["run"]

    assert (run["summary"], run["deliveryStatus"], run["completionStatus"]) == (
        "quietly",
        "not-requested",
        "succeeded",
    )
    assert run["deliveries"] == []
    assert added["preview"]["label"] == "not requested"


def test_a_long_answer_arrives_whole_and_in_order(house: Stentor) -> None:
    lines = [f"line {n} of a long report" for n in range(4000)]
    script = f"import sys; print('\\n'.join(f'line {{n}} of a long report' for n in range({len(lines)})))"

    run = outcome(house, "--command", f'{sys.executable} -c "{script}"', to="local:report")

    (delivery,) = run["deliveries"]
    assert [part["n"] for part in delivery["parts"]] == [1, 2]
    assert {part["of"] for part in delivery["parts"]} == {2}
    assert "\n".join(house.inbox("local:report")).splitlines() == lines
