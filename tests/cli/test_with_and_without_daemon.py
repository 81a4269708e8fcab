"""Writing commands go through the daemon where one runs and do without it where none does; the answers are the same."""

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.outside import STENTOR, JsonObject, Stentor, now_ms, serving, until
from tests.samples import JOB, changed
from tests.shapes import is_delivery, is_run, outline

from stentor.testing.invariants import check

FAILING = ("cron", "add", "--every", "1h", "--to", "local:a", "--command", "sh -c 'echo broken >&2; exit 1'")
UNREACHABLE = "webhook:http://127.0.0.1:9/in"  # refused by the address guard: nobody has allowed loopback


def both(served: Stentor, alone: Stentor, *words: str, code: int = 0) -> tuple[JsonObject, JsonObject]:
    return served.ask(*words, code=code), alone.ask(*words, code=code)


def test_every_writing_command_answers_alike_and_warns_only_without_a_daemon(
    served: Stentor, alone: Stentor
) -> None:
    commands = [
        ("cron", "add", "--id", "tea", "--every", "1h", "--text", "Tea", "--to", "local:a"),
        ("cron", "edit", "tea", "--name", "Green tea", "--cron", "0 7 * * *"),
        ("cron", "edit", "tea", "--name", "Green tea"),
        ("cron", "disable", "tea"),
        ("cron", "enable", "tea"),
        ("cron", "run", "tea"),
        ("cron", "run", "tea", "--due"),
        ("cron", "run", "tea", "--wait"),
        ("send", "--to", "local:a", "--text", "x", "--dry-run"),
        ("send", "--to", "local:a", "--text", "x", "--wait"),
        ("cron", "preview", "tea"),
        ("cron", "edits", "tea"),
        ("cron", "rm", "tea"),
    ]
    warned: list[tuple[str, ...]] = []

    for words in commands:
        with_daemon, without = both(served, alone, *words)
        assert with_daemon.pop("warnings", []) == []
        warnings = without.pop("warnings", [])
        assert all(warning.startswith("no-daemon: ") for warning in warnings)
        warned += [words[:2]] * len(warnings)
        assert outline(without) == outline(with_daemon), words

    assert warned == [("cron", "add"), ("cron", "run")]


def test_a_message_without_daemon_waits_and_says_so(alone: Stentor) -> None:
    sent = alone.ask("send", "--to", "local:later", "--text", "x")

    is_delivery(sent)
    assert (sent["state"], sent["reason"]) == ("pending", None)
    assert sent["warnings"] == ["no-daemon: nothing is sent until `stentor serve` runs"]


def test_what_was_queued_without_a_daemon_is_done_by_the_next_one(stentor: Stentor) -> None:
    stentor.ask("cron", "add", "--id", "tea", "--every", "1h", "--text", "Tea", "--to", "local:a")
    run = stentor.ask("cron", "run", "tea")["runId"]
    sent = stentor.ask("send", "--to", "local:b", "--text", "Hello")["id"]
    assert stentor.runs("tea")[0]["status"] == "queued"

    with serving(stentor):
        until(lambda: stentor.runs("tea", "--delivery-status", "delivered"), "the queued run")
        until(lambda: stentor.inbox("local:b"), "the queued message")

    assert [entry["runId"] for entry in stentor.runs("tea")] == [run]
    assert stentor.ask("deliveries", "show", sent)["state"] == "accepted"
    assert stentor.inbox("local:a") == ["Tea"]


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(changed(shedule={}), id="an unknown key"),
        pytest.param(changed(delivery__to="pager:1"), id="a prefix of no plugin"),
        pytest.param(changed(agentId="mian"), id="an unknown agent"),
        pytest.param(changed(sessionKey="agent:ops:x"), id="the session of another agent"),
        pytest.param(changed(name="a\0b"), id="a NUL in the name"),
    ],
)
def test_a_refusal_is_the_same_document_both_ways(served: Stentor, alone: Stentor, job: JsonObject) -> None:
    words = ("cron", "add", "--file", "-")
    text = json.dumps(job)

    assert served.refusal(*words, stdin=text) == alone.refusal(*words, stdin=text)


def test_an_id_is_taken_once(either: Stentor) -> None:
    either.add({**JOB, "id": "twice"})

    error = either.refusal("cron", "add", "--file", "-", stdin=json.dumps({**JOB, "id": "twice"}))

    assert error["code"] == "already_exists"
    assert error["hint"] == "choose another id, or remove that job first"


def test_waiting_for_a_run_that_fails_exits_with_six(either: Stentor) -> None:
    either.ask(*FAILING, "--id", "failing")

    answer = either.ask("cron", "run", "failing", "--wait", code=6)

    run = answer["run"]
    is_run(run)
    assert (run["status"], run["completionStatus"]) == ("error", "failed")
    assert run["error"] == "exited with 1: broken"
    assert run["deliveries"] == []


def test_waiting_for_a_delivery_that_is_not_accepted_exits_with_six(either: Stentor) -> None:
    either.ask("cron", "add", "--id", "unreachable", "--every", "1h", "--text", "x", "--to", UNREACHABLE)

    run = either.ask("cron", "run", "unreachable", "--wait", code=6)["run"]

    assert (run["status"], run["completionStatus"], run["deliveryStatus"]) == (
        "ok",
        "failed",
        "not-delivered",
    )
    assert either.ask("send", "--to", UNREACHABLE, "--text", "x", "--wait", code=6)["state"] == "failed"


