"""`cron apply`: the jobs of a file become the stored ones, all or none, and the second time nothing happens."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from tests.outside import JsonObject, Stentor, dump, files

TEA: JsonObject = {
    "id": "tea",
    "schedule": {"kind": "cron", "expr": "0 16 * * *"},
    "payload": {"kind": "text", "text": "Tea is ready"},
    "delivery": {"to": "local:kitchen"},
}
BEAT: JsonObject = {
    "id": "beat",
    "schedule": {"kind": "every", "everyMs": 60_000},
    "payload": {"kind": "agentTurn", "message": "Anything new?"},
    "delivery": {"channel": "local", "to": ["ops"]},
}
ONCE: JsonObject = {
    "id": "once",
    "schedule": {"kind": "at", "at": "2031-05-01T09:00+02:00"},
    "payload": {"kind": "systemEvent", "text": "Remember"},
}
JOBS = [TEA, BEAT, ONCE]
TOML = """
[[jobs]]
id = "tea"
schedule = { kind = "cron", expr = "0 16 * * *" }
payload = { kind = "text", text = "Tea is ready" }
delivery = { to = "local:kitchen" }

[[jobs]]
id = "beat"
schedule = { kind = "every", everyMs = 60_000 }
payload = { kind = "agentTurn", message = "Anything new?" }
delivery = { channel = "local", to = ["ops"] }

