"""A reminder as an older release wrote it: it must run once, leave a session and a log, and arrive with a receipt."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import shapes
from tests.outside import JsonObject, Stentor, now_ms, serving, until

AHEAD_MS = 2000
TEXT = "🧪 Test reminder"
REPAIRS = ["schedule.atMs renamed to at", "payload.deliver/channel/to moved to delivery"]
VARIANTS: dict[str, JsonObject] = {
    "plain": {},
    "heartbeat": {"wakeMode": "next-heartbeat"},
    "typed": {"payload": {"to": "local:2873"}},
    "typed-heartbeat": {"wakeMode": "next-heartbeat", "payload": {"to": "local:2873"}},
    "bare": {"payload": {"to": "2873"}},
    "deleted": {"deleteAfterRun": True},
    "kept": {"deleteAfterRun": False},
    "null": {"deleteAfterRun": None},
}
BOXES = {name: "local:2873" if "payload" in fields else "local:inbox" for name, fields in VARIANTS.items()}


def reminder(name: str, at_ms: int) -> JsonObject:
    fields = VARIANTS[name]
    payload = {"kind": "agentTurn", "message": TEXT, "deliver": True, "channel": "local", "to": "local"}
    return {
        "id": name,
        "name": "Test Reminder",
        "schedule": {"kind": "at", "atMs": at_ms},
        "sessionTarget": "isolated",
        "wakeMode": "now",
        **fields,
        "payload": {**payload, **fields.get("payload", {})},
    }


@dataclass(frozen=True)
class Fired:
    """All variants, each added two seconds before its instant, and all of them over by now."""

    stentor: Stentor
    added: dict[str, JsonObject]
    stored_ms: dict[str, int]
    runs: dict[str, list[JsonObject]]
    jobs: dict[str, JsonObject]


@pytest.fixture(scope="module")
def fired(served: Stentor) -> Fired:
    added: dict[str, JsonObject] = {}
    stored_ms: dict[str, int] = {}
    for name in VARIANTS:
        added[name] = served.add(reminder(name, now_ms() + AHEAD_MS))
        stored_ms[name] = now_ms()
    finished = "--delivery-status=delivered"
    until(lambda: served.ask("cron", "runs", finished)["total"] == len(VARIANTS), "every reminder")
    runs = {name: served.runs(name) for name in VARIANTS}
    return Fired(
        served,
        added,
        stored_ms,
        runs,
        {job["id"]: job for job in served.ask("cron", "list", "--all")["jobs"]},
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_each_repair_is_named_in_the_answer(fired: Fired, name: str) -> None:
    added = fired.added[name]

    shapes.is_job(added)
    repaired = [repair for repair in added["repaired"] if not repair.startswith("schedule.at ")]
    wake = [repair for repair in repaired if "wakeMode" in repair]
    assert [repair for repair in repaired if repair not in wake] == REPAIRS
    assert len(added["repaired"]) == len(repaired) + 1
    at_ms = added["state"]["nextRunAtMs"]
    assert f'schedule.at {at_ms} read as "{added["schedule"]["at"]}"' in added["repaired"]
    assert bool(wake) == (VARIANTS[name].get("wakeMode") == "next-heartbeat")
    assert added["preview"]["targets"] == [BOXES[name]]


@pytest.mark.parametrize("name", VARIANTS)
def test_it_runs_once_at_its_time_in_a_session_of_its_own(fired: Fired, name: str) -> None:
    (run,) = fired.runs[name]

    shapes.is_run(run)
    assert (run["status"], run["phase"]) == ("ok", "done")
    assert run["scheduledFor"] == fired.added[name]["schedule"]["at"]
    assert run["startedAt"] >= run["scheduledFor"]
    # On a busy machine a job may be stored when its instant has come already: that is not the daemon's delay.
    stored_late = max(0, fired.stored_ms[name] - fired.added[name]["state"]["nextRunAtMs"])
    assert run["lateMs"] < AHEAD_MS + stored_late
    assert run["trigger"] == "schedule" or run["lateMs"] >= 1000
    assert run["sessionKey"] == f"agent:main:cron:{name}:run:{run['sessionId']}"


@pytest.mark.parametrize("name", VARIANTS)
def test_it_arrives_with_a_receipt(fired: Fired, name: str) -> None:
    (run,) = fired.runs[name]

    assert (run["completionStatus"], run["deliveryStatus"]) == ("succeeded", "delivered")
    assert run["delivery"]["intended"]["channel"] == "local"
    assert run["delivery"]["resolved"]["target"] == BOXES[name]
    (delivery,) = run["deliveries"]
    (part,) = delivery["parts"]
    assert (delivery["purpose"], delivery["target"], delivery["state"]) == (
        "announce",
        BOXES[name],
        "accepted",
    )
    assert (part["state"], part["attempts"]) == ("accepted", 1)
    assert part["acceptedAt"] >= run["endedAt"]
    kept = {message["id"]: message for message in fired.stentor.ask("inbox", BOXES[name])["messages"]}
    assert kept[part["messageId"]]["text"] == f"[cron:{name} Test Reminder] {TEXT}"
    assert kept[part["messageId"]]["deliveryId"] == delivery["id"]


def test_each_box_holds_each_message_once(fired: Fired) -> None:
    for box in set(BOXES.values()):
        texts = fired.stentor.inbox(box)
        expected = [f"[cron:{name} Test Reminder] {TEXT}" for name, target in BOXES.items() if target == box]
        assert sorted(texts) == sorted(expected)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "deleted"])
def test_a_one_shot_that_is_done_stays_and_is_off(fired: Fired, name: str) -> None:
    job = fired.jobs[name]

    assert (job["status"], job["enabled"]) == ("done", False)
    assert job["state"]["nextRunAtMs"] is None
    assert (job["state"]["lastRunStatus"], job["state"]["lastDeliveryStatus"]) == ("ok", "delivered")


def test_a_one_shot_that_asked_for_it_is_gone_and_its_run_stays(fired: Fired) -> None:
    assert "deleted" not in fired.jobs
    assert fired.stentor.refusal("cron", "get", "deleted", code=4)["code"] == "not_found"
    assert len(fired.runs["deleted"]) == 1


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe a program waits at until somebody writes into it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("delete", [True, False], ids=["deleted after its run", "kept"])
def test_a_one_shot_is_retired_only_when_its_run_is_over(daemon: Stentor, gate: Path, delete: bool) -> None:
    daemon.add(
        {
            "id": "slow",
            "schedule": {"kind": "at", "at": "500ms"},
            "payload": {"kind": "command", "argv": ["cat", str(gate)]},
            "delivery": {"to": "local:inbox"},
            "deleteAfterRun": delete,
        }
    )
    until(lambda: daemon.runs("slow", "--status", "running"), "the start of the run")

    job = daemon.job("slow")
    assert (job["status"], job["enabled"]) == ("running", True)
    assert job["state"]["runningAtMs"] is not None
    assert daemon.inbox("local:inbox") == []

    gate.write_text("done at last")
    until(lambda: daemon.inbox("local:inbox") == ["done at last"], "the delivery")
    if delete:
        until(lambda: daemon.ask("cron", "list", "--all")["jobs"] == [], "the end of the job")
    else:
        until(lambda: daemon.job("slow")["status"] == "done", "the end of the job")
        assert daemon.job("slow")["enabled"] is False
    assert len(daemon.runs("slow")) == 1


def test_a_one_shot_whose_run_fails_is_kept_as_failed(daemon: Stentor) -> None:
    daemon.add(
        {
            "id": "failing",
            "schedule": {"kind": "at", "at": "500ms"},
            "payload": {"kind": "command", "argv": ["false"]},
            "delivery": {"to": "local:inbox"},
            "deleteAfterRun": True,
        }
    )

    until(lambda: daemon.job("failing")["status"] == "failed", "the end of the job")

    assert daemon.job("failing")["enabled"] is False
    assert daemon.runs("failing")[0]["error"] == "exited with 1"
    assert daemon.ask("status")["alerts"][0]["jobId"] == "failing"


def test_an_instant_that_passed_while_nothing_ran_is_caught_up_with(stentor: Stentor) -> None:
    added = stentor.add({**reminder("plain", now_ms() + 500)})
    until(lambda: now_ms() > added["state"]["nextRunAtMs"] + 1500, "the instant")

    with serving(stentor):
        until(lambda: stentor.job("plain")["status"] == "done", "the run")

    (run,) = stentor.runs("plain")
    assert (run["trigger"], run["status"], run["deliveryStatus"]) == ("catchup", "ok", "delivered")
    assert run["scheduledFor"] == added["schedule"]["at"]
    assert run["lateMs"] > 1000


def test_a_job_removed_before_its_time_never_runs(daemon: Stentor) -> None:
    at_ms = now_ms() + 4000
    daemon.add(reminder("plain", at_ms))
    daemon.ask("cron", "rm", "plain")
    daemon.add(reminder("kept", at_ms + 100))

    until(lambda: daemon.job("kept")["status"] == "done", "the other job")

    assert daemon.runs("plain") == []
    assert daemon.inbox("local:inbox") == [f"[cron:kept Test Reminder] {TEXT}"]
