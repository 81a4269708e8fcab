"""A plugin blocks the loop of a real daemon: it is noticed, said, and ended where that was asked for."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.outside import PATIENCE_SECONDS, STENTOR, Stentor, serving, until

CONFIG = """
[scheduler]
stall_seconds = 1

[agents.main]
runner = "stuck"
"""
ASKED = CONFIG.replace('"stuck"', '"asked"')
TURN = ("cron", "add", "--id", "stuck", "--at", "1s", "--message", "x", "--no-deliver")


@pytest.fixture
def stentor(tmp_path: Path) -> Stentor:
    """A home whose agent gets stuck, with the runner installed the way any plugin is."""
    site = tmp_path / "site"
    info = site / "stuck_runner-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stuck-runner\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stentor]\nstuck = stuck_runner\n")
    shutil.copy(Path(__file__).with_name("stuck_runner.py"), site)
    home = tmp_path / "home"
    home.mkdir()
    (home / "stentor.toml").write_text(CONFIG)
    return Stentor(home, {"PYTHONPATH": str(site)})


@contextmanager
def daemon(stentor: Stentor, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    log = stentor.home.parent / "daemon.log"
    words = [*STENTOR, "serve", *flags, "--home", str(stentor.home)]
    with (
        log.open("wb") as complaints,
        subprocess.Popen(words, env=stentor.environment, stderr=complaints) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def log_of(stentor: Stentor) -> str:
    return (stentor.home.parent / "daemon.log").read_text()


def alerts_of(stentor: Stentor, cause: str) -> list[str]:
    return [alert["message"] for alert in stentor.ask("status")["alerts"] if alert["cause"] == cause]


def test_a_stalled_daemon_ends_with_eight_says_where_it_stood_and_is_told_of(stentor: Stentor) -> None:
    stentor.ask(*TURN)

    with daemon(stentor, "--exit-on-stall") as process:
        assert process.wait(PATIENCE_SECONDS) == 8, log_of(stentor)

    assert "stalled: the loop has not answered for 1 s; ending with exit code 8" in log_of(stentor)
    assert "stuck_runner.py" in log_of(stentor)
    health = stentor.ask("status")
    (stalled,) = [finding for finding in health["findings"] if finding["code"] == "stalled"]
    assert (health["daemon"], health["level"]) == ("stopped", "critical")
    assert stalled["message"] == "the daemon stalled 1 s; it was ended for it"

    (stentor.home / "stentor.toml").unlink()
    with serving(stentor):
        told = until(lambda: alerts_of(stentor, "stalled"), "the alert of the next daemon")
        assert told == ["the daemon stalled 1 s; it was ended for it"]
        assert "stalled" not in [finding["code"] for finding in stentor.ask("status")["findings"]]


def test_without_being_asked_to_a_stalled_daemon_is_named_and_left_alone(stentor: Stentor) -> None:
    stentor.ask(*TURN)

    with daemon(stentor) as process:
        until(lambda: "stalled: the loop has not answered" in log_of(stentor), "the watchdog's word")
        health = stentor.ask("status")
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)

    assert health["daemon"] == "silent"
    assert "daemon_silent" in [finding["code"] for finding in health["findings"]]


def test_threads_of_a_daemon_wait_less_for_each_other_than_those_of_any_program(stentor: Stentor) -> None:
    (stentor.home / "stentor.toml").write_text(ASKED)
    with serving(stentor):
        stentor.ask("cron", "add", "--id", "asked", "--at", "1h", "--message", "x", "--no-deliver")
        stentor.ask("cron", "run", "asked", "--wait")
        (run,) = stentor.runs("asked")
    assert float(str(run["summary"])) < sys.getswitchinterval() / 5
