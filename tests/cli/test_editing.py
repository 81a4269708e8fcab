"""Editing a stored job from a shell, with a daemon and without."""

import json
import os
import pwd

import pytest
from tests import shapes
from tests.outside import JsonObject, Stentor, dump, now_ms, until

HOURLY = ("cron", "add", "--every", "1h", "--text", "x", "--to", "local:a")


def made(stentor: Stentor, name: str, *flags: str) -> JsonObject:
    """A job of that id, made anew by each test that asks for it."""
    words = flags or ("--every", "1h", "--text", "x", "--to", "local:a")
    return stentor.ask("cron", "add", "--id", name, *words)


def test_an_edit_is_answered_like_an_addition_with_what_changed(either: Stentor) -> None:
    made(either, "brief", "--cron", "0 7 * * *", "--tz", "UTC", "--text", "old", "--to", "local:a")

    edited = either.ask("cron", "edit", "brief", "--text", "new", "--to", "local:b", "--name", "Brief")

    shapes.is_job(edited)
    shapes.is_preview(edited["preview"])
    assert edited["preview"]["targets"] == ["local:b"]
    assert len(edited["preview"]["nextRuns"]) == 3
    assert edited["changed"] == {
        "before": {"name": "old", "payload": {"text": "old"}, "delivery": {"to": ["local:a"]}},
        "after": {"name": "Brief", "payload": {"text": "new"}, "delivery": {"to": ["local:b"]}},
    }
    assert (edited["revision"], edited["repaired"]) == (2, [])
    stored = either.ask("cron", "get", "brief")
    assert {key: stored[key] for key in shapes.JOB} == {key: edited[key] for key in shapes.JOB}


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        pytest.param(("--no-deliver",), "none", id="none"),
        pytest.param(("--webhook", "https://hooks.example.com/in"), "webhook", id="webhook"),
        pytest.param(("--to", "local:a"), "announce", id="announce"),
    ],
)
def test_best_effort_alone_changes_nothing_else(served: Stentor, flags: tuple[str, ...], mode: str) -> None:
    before = made(served, f"effort-{mode}", "--every", "1h", "--text", "x", *flags)

    after = served.ask("cron", "edit", f"effort-{mode}", "--best-effort-deliver")

    assert after["delivery"] == {**before["delivery"], "bestEffort": True}
    assert after["delivery"]["mode"] == mode
    back = served.ask("cron", "edit", f"effort-{mode}", "--no-best-effort-deliver")
    assert back["delivery"] == before["delivery"]


def test_options_stay_behind_with_the_mode_they_belong_to(served: Stentor) -> None:
    flags = ("--to", "local:a", "--priority", "alert", "--expires", "3h", "--on-unknown", "resend")
    made(served, "silenced", "--every", "1h", "--text", "x", *flags)

    silent = served.ask("cron", "edit", "silenced", "--no-deliver")["delivery"]

    assert (silent["mode"], silent["priority"], silent["onUnknown"]) == ("none", "alert", "hold")
    assert silent["expiresAfterSeconds"] == 86_400
    for flag, value in (("--expires", "3h"), ("--on-unknown", "resend")):
        error = served.refusal("cron", "edit", "silenced", flag, value)
        assert "says nothing with mode none" in error["message"]


def test_no_limit_is_a_limit_of_nothing(served: Stentor) -> None:
    turn = ("--every", "1h", "--message", "x", "--no-deliver")
    assert made(served, "patient", *turn, "--timeout-seconds", "0")["payload"]["timeoutSeconds"] == 0
    served.ask("cron", "edit", "patient", "--timeout-seconds", "5")

    edited = served.ask("cron", "edit", "patient", "--timeout-seconds", "0")

    assert edited["payload"]["timeoutSeconds"] == 0
    assert edited["payload"]["message"] == "x"


def test_the_deprecated_word_is_taken_with_a_remark(served: Stentor) -> None:
    made(served, "spoken", "--every", "1h", "--text", "x", "--no-deliver")

    edited = served.ask("cron", "edit", "spoken", "--deliver", "--to", "local:a")

    assert edited["delivery"]["mode"] == "announce"
    assert edited["warnings"] == ["--deliver is deprecated: say --announce"]
    added = served.ask("cron", "add", "--every", "1h", "--text", "x", "--deliver", "--to", "local:a")
    assert added["warnings"] == ["--deliver is deprecated: say --announce"]


