"""`cron preview`: what adding would do, or where a stored job would deliver now, with nothing written and nothing opened."""

import json
from pathlib import Path

import pytest
from tests import shapes
from tests.outside import Stentor, dump, files
from tests.samples import JOB

HOURLY = ("--every", "1h", "--text", "x", "--to", "local:a")


def test_a_preview_is_the_answer_that_adding_has(served: Stentor) -> None:
    flags = ("--id", "same", "--cron", "0 7 * * *", "--tz", "UTC", "--message", "x", "--to", "local:a")

    previewed = served.ask("cron", "preview", *flags)
    added = served.ask("cron", "add", *flags)

    assert previewed == added
    shapes.is_job(previewed)
    shapes.is_preview(previewed["preview"])


@pytest.mark.parametrize("file", [False, True], ids=["flags", "file"])
def test_a_preview_stores_nothing_and_makes_no_home(stentor: Stentor, home: Path, *, file: bool) -> None:
    words = ("--file", "-") if file else HOURLY

    previewed = stentor.ask("cron", "preview", *words, stdin=json.dumps(JOB) if file else "")

    assert previewed["id"] is None
    assert len(previewed["preview"]["nextRuns"]) == 3
    assert not home.exists()


def test_a_preview_leaves_the_store_as_it_was(either: Stentor) -> None:
    either.ask("cron", "add", "--id", "tea", *HOURLY)
    before = dump(either.home), files(either.home)

    for words in ((), ("--json",)):
        assert either.run("cron", "preview", *HOURLY, *words).code == 0
        assert either.run("cron", "preview", "tea", *words).code == 0

    assert dump(either.home) == before[0]
    beside = {"stentor.db-wal", "stentor.db-shm"}
    assert files(either.home) - beside == before[1] - beside


def test_what_adding_would_refuse_the_preview_refuses(either: Stentor) -> None:
    if "taken" not in str(either.ask("cron", "list", "--all")):
        either.ask("cron", "add", "--id", "taken", *HOURLY)
    for words in (
        ("--id", "taken", *HOURLY),
        ("--every", "1h", "--text", "x", "--to", "pager:1"),
        ("--cron", "0 0 30 2 *", "--text", "x", "--to", "local:a"),
        ("--every", "1h", "--text", "x"),
    ):
        assert either.refusal("cron", "preview", *words) == either.refusal("cron", "add", *words)


def test_a_stored_job_is_shown_as_things_are_now(either: Stentor) -> None:
    either.ask("cron", "add", "--id", "old", *HOURLY)

    shown = either.ask("cron", "preview", "old")

    assert (shown["id"], shown["status"], shown["preview"]["label"]) == ("old", "idle", "announce -> local:a")
    assert shown["warnings"] == []
    assert either.refusal("cron", "preview", "nobody", code=4)["code"] == "not_found"


def test_a_job_that_can_no_longer_deliver_says_that_it_will_fail(stentor: Stentor) -> None:
    stentor.home.mkdir(mode=0o700)
    toml = stentor.home / "stentor.toml"
    toml.write_text("[channels.webhook.accounts.one]\n")
    flags = ("--every", "1h", "--text", "x", "--webhook", "https://hooks.example.com/in")
    stentor.ask("cron", "add", "--id", "posting", *flags)
    toml.write_text("[channels.webhook.accounts.one]\n[channels.webhook.accounts.two]\n")

    shown = stentor.ask("cron", "preview", "posting")

    assert shown["preview"]["detail"] == "will fail closed"
    assert "several accounts: one, two" in shown["warnings"][0]


def test_a_stagger_that_follows_from_an_id_says_so(stentor: Stentor) -> None:
    flags = ("--cron", "0 * * * *", "--text", "x", "--to", "local:a", "--stagger", "5m")

    assert "follows from the job's id" in stentor.ask("cron", "preview", *flags)["warnings"][0]
    assert stentor.ask("cron", "preview", *flags, "--id", "mine")["warnings"] == []


def test_a_stored_job_and_a_new_one_are_two_questions(stentor: Stentor) -> None:
    error = stentor.refusal("cron", "preview", "tea", *HOURLY)

    assert "not both" in error["message"]


def test_people_are_told_that_it_was_a_preview(stentor: Stentor) -> None:
    answer = stentor.run("cron", "preview", *HOURLY)

    assert answer.out.startswith("(new)  x\n  announce -> local:a (explicit)\n  next ")
    assert "nothing was stored" in answer.err
