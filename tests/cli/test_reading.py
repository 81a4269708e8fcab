"""Whoever only asks changes nothing: no row of the store, and no file where there was no home."""

from pathlib import Path

import pytest
from tests.outside import JsonObject, Stentor, dump, files

QUESTIONS = {
    "cron list": ("cron", "list", "--all"),
    "cron runs": ("cron", "runs"),
    "cron next": ("cron", "next", "--cron", "0 7 * * *"),
    "cron edits": ("cron", "edits"),
    "cron preview": ("cron", "preview", "--every", "1h", "--text", "x", "--to", "local:a"),
    "status": ("status",),
    "plugins": ("plugins",),
    "inbox": ("inbox",),
    "deliveries list": ("deliveries", "list"),
    "sessions list": ("sessions", "list"),
    "sessions prune --dry-run": ("sessions", "prune", "--dry-run"),
    "config path": ("config", "path"),
    "config check": ("config", "check"),
    "targets explain": ("targets", "explain", "--", "local:inbox"),
    "targets explain --check": ("targets", "explain", "--check", "--", "local:inbox"),
}
ABOUT_SOMETHING = {
    "cron get": ("cron", "get", "tea"),
    "cron show": ("cron", "show", "tea"),
    "cron next --id": ("cron", "next", "--id", "tea"),
    "cron preview JOB": ("cron", "preview", "tea"),
    "cron edits JOB": ("cron", "edits", "tea"),
    "sessions show": ("sessions", "show", "agent:main:cron:tea"),
    "send --dry-run": ("send", "--to", "local:a", "--text", "x", "--dry-run"),
    "cron run --due": ("cron", "run", "tea", "--due"),
}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Stentor:
    """A home with a job, a run and a message in it, and no daemon."""
    stentor = Stentor(tmp_path_factory.mktemp("used") / "home")
    stentor.ask("cron", "add", "--id", "tea", "--every", "1h", "--text", "Tea", "--to", "local:a")
    stentor.ask("cron", "run", "tea", "--wait")
    return stentor


@pytest.mark.parametrize(
    "words", (QUESTIONS | ABOUT_SOMETHING).values(), ids=(QUESTIONS | ABOUT_SOMETHING).keys()
)
def test_a_question_changes_no_row(used: Stentor, words: tuple[str, ...]) -> None:
    before = dump(used.home)

    answer = used.run(*words)

    assert (answer.code, answer.out.strip() != "") == (0, True)
    assert dump(used.home) == before


@pytest.mark.parametrize("words", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_a_question_works_without_a_home_and_makes_none(
    stentor: Stentor, home: Path, words: tuple[str, ...]
) -> None:
    stentor.ask(*words)
    assert stentor.run(*words).code == 0

    assert not home.exists()


def test_what_is_asked_of_an_empty_home_is_not_found_and_makes_none(stentor: Stentor, home: Path) -> None:
    for words in (
        ("cron", "get", "x"),
        ("cron", "show", "x"),
        ("deliveries", "show", "x"),
        ("cron", "next", "--id", "x"),
    ):
        stentor.refusal(*words, code=4)

    assert not home.exists()


def test_a_question_leaves_no_file_beside_the_store(used: Stentor) -> None:
    before = files(used.home)

    used.ask("cron", "runs")

    # The engine's own two are made by whoever opens the store first, and hold nothing.
    own = {"stentor.db-wal", "stentor.db-shm"}
    assert files(used.home) - own == before - own
    assert not (used.home / "stentor.db-wal").exists() or not (used.home / "stentor.db-wal").stat().st_size


def told(used: Stentor, *words: str) -> str:
    return used.run(*words).out


def test_people_see_the_job_its_runs_and_its_receipts(used: Stentor) -> None:
    run: JsonObject = used.ask("cron", "runs")["entries"][0]
    receipt = run["deliveries"][0]["parts"][0]["messageId"]

    assert "every 1h" in told(used, "cron", "list")
    assert "announce -> local:a" in told(used, "cron", "list")
    for words in (("cron", "show", "tea"), ("cron", "runs")):
        assert run["runId"] in told(used, *words)
        assert "delivered" in told(used, *words)
    assert "Tea" in told(used, "inbox")
    assert receipt in told(used, "deliveries", "list")
    assert "accepted" in told(used, "deliveries", "show", run["deliveries"][0]["id"])


def test_jobs_that_nobody_runs_are_a_finding_with_its_mend(used: Stentor) -> None:
    health = used.ask("status")

    assert (health["daemon"], health["level"]) == ("stopped", "warn")
    assert health["findings"] == [
        {
            "level": "warn",
            "code": "daemon_stopped",
            "message": "1 job will not run",
            "fix": "start `stentor serve`",
        }
    ]