@pytest.fixture(scope="module")
def kept(alone: Stentor) -> Stentor:
    """A home with a job that stays as it is."""
    made(alone, "kept")
    return alone


REFUSED = {
    "the current session": (("--session", "current"), "name one with session:<id>"),
    "a target of no plugin": (("--to", "pager:1"), "no loaded plugin"),
    "a thread where there are none": (("--thread-id", "7"), "a local box has no threads"),
    "a zone for an interval": (("--tz", "UTC"), "convert it first: --cron"),
    "a stagger for an interval": (("--exact",), "convert it first: --cron"),
    "a model for a text": (("--model", "m"), "--model only concerns --message"),
    "an event outside the main session": (("--system-event", "x"), "set sessionTarget main"),
    "removal of a recurring job": (("--delete-after-run",), "only for one-shot jobs"),
    "a time that has passed": (("--at", "2020-01-01"), "in the past"),
    "tools for a text": (("--tools", "exec"), "--tools only concerns --message"),
    "fallbacks for a text": (("--fallbacks", "a"), "--fallbacks only concerns --message"),
    "an older revision": (("--name", "x", "--revision", "7"), "is at revision 1, not 7"),
    "nothing": ((), "nothing to change: name a flag"),
}


@pytest.mark.parametrize(("flags", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_edit_says_why_and_changes_nothing(
    kept: Stentor, flags: tuple[str, ...], said: str
) -> None:
    before = dump(kept.home)["jobs"]

    error = kept.refusal("cron", "edit", "kept", *flags)

    assert said in f"{error['message']}; {error['hint']}"
    assert dump(kept.home)["jobs"] == before


def test_clearing_goes_back_to_the_default(served: Stentor) -> None:
    made(
        served,
        "full",
        *("--every", "1h", "--message", "x", "--to", "a", "--channel", "local", "--account", "default"),
        *("--session-key", "k", "--model", "m", "--thinking", "high", "--agent", "main"),
        *("--tools", "message,cron", "--fallbacks", "m-2"),
    )

    edited = served.ask(
        *("cron", "edit", "full", "--clear-agent", "--clear-session-key", "--clear-model"),
        *("--clear-thinking", "--clear-channel", "--clear-account", "--clear-thread-id"),
        *("--clear-tools", "--clear-fallbacks"),
    )

    assert (edited["agentId"], edited["sessionKey"]) == ("main", None)
    assert (edited["payload"]["model"], edited["payload"]["thinking"]) == (None, None)
    assert (edited["payload"]["toolsAllow"], edited["payload"]["fallbacks"]) == (None, None)
    assert (edited["delivery"]["channel"], edited["delivery"]["accountId"]) == (None, None)
    assert edited["delivery"]["to"] == ["local:a"]


def test_a_file_changes_what_it_names_and_null_clears(either: Stentor) -> None:
    made(either, "filed", "--every", "1h", "--message", "x", "--to", "local:a", "--model", "m")
    patch = {"payload": {"model": None, "message": "y"}, "overlap": "queue"}

    edited = either.ask("cron", "edit", "filed", "--file", "-", stdin=json.dumps(patch))

    assert edited["payload"] == {**edited["payload"], "message": "y", "model": None}
    assert (edited["overlap"], edited["payload"]["kind"]) == ("queue", "agentTurn")
    error = either.refusal("cron", "edit", "filed", "--file", "-", "--name", "x", stdin="{}")
    assert "--file takes no other flags" in error["message"]


def test_a_one_shot_that_is_over_runs_again_at_its_new_time(served: Stentor) -> None:
    made(served, "again", "--at", "0s", "--text", "again", "--to", "local:again")
    until(lambda: served.inbox("local:again"), "the first time")
    until(lambda: served.job("again")["status"] == "done", "its end")

    edited = served.ask("cron", "edit", "again", "--at", "1s")

    assert (edited["enabled"], edited["status"]) == (True, "ok")
    assert edited["state"]["nextRunAtMs"] > now_ms() - 2_000
    until(lambda: len(served.inbox("local:again")) == 2, "the second time")


def test_a_job_that_fires_each_second_can_be_edited(served: Stentor) -> None:
    made(served, "busy", "--every", "1s", "--text", "x", "--to", "local:busy")
    until(lambda: served.inbox("local:busy"), "the first time")

    edited = served.ask("cron", "edit", "busy", "--every", "1h", "--name", "Calm")

    assert (edited["name"], edited["schedule"]["everyMs"]) == ("Calm", 3_600_000)


def test_who_changed_what_is_told_for_jobs_that_are_gone_too(either: Stentor) -> None:
    made(either, "told")
    either.ask("cron", "edit", "told", "--name", "Told")
    either.ask("cron", "disable", "told")
    by = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    assert [edit["action"] for edit in either.ask("cron", "show", "told")["edits"]] == [
        "changed",
        "changed",
        "added",
    ]

    either.ask("cron", "rm", "told")

    for name in ("told", "TOLD"):
        page = either.ask("cron", "edits", name)
        assert page.keys() >= shapes.PAGE
        assert [edit["action"] for edit in page["entries"]] == ["removed", "changed", "changed", "added"]
        assert {edit["by"] for edit in page["entries"]} == {by}
    off, renamed = page["entries"][1:3]
    assert (off["before"], off["after"]) == ({"enabled": True}, {"enabled": False})
    assert (renamed["before"], renamed["after"], renamed["revision"]) == (
        {"name": "x"},
        {"name": "Told"},
        2,
    )
    assert either.refusal("cron", "edits", "nobody", code=4)["code"] == "not_found"


def test_the_environment_does_not_say_who_somebody_is(stentor: Stentor) -> None:
    posing = Stentor(stentor.home, {"USER": "somebody", "LOGNAME": "somebody"})
    made(posing, "posed")

    (edit,) = stentor.ask("cron", "edits", "posed")["entries"]
    assert edit["by"] == f"cli:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.mark.parametrize("word", ["create", "remove", "delete"])
def test_older_words_for_commands_are_understood(served: Stentor, word: str) -> None:
    if word == "create":
        assert served.ask("cron", "create", *HOURLY[2:])["name"] == "x"
    else:
        made(served, word)
        assert served.ask("cron", word, word) == {"removed": True, "id": word}


def test_people_read_what_changed_within_eighty_columns(either: Stentor) -> None:
    made(either, "wide", "--cron", "0 7 * * *", "--tz", "UTC", "--text", "word " * 60, "--to", "local:a")

    edited = either.run("cron", "edit", "wide", "--text", "short", "--every", "5m", "--name", "b")
    shown = either.run("cron", "show", "wide")
    history = either.run("cron", "edits", "wide")

    assert '  name: "' in edited.out
    assert '-> "b"' in edited.out or '+ "b"' in edited.out
    assert "short" in edited.out
    for answer in (edited, shown, history):
        assert answer.code == 0
        assert max(map(len, answer.out.splitlines())) <= 80
    assert "every 5m" in shown.out
    assert "nothing changed" in either.run("cron", "edit", "wide", "--name", "b").out


def test_disabled_jobs_are_counted_where_they_are_not_shown(stentor: Stentor) -> None:
    made(stentor, "asleep")
    stentor.ask("cron", "disable", "asleep")

    listed = stentor.ask("cron", "list")

    assert (listed["jobs"], listed["total"], listed["hidden"]) == ([], 1, 1)
    assert "1 disabled, shown with --all" in stentor.run("cron", "list").err


def test_jobs_of_an_agent_are_found_however_its_name_is_written(stentor: Stentor) -> None:
    made(stentor, "mine")

    for agent in ("main", "Main", " MAIN "):
        assert [job["id"] for job in stentor.ask("cron", "list", "--agent", agent)["jobs"]] == ["mine"]


def test_a_turn_without_an_agent_says_who_takes_it(either: Stentor) -> None:
    flags = ("cron", "add", "--every", "1h", "--message", "x", "--to", "local:a")

    assert "the default agent main takes the turn" in either.ask(*flags)["warnings"][0]
    named = either.ask(*flags, "--agent", "main")["warnings"]
    assert not [warning for warning in named if "agent" in warning]