def test_people_who_wait_are_told_why_it_did_not_arrive(either: Stentor) -> None:
    either.ask("cron", "add", "--id", "why", "--every", "1h", "--text", "x", "--to", UNREACHABLE)

    for words in (("cron", "run", "why", "--wait"), ("send", "--to", UNREACHABLE, "--text", "x", "--wait")):
        told = either.run(*words)
        assert told.code == 6
        assert f"{UNREACHABLE}: rejected (address_refused): 127.0.0.1 is loopback" in told.err
    assert "address_refused" in either.run("deliveries", "list").out


def test_waiting_longer_than_allowed_exits_with_six_and_the_run_goes_on(
    served: Stentor, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    served.ask(
        "cron", "add", "--id", "slow", "--every", "1h", "--command", f"cat {gate}", "--to", "local:slow"
    )

    waited = served.ask("cron", "run", "slow", "--wait", "--wait-timeout", "100ms", code=6)

    assert waited["run"]["status"] in ("queued", "running")
    gate.write_text("done at last")
    until(lambda: served.runs("slow", "--delivery-status", "delivered"), "the slow run")
    assert served.inbox("local:slow") == ["done at last"]


def test_a_disabled_job_runs_by_hand_and_stays_disabled(either: Stentor) -> None:
    either.ask(
        "cron", "add", "--id", "asleep", "--every", "1h", "--text", "x", "--to", "local:a", "--disabled"
    )

    assert either.ask("cron", "run", "asleep", "--wait")["run"]["status"] == "ok"

    job = either.ask("cron", "show", "asleep")
    assert (job["enabled"], job["status"], job["state"]["nextRunAtMs"]) == (False, "disabled", None)


def test_a_run_by_hand_does_not_use_up_the_instant_of_a_one_shot(either: Stentor) -> None:
    added = either.ask(
        "cron", "add", "--id", "once", "--at", "1h", "--text", "x", "--to", "local:a", "--delete-after-run"
    )

    assert either.ask("cron", "run", "once", "--wait")["run"]["trigger"] == "manual"

    job = either.job("once")
    assert job["enabled"] is True
    assert job["state"]["nextRunAtMs"] == added["state"]["nextRunAtMs"] > now_ms()


def test_switching_off_and_on_keeps_the_job_and_raises_its_revision(either: Stentor) -> None:
    either.ask("cron", "add", "--id", "switch", "--cron", "0 7 * * *", "--text", "x", "--to", "local:a")

    off = either.ask("cron", "disable", "switch")
    on = either.ask("cron", "enable", "switch")

    assert (off["enabled"], off["state"]["nextRunAtMs"], off["revision"]) == (False, None, 2)
    assert (on["enabled"], on["revision"]) == (True, 3)
    assert on["state"]["nextRunAtMs"] > now_ms()
    assert on["preview"]["targets"] == ["local:a"]


def test_a_second_daemon_is_told_who_was_first(served: Stentor) -> None:
    error = served.refusal("serve", code=3)

    assert error["code"] == "store_held"
    assert "belongs to daemon with pid" in error["message"]
    assert "another --home" in error["hint"]


def test_a_change_reaches_a_running_daemon_at_once(served: Stentor) -> None:
    """A daemon that only looked now and then would still be asleep when these are due."""
    with ExitStack() as cleaning:
        for name in ("first", "second"):
            served.ask("cron", "add", "--id", name, "--every", "1s", "--text", name, "--to", f"local:{name}")
            cleaning.callback(served.ask, "cron", "rm", name)
        until(lambda: served.inbox("local:first") and served.inbox("local:second"), "both jobs", seconds=8)


def test_commands_side_by_side_wait_for_each_other_without_a_daemon(stentor: Stentor) -> None:
    names = [f"job-{n}" for n in range(6)]
    words = ("cron", "add", "--every", "1h", "--text", "x", "--to", "local:a", "--id")

    def add(name: str) -> str:
        return str(stentor.ask(*words, name)["id"])

    with ThreadPoolExecutor(len(names)) as crowd:
        assert list(crowd.map(add, names)) == names

    assert {job["id"] for job in stentor.ask("cron", "list")["jobs"]} == set(names)


def test_a_home_too_long_for_a_socket_is_served_all_the_same(tmp_path: Path) -> None:
    with TemporaryDirectory() as short:
        deep = Stentor(tmp_path / ("long-" * 30) / "home", {"XDG_RUNTIME_DIR": short})

        with serving(deep) as announced:
            assert announced["socket"].startswith(short)
            assert "warnings" not in deep.ask("send", "--to", "local:a", "--text", "x")
            deep.ask("cron", "add", "--id", "far", "--every", "1h", "--text", "x", "--to", "local:a")
            assert deep.ask("cron", "run", "far", "--wait")["run"]["deliveryStatus"] == "delivered"
    check(deep.home)


def test_an_interrupted_command_exits_with_130_answers_and_writes_the_run_down(
    stentor: Stentor, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    stentor.ask(
        "cron", "add", "--id", "slow", "--every", "1h", "--command", f"cat {gate}", "--to", "local:slow"
    )
    words = [*STENTOR, "cron", "run", "slow", "--wait", "--json", "--home", str(stentor.home)]

    with subprocess.Popen(
        words, env=stentor.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as waiting:
        until(lambda: stentor.runs("slow", "--status", "running"), "the start of the run")
        waiting.send_signal(signal.SIGINT)
        answer, complaints = waiting.communicate()

    assert (waiting.returncode, complaints.strip()) == (130, b"")
    assert json.loads(answer)["error"]["code"] == "interrupted"
    assert len(stentor.runs("slow", "--status", "interrupted")) == 1
