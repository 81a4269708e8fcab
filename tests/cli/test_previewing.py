"""`cron preview`: what adding would do, or where a stored job would deliver now, with nothing written and nothing opened."""

import json
from pathlib import Path

import pytest
from tests import shapes
from tests.outside import JsonObject, Stentor, dump, files, serving
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

    assert shown["preview"] | {"nextRuns": []} == {
        "label": "webhook:https://hooks.example.com/in",
        "detail": "channel webhook has several accounts: one, two",
        "targets": [],
        "nextRuns": [],
    }
    assert "several accounts: one, two" in shown["warnings"][0]


def words(stentor: Stentor, delivery: JsonObject, **fields: object) -> tuple[str, str]:
    """What the preview of a job with this delivery says."""
    job = {**JOB, **fields, "delivery": delivery}
    shown = stentor.ask("cron", "preview", "--file", "-", stdin=json.dumps(job))["preview"]
    return shown["label"], shown["detail"]


PREVIEWS: dict[str, tuple[JsonObject, tuple[str, str]]] = {
    "a target": ({"to": "LOCAL:a"}, ("announce -> local:a", "explicit")),
    "a target of a named channel": ({"channel": "local", "to": "a"}, ("announce -> local:a", "explicit")),
    "several targets": ({"to": ["local:a", "local:b"]}, ("announce -> local:a, local:b", "explicit")),
    "nothing": ({"mode": "none"}, ("not requested", "not requested")),
    "nothing but an agent that may send": (
        {"mode": "none", "to": "local:a", "agentMaySend": True},
        ("message tool -> local:a", "explicit"),
    ),
    "a webhook": (
        {"mode": "webhook", "to": "https://hooks.example.com/in"},
        ("webhook:https://hooks.example.com/in", "webhook"),
    ),
    "the last conversation, of which there is none": (
        {"channel": "last"},
        (
            "announce -> last",
            "last -> no route, will fail-closed: there is no last conversation to deliver to",
        ),
    ),
}


@pytest.mark.parametrize(("delivery", "said"), PREVIEWS.values(), ids=PREVIEWS.keys())
def test_a_preview_says_where_and_why_there(
    stentor: Stentor, delivery: JsonObject, said: tuple[str, str]
) -> None:
    stentor.home.mkdir(mode=0o700)
    (stentor.home / "stentor.toml").write_text("[channels.webhook.accounts.one]\n")

    assert words(stentor, delivery) == said


def test_a_default_target_says_that_it_is_one_also_when_it_is_stored(stentor: Stentor) -> None:
    stentor.home.mkdir(mode=0o700)
    (stentor.home / "stentor.toml").write_text('[channels.local]\ndefault_to = "local:ops"\n')
    stentor.add({**JOB, "id": "default", "delivery": {"mode": "announce"}})

    shown = stentor.ask("cron", "preview", "default")["preview"]

    assert (shown["label"], shown["detail"]) == ("announce -> local:ops", "default")


def test_last_is_previewed_as_what_it_is_now(stentor: Stentor) -> None:
    with serving(stentor):
        stentor.ask("send", "--to", "local:here", "--text", "x", "--wait")
        said = words(stentor, {"channel": "last"})
        in_session = words(stentor, {"channel": "last"}, sessionTarget="session:weekly")

    assert said == ("announce -> local:here", "resolved from last, main session")
    assert in_session[1].startswith("last -> no route, will fail-closed")


def test_last_of_a_session_names_the_session(stentor: Stentor) -> None:
    asked = {**JOB, "sessionTarget": "session:weekly"}
    with serving(stentor):
        stentor.add({**asked, "id": "talking", "delivery": {"to": "local:here"}})
        stentor.ask("cron", "run", "talking", "--wait")
        stentor.add({**asked, "id": "following", "delivery": {"channel": "last"}})
        run = stentor.ask("cron", "run", "following", "--wait")["run"]
        shown = stentor.ask("cron", "preview", "following")["preview"]

    assert shown["label"] == "announce -> local:here"
    assert shown["detail"] == "resolved from last, session agent:main:session:weekly"
    assert run["delivery"]["intended"] == {
        "channel": "last",
        "to": "last",
        "accountId": None,
        "threadId": None,
        "source": "last",
    }
    assert run["delivery"]["resolved"]["target"] == "local:here"


def test_a_target_of_the_message_tool_that_is_gone_says_so(stentor: Stentor) -> None:
    stentor.home.mkdir(mode=0o700)
    toml = stentor.home / "stentor.toml"
    toml.write_text("[channels.webhook.accounts.one]\n")
    hook = "webhook:https://hooks.example.com/in"
    stentor.add({**JOB, "id": "quiet", "delivery": {"mode": "none", "to": hook, "agentMaySend": True}})
    toml.write_text("[channels.webhook.accounts.one]\n[channels.webhook.accounts.two]\n")

    shown = stentor.ask("cron", "preview", "quiet")["preview"]

    assert shown["label"] == f"message tool -> {hook}"
    assert shown["detail"].startswith("message tool target unresolved: channel webhook has several accounts")


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
