"""What is sent and what is not, where it goes, and which session a run belongs to."""

import pytest
from tests.outside import JsonObject, Stentor

REFUSED = "webhook:http://127.0.0.1:9/in"  # the address guard refuses it: nobody has allowed loopback
SILENT = {
    "a silent token": ("echo NO_REPLY", "silent_token"),
    "a silent token after prose": ("printf 'All quiet, so:\\nNO_REPLY'", "silent_token"),
    "nothing": ("true", "empty"),
    "an acknowledgement": ("echo HEARTBEAT_OK", "heartbeat_ack"),
}


def run_of(served: Stentor, job: JsonObject, code: int = 0) -> JsonObject:
    """Add an hourly job, run it by hand, and give its run."""
    added = served.add({"schedule": {"kind": "every", "everyMs": 3_600_000}, **job})
    run: JsonObject = served.ask("cron", "run", added["id"], "--wait", code=code)["run"]
    return run


def program(line: str, delivery: JsonObject) -> JsonObject:
    return {"payload": {"kind": "command", "argv": ["sh", "-c", line]}, "delivery": delivery}


@pytest.mark.parametrize(("line", "reason"), SILENT.values(), ids=SILENT.keys())
def test_intended_silence_is_stated_and_counts_as_success(served: Stentor, line: str, reason: str) -> None:
    run = run_of(served, program(line, {"to": f"local:{reason}"}))

    assert (run["status"], run["suppression"]) == ("ok", reason)
    assert (run["completionStatus"], run["deliveryStatus"]) == ("succeeded", "not-delivered")
    assert run["delivery"]["delivered"] is False
    (delivery,) = run["deliveries"]
    assert (delivery["state"], delivery["reason"], delivery["parts"]) == ("suppressed", reason, [])
    assert served.inbox(f"local:{reason}") == []


def test_a_word_about_silence_is_not_silence(served: Stentor) -> None:
    run = run_of(served, program("echo 'NO_REPLY_TO is a header'", {"to": "local:words"}))

    assert (run["suppression"], run["deliveryStatus"]) == (None, "delivered")
    assert served.inbox("local:words") == ["NO_REPLY_TO is a header"]


def test_a_failed_delivery_counts_against_the_run_unless_it_was_best_effort(served: Stentor) -> None:
    required = run_of(served, program("echo x", {"to": REFUSED}), code=6)
    wished = run_of(served, program("echo x", {"to": REFUSED, "bestEffort": True}))

    assert [run["completionStatus"] for run in (required, wished)] == ["failed", "succeeded"]
    assert [run["deliveryStatus"] for run in (required, wished)] == ["not-delivered", "not-delivered"]
    assert [run["status"] for run in (required, wished)] == ["ok", "ok"]


def test_a_failed_delivery_never_runs_the_job_again(served: Stentor) -> None:
    run = run_of(served, {"id": "again", **program("echo x", {"to": REFUSED})}, code=6)

    assert [entry["runId"] for entry in served.runs("again")] == [run["runId"]]
    assert served.job("again")["state"]["consecutiveErrors"] == 0


def test_several_targets_get_one_delivery_each_whatever_their_spelling(served: Stentor) -> None:
    targets = ["local:kitchen", "LOCAL:kitchen", " local:local:kitchen ", "local:Kitchen", "local:hall"]

    run = run_of(served, {"id": "fan", **program("echo dinner", {"to": targets})})

    boxes = ["local:kitchen", "local:Kitchen", "local:hall"]
    assert served.job("fan")["delivery"]["to"] == boxes
    assert [delivery["target"] for delivery in run["deliveries"]] == boxes
    assert [route["resolved"]["target"] for route in run["delivery"]["routes"]] == boxes
    assert run["delivery"]["resolved"]["target"] == boxes[0]
    assert len({delivery["parts"][0]["messageId"] for delivery in run["deliveries"]}) == 3
    assert [served.inbox(box) for box in boxes] == [["dinner"]] * 3


def test_one_target_that_fails_does_not_hold_the_others_up(served: Stentor) -> None:
    run = run_of(served, program("echo both", {"to": [REFUSED, "local:other"]}), code=6)

    assert [delivery["state"] for delivery in run["deliveries"]] == ["failed", "accepted"]
    assert (run["delivery"]["delivered"], run["deliveryStatus"]) == (False, "not-delivered")
    assert served.inbox("local:other") == ["both"]


def test_messages_to_one_box_arrive_in_the_order_they_were_sent(served: Stentor) -> None:
    for n in range(5):
        served.ask("send", "--to", "local:queue", "--text", f"{n}")
    served.ask("send", "--to", "local:queue", "--text", "last", "--wait")

    assert served.inbox("local:queue") == ["0", "1", "2", "3", "4", "last"]


SESSIONS: dict[str, tuple[JsonObject, str]] = {
    "a session key": ({"sessionKey": "Weekly"}, "agent:main:session:Weekly"),
    "a session target": ({"sessionTarget": "session:Standup"}, "agent:main:session:Standup"),
    "a full key": ({"sessionKey": "agent:main:team:retro"}, "agent:main:team:retro"),
}


@pytest.mark.parametrize(("fields", "key"), SESSIONS.values(), ids=SESSIONS.keys())
def test_a_named_session_is_one_session_for_all_runs_and_show_says_so(
    served: Stentor, fields: JsonObject, key: str
) -> None:
    added = served.add(
        {
            "schedule": {"kind": "every", "everyMs": 3_600_000},
            "payload": {"kind": "agentTurn", "message": "x"},
            "delivery": {"mode": "none"},
            **fields,
        }
    )
    runs = [served.ask("cron", "run", added["id"], "--wait")["run"] for _ in range(2)]

    assert {run["sessionKey"] for run in runs} == {key}
    assert len({run["sessionId"] for run in runs}) == 1
    shown = served.run("cron", "show", added["id"]).out
    assert "sharing the session" in shown or "session:Standup" in shown


def test_an_isolated_job_has_a_new_session_for_each_run(served: Stentor) -> None:
    added = served.add(
        {
            "id": "alone",
            "schedule": {"kind": "every", "everyMs": 3_600_000},
            "payload": {"kind": "agentTurn", "message": "x"},
            "delivery": {"mode": "none"},
        }
    )
    runs = [served.ask("cron", "run", added["id"], "--wait")["run"] for _ in range(2)]

    assert len({run["sessionId"] for run in runs}) == 2
    assert [run["sessionKey"] for run in runs] == [
        f"agent:main:cron:alone:run:{run['sessionId']}" for run in runs
    ]
    assert "sharing" not in served.run("cron", "show", "alone").out


def test_a_shared_session_remembers_the_turn_before(stentor: Stentor) -> None:
    """Told by an agent that answers with the number of messages it finds."""
    count = "import json, sys; print(len(json.loads(sys.stdin.readline())['history']))"
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text(
        f'[agents.counter]\nrunner = "command"\ncommand = ["python3", "-c", "{count}"]\n'
    )
    for name, fields in (("sharing", {"sessionKey": "notes"}), ("isolated", {})):
        stentor.add(
            {
                "id": name,
                "agentId": "counter",
                "schedule": {"kind": "every", "everyMs": 3_600_000},
                "payload": {"kind": "agentTurn", "message": "how many?"},
                "delivery": {"to": f"local:{name}"},
                **fields,
            }
        )
        for _ in range(2):
            stentor.ask("cron", "run", name, "--wait")

    assert stentor.inbox("local:sharing") == ["0", "2"]
    assert stentor.inbox("local:isolated") == ["0", "0"]