[[jobs]]
id = "once"
schedule = { kind = "at", at = 2031-05-01T09:00:00+02:00 }
payload = { kind = "systemEvent", text = "Remember" }
"""
SPELLINGS = {
    "an object with jobs": ("jobs.json", json.dumps({"jobs": JOBS})),
    "a list": ("jobs.json", json.dumps(JOBS)),
    "one job": ("tea.json", json.dumps(TEA)),
    "lines": ("jobs.jsonl", "\n\n".join(map(json.dumps, JOBS))),
    "TOML": ("jobs.toml", TOML),
    "a list without a telling name": ("jobs", json.dumps(JOBS, indent=2)),
    "lines without a telling name": ("jobs", "\n".join(map(json.dumps, JOBS))),
    "TOML without a telling name": ("jobs", TOML),
}


def apply(stentor: Stentor, jobs: list[JsonObject], *flags: str) -> JsonObject:
    return stentor.ask("cron", "apply", "-", *flags, stdin=json.dumps(jobs))


def edited(stentor: Stentor) -> dict[str, int]:
    """Every stored job with its revision, whatever it does meanwhile."""
    return {job["id"]: job["revision"] for job in stentor.ask("cron", "list", "--all")["jobs"]}


def groups(answer: JsonObject) -> dict[str, list[str]]:
    return {key: answer[key] for key in ("added", "changed", "unchanged", "removed") if answer[key]}


@pytest.mark.parametrize(("name", "content"), SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("piped", [False, True], ids=["file", "stdin"])
def test_a_file_is_applied_once(
    stentor: Stentor, tmp_path: Path, name: str, content: str, piped: bool
) -> None:
    (tmp_path / name).write_text(content)
    words, stdin = (("-",), content) if piped else ((str(tmp_path / name),), "")
    ids = ["tea"] if name == "tea.json" else ["tea", "beat", "once"]

    assert groups(stentor.ask("cron", "apply", *words, stdin=stdin)) == {"added": ids}

    before = dump(stentor.home)
    again = stentor.ask("cron", "apply", *words, stdin=stdin)
    assert groups(again) == {"unchanged": ids}
    assert dump(stentor.home)["jobs"] == before["jobs"]
    assert dump(stentor.home)["events"] == before["events"]


def test_the_answer_tells_each_job_by_its_id(either: Stentor) -> None:
    apply(either, JOBS)
    changed = {**deepcopy(TEA), "name": "Green tea", "schedule": {**TEA["schedule"], "expr": "0 17 * * *"}}
    new = {**TEA, "id": "new"}

    answer = apply(either, [changed, BEAT, new], "--prune")

    assert groups(answer) == {
        "added": ["new"],
        "changed": ["tea"],
        "unchanged": ["beat"],
        "removed": ["once"],
    }
    assert answer["differences"] == {
        "tea": {
            "before": {"name": "Tea is ready", "schedule": {"expr": "0 16 * * *"}},
            "after": {"name": "Green tea", "schedule": {"expr": "0 17 * * *"}},
        }
    }
    assert either.ask("cron", "edits", "once")["entries"][0]["action"] == "removed"
    assert groups(apply(either, [changed, BEAT, new], "--prune")) == {"unchanged": ["tea", "beat", "new"]}


def test_what_a_job_was_given_is_what_the_file_no_longer_says_taken_back(either: Stentor) -> None:
    rich = {**TEA, "id": "rich", "description": "why", "missed": {"policy": "skip", "graceSeconds": 5}}
    apply(either, [rich])

    answer = apply(either, [{**TEA, "id": "rich"}])

    assert answer["differences"]["rich"] == {
        "before": {"description": "why", "missed": {"policy": "skip", "graceSeconds": 5}},
        "after": {"description": "", "missed": {"policy": "latest", "graceSeconds": 7200}},
    }


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("cron", "edit", "tea", "--text", "Coffee"), id="an edit"),
        pytest.param(("cron", "rm", "tea"), id="a removal"),
    ],
)
def test_what_was_changed_by_hand_is_put_right(stentor: Stentor, change: tuple[str, ...]) -> None:
    apply(stentor, JOBS)
    stentor.ask(*change)

    answer = apply(stentor, JOBS)

    assert answer["added"] + answer["changed"] == ["tea"]
    assert stentor.ask("cron", "get", "tea")["payload"]["text"] == "Tea is ready"


def test_a_job_that_was_switched_off_stays_off_unless_the_file_speaks_of_it(stentor: Stentor) -> None:
    apply(stentor, JOBS)
    stentor.ask("cron", "disable", "tea")

    assert groups(apply(stentor, [TEA])) == {"unchanged": ["tea"]}
    assert groups(apply(stentor, [{**TEA, "enabled": True}])) == {"changed": ["tea"]}
    assert stentor.job("tea")["enabled"] is True


@pytest.mark.parametrize(
    "config",
    [
        pytest.param('timezone = "Asia/Tokyo"\n', id="another zone"),
        pytest.param("[scheduler.missed]\ngrace_seconds = 5\n", id="another grace"),
        pytest.param('[channels.local]\ndefault_to = "local:other"\n', id="another target"),
    ],
)
def test_what_a_file_leaves_open_stays_as_it_was_decided(stentor: Stentor, config: str) -> None:
    stentor.home.mkdir(mode=0o700)
    toml = stentor.home / "stentor.toml"
    toml.write_text('timezone = "Europe/Berlin"\n[channels.local]\ndefault_to = "local:first"\n')
    jobs = [TEA, BEAT, {**TEA, "id": "anywhere", "delivery": None}]
    apply(stentor, jobs)

    toml.write_text(config)
    answer = apply(stentor, jobs)

    assert groups(answer) == {"unchanged": ["tea", "beat", "anywhere"]}


def test_a_job_as_it_is_printed_can_be_applied(either: Stentor) -> None:
    apply(either, JOBS)
    printed = either.ask("cron", "list", "--all")["jobs"]

    assert apply(either, printed)["changed"] == []


def test_a_one_shot_that_is_over_is_unchanged_and_one_that_is_gone_is_passed_over(daemon: Stentor) -> None:
    past = {**ONCE, "id": "gone", "schedule": {"kind": "at", "at": "2020-01-01T00:00:00Z"}}
    daemon.ask("cron", "add", "--id", "over", "--at", "0s", "--text", "x", "--to", "local:a")
    daemon.ask("cron", "run", "over", "--wait")
    over = {key: daemon.ask("cron", "get", "over")[key] for key in ("id", "schedule", "payload", "delivery")}

    answer = apply(daemon, [over, past])

    assert (groups(answer), answer["passed"]) == ({"unchanged": ["over"]}, ["gone"])
    assert "its time was 2020-01-01T00:00:00Z, so it is not added" in answer["warnings"][0]


WRONG: dict[str, tuple[list[JsonObject], list[str]]] = {
    "one bad job": (
        [TEA, {**BEAT, "delivery": {"to": "pager:1"}}],
        ["1 of 2 jobs cannot be applied, so none was", "beat: no loaded plugin owns"],
    ),
    "several bad jobs": (
        [{**TEA, "agentId": "mian"}, BEAT, {**ONCE, "shedule": {}}],
        [
            "2 of 3 jobs",
            "tea: there is no agent 'mian', did you mean 'main'?",
            "once: ",
            "did you mean 'schedule'",
        ],
    ),
    "an id twice": ([TEA, BEAT, TEA], ["tea: stands there twice"]),
    "no id": ([TEA, {**BEAT, "id": None}], ["job 2: id is missing"]),
    "a time that moves": (
        [{**ONCE, "schedule": {"kind": "at", "at": "20m"}}],
        ["once: schedule.at '20m' is another time whenever it is applied"],
    ),
}


@pytest.mark.parametrize(("jobs", "said"), WRONG.values(), ids=WRONG.keys())
def test_of_a_file_with_mistakes_nothing_is_applied_and_each_is_named(
    either: Stentor, jobs: list[JsonObject], said: list[str]
) -> None:
    before = edited(either)

    error = either.refusal("cron", "apply", "-", stdin=json.dumps(jobs))

    for words in said:
        assert words in error["message"]
    assert error["details"]
    assert edited(either) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("{bad", "is not JSON", id="no JSON"),
        pytest.param("", "is not JSON", id="nothing"),
        pytest.param("[1]", "must hold jobs", id="a list of numbers"),
        pytest.param('{"jobs": {}}', "must hold jobs", id="no list"),
        pytest.param('{"jobs": [], "job": 1}', "unknown key 'job' beside jobs", id="something beside it"),
        pytest.param("jobs = 1 2", "is not TOML", id="no TOML"),
        pytest.param('{"id": "a"}\n{bad', "line 2: not JSON", id="a bad line"),
        pytest.param('{"id": "a"}\n[]', "is not JSON", id="a line that is no object"),
    ],
)
def test_a_file_that_holds_no_jobs_is_refused(alone: Stentor, content: str, said: str) -> None:
    assert said in alone.refusal("cron", "apply", "-", stdin=content)["message"]


def test_an_empty_file_does_not_remove_everything(either: Stentor) -> None:
    apply(either, [TEA])

    error = either.refusal("cron", "apply", "-", "--prune", stdin='{"jobs": []}')

    assert "--prune would remove all others" in error["message"]
    assert groups(apply(either, [])) == {}
    assert either.job("tea")


@pytest.mark.parametrize(
    "prepare", [lambda _: None, lambda stentor: apply(stentor, [BEAT])], ids=["new", "used"]
)
def test_a_dry_run_only_says_what_would_be_done(
    stentor: Stentor, prepare: Callable[[Stentor], object]
) -> None:
    prepare(stentor)
    before = files(stentor.home), dump(stentor.home) if stentor.home.exists() else None

    answer = apply(stentor, [TEA], "--prune", "--dry-run")

    assert (answer["added"], answer["dryRun"]) == (["tea"], True)
    assert answer["removed"] == (["beat"] if before[1] else [])
    after = files(stentor.home) - {"stentor.db-wal", "stentor.db-shm"}
    assert after == before[0] - {"stentor.db-wal", "stentor.db-shm"}
    assert before[1] is None or dump(stentor.home) == before[1]


def test_older_shapes_are_repaired_and_said_by_id(either: Stentor) -> None:
    old = {"jobId": "old", "schedule": {"cron": "0 7 * * *", "tz": "UTC"}, "message": "Hi", "to": "local:a"}

    answer = apply(either, [old])

    assert answer["added"] == ["old"]
    assert "jobId renamed to id" in answer["repaired"]["old"]
    assert groups(apply(either, [old])) == {"unchanged": ["old"]}


def test_people_read_what_was_applied(stentor: Stentor) -> None:
    def told(jobs: list[JsonObject], *flags: str) -> str:
        return stentor.run("cron", "apply", "-", *flags, stdin=json.dumps(jobs)).out

    assert "added  tea, beat, once" in told(JOBS)
    out = told([{**TEA, "name": "Green tea"}, BEAT], "--prune")
    assert 'changed  tea\n  name: "Tea is ready" -> "Green tea"' in out
    assert "unchanged  1" in out
    assert "removed  once" in out
