"""A daemon that ends in the middle of its work, kindly or not, leaves nothing that the next one cannot explain."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.outside import Stentor, serving, until

SLOW = 'echo $$ > "$0.pid"; exec cat "$0"'


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe a program waits at until somebody writes into it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def add_slow(stentor: Stentor, gate: Path, on_interrupt: str = "auto") -> None:
    stentor.add(
        {
            "id": "slow",
            "schedule": {"kind": "every", "everyMs": 3_600_000},
            "payload": {"kind": "command", "argv": ["sh", "-c", SLOW, str(gate)]},
            "delivery": {"to": "local:slow"},
            "onInterrupt": on_interrupt,
        }
    )


def starts(stentor: Stentor) -> None:
    until(lambda: stentor.runs("slow", "--status", "running"), "the start of the run")


@pytest.mark.parametrize("on_interrupt", ["rerun", "report"])
def test_a_killed_daemon_leaves_a_run_that_the_next_one_accounts_for(
    stentor: Stentor, gate: Path, on_interrupt: str
) -> None:
    add_slow(stentor, gate, on_interrupt)
    with serving(stentor, end=signal.SIGKILL):
        lost = stentor.ask("cron", "run", "slow")["runId"]
        starts(stentor)
        orphan = int(until(gate.with_suffix(".pid").read_text, "the program"))
    # Nobody is left to end what the dead daemon started, and it would take the words meant for its successor.
    os.kill(orphan, signal.SIGKILL)

    with serving(stentor):
        until(lambda: stentor.runs("slow", "--status", "interrupted"), "the account of the lost run")
        if on_interrupt == "rerun":
            starts(stentor)
            gate.write_text("after all")
            until(lambda: stentor.inbox("local:slow"), "the delivery")

    (interrupted,) = stentor.runs("slow", "--status", "interrupted")
    assert (interrupted["runId"], interrupted["completionStatus"]) == (lost, "failed")
    assert "the process ended before the run did" in interrupted["error"]
    assert any(alert["runId"] == lost for alert in stentor.ask("status")["alerts"])
    again = [run for run in stentor.runs("slow") if run["runId"] != lost]
    if on_interrupt == "report":
        assert again == []
    else:
        assert [(run["attempt"], run["status"]) for run in again] == [(2, "ok")]
        assert stentor.inbox("local:slow") == ["after all"]


def test_a_daemon_asked_to_stop_lets_a_run_finish(stentor: Stentor, gate: Path, tmp_path: Path) -> None:
    add_slow(stentor, gate)
    log = tmp_path / "home.log"

    def let_go_once_it_stops() -> None:
        until(lambda: "stopping" in log.read_text(), "the order to stop")
        gate.write_text("in time")

    with ThreadPoolExecutor() as friend, serving(stentor):
        stentor.ask("cron", "run", "slow")
        starts(stentor)
        friend.submit(let_go_once_it_stops)

    (run,) = stentor.runs("slow")
    assert (run["status"], run["summary"]) == ("ok", "in time")
    with serving(stentor):
        until(lambda: stentor.inbox("local:slow") == ["in time"], "the delivery")


def test_a_daemon_that_may_not_wait_ends_its_runs_and_says_so(stentor: Stentor, gate: Path) -> None:
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text("[scheduler]\ndrain_seconds = 0\n")
    add_slow(stentor, gate, "report")

    with serving(stentor):
        stentor.ask("cron", "run", "slow")
        starts(stentor)

    (run,) = stentor.runs("slow")
    assert (run["status"], run["error"]) == (
        "interrupted",
        "the daemon was stopped while the run was under way",
    )


def test_a_job_whose_account_has_gone_is_blocked_until_it_is_back(stentor: Stentor) -> None:
    stentor.home.mkdir()
    config = stentor.home / "stentor.toml"
    with_account = '[channels.webhook.accounts.other]\nallow_networks = ["127.0.0.0/8"]\n'
    config.write_text(with_account)
    stentor.add(
        {
            "id": "posted",
            "schedule": {"kind": "every", "everyMs": 3_600_000},
            "payload": {"kind": "text", "text": "x"},
            "delivery": {"to": "webhook:https://hooks.example.com/in", "accountId": "other"},
        }
    )

    config.write_text("")
    with serving(stentor):
        job = until(lambda: stentor.job("posted") if stentor.job("posted")["blocked"] else None, "the block")
        assert job["status"] == "blocked"
        assert job["blocked"] == "no_route: channel webhook has no account 'other'"
        findings = {finding["code"]: finding for finding in stentor.ask("status")["findings"]}
        assert findings["blocked_jobs"]["message"] == "1 job cannot run"
        run = stentor.ask("cron", "run", "posted", "--wait", code=6)["run"]
        assert (run["status"], run["phase"], run["errorKind"]) == ("error", "route", "delivery_target")

    config.write_text(with_account)
    with serving(stentor):
        until(lambda: stentor.job("posted")["blocked"] is None, "the end of the block")
