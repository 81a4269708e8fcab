"""What `status` and `cron show` tell of a home that has seen some trouble."""

from pathlib import Path

import apsw
import pytest
from tests.outside import JsonObject, Stentor, now_ms, serving, until

HOUR_MS = 3_600_000
SECRETIVE = """
[channels.webhook.accounts.default]
signing_secret = { env = "NOBODY_SET_THIS" }
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Stentor:
    """A home with a job that ran well and one that failed, and no daemon."""
    stentor = Stentor(tmp_path_factory.mktemp("troubled") / "home")
    every_hour = ("--every", "1h", "--to", "local:a")
    stentor.ask("cron", "add", "--id", "good", "--text", "x", *every_hour)
    stentor.ask("cron", "add", "--id", "bad", "--command", "false", *every_hour)
    for job, code in (("good", 0), ("bad", 6)):
        stentor.ask("cron", "run", job, "--wait", code=code)
    return stentor


def codes(health: JsonObject) -> list[str]:
    return [finding["code"] for finding in health["findings"]]


def set_fact(home: Path, key: str, value: int) -> None:
    connection = apsw.Connection(str(home / "stentor.db"))
    connection.execute("UPDATE meta SET value = ? WHERE key = ?", (str(value), key))
    connection.close()


def test_a_failed_run_raises_the_level_until_the_next_one(troubled: Stentor) -> None:
    health = troubled.ask("status")

    assert codes(health) == ["daemon_stopped", "failed_jobs"]
    assert (health["level"], health["backoff"]) == ("warn", 1)


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_open_incidents_are_listed_with_where_they_were_told(troubled: Stentor, command: str) -> None:
    (incident,) = troubled.ask(command)["incidents"]

    assert {key: incident[key] for key in ("cause", "root", "jobId", "count", "told", "toldTo")} == {
        "cause": "failing",
        "root": "bad",
        "jobId": "bad",
        "count": 1,
        "told": 0,
        "toldTo": [],
    }
    assert incident["openedAt"].endswith("Z")
    assert "not yet" in troubled.run(command).out


def test_a_clock_that_was_set_back_is_told_from_the_store_alone(troubled: Stentor) -> None:
    set_fact(troubled.home, "newest", now_ms() + 2 * HOUR_MS)

    health = troubled.ask("status")

    set_fact(troubled.home, "newest", now_ms())
    assert health["clock"]["state"] == "moved_back"
    assert 0 < 2 * HOUR_MS - health["clock"]["behindMs"] < 60_000
    assert "clock_moved_back" in codes(health)
    assert troubled.ask("status")["clock"] == {"state": "ok", "behindMs": 0}


def test_an_instant_nobody_accounted_for_is_told_with_how_late_it_is(troubled: Stentor) -> None:
    connection = apsw.Connection(str(troubled.home / "stentor.db"))
    connection.execute("UPDATE jobs SET next_at = ? WHERE id = 'good'", (now_ms() - HOUR_MS,))
    connection.close()

    health = troubled.ask("status")

    assert 0 <= health["oldestUnaccountedLateMs"] - HOUR_MS < 60_000
    assert health["oldestUnaccountedAt"].endswith("Z")
    assert "late       1 h" in troubled.run("status").out


def test_a_living_daemon_tells_when_it_last_did(stentor: Stentor) -> None:
    with serving(stentor):
        health = until(lambda: (found := stentor.ask("status"))["heartbeatAt"] and found, "a heartbeat")

    assert 0 <= health["heartbeatAgeMs"] < 30_000
    assert (health["level"], health["clock"]["state"]) == ("ok", "ok")
    assert health["oldestUnaccountedAt"] is None


def test_an_account_that_is_shut_is_not_said_to_be_starting(stentor: Stentor) -> None:
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text(SECRETIVE)
    with serving(stentor):
        stentor.ask("send", "--to", "webhook:https://hooks.example.com/x", "--text", "x")
        health = until(
            lambda: "account_down" in codes(found := stentor.ask("status")) and found, "the account's refusal"
        )

    (account,) = [entry for entry in health["accounts"] if entry["channel"] == "webhook"]
    assert account["state"] == "down"
    assert health["level"] == "critical"


def test_a_job_shows_the_sums_of_its_runs(troubled: Stentor) -> None:
    totals = troubled.ask("cron", "show", "bad")["totals"]

    assert (totals["runs"], totals["ok"], totals["errors"]) == (1, 0, 1)
    assert totals["since"].endswith("Z")
    assert "1 run (1 failed)" in troubled.run("cron", "show", "bad").out
