"""With --json each command prints exactly one document, with every key that scripts rely on."""

import os
import subprocess

import pytest
from tests import shapes
from tests.outside import STENTOR, JsonObject, Stentor
from tests.samples import JOB

HOURLY = ("--every", "1h", "--text", "Tea is ready")
NOWHERE = {
    "cron get": ("cron", "get", "nobody"),
    "cron show": ("cron", "show", "nobody"),
    "cron run": ("cron", "run", "nobody"),
    "cron run --wait": ("cron", "run", "nobody", "--wait"),
    "cron enable": ("cron", "enable", "nobody"),
    "cron disable": ("cron", "disable", "nobody"),
    "cron rm": ("cron", "rm", "nobody"),
    "cron edit": ("cron", "edit", "--name", "x", "nobody"),
    "cron edits": ("cron", "edits", "nobody"),
    "cron preview": ("cron", "preview", "nobody"),
    "runs cancel": ("runs", "cancel", "nothing"),
    "cron next": ("cron", "next", "--id", "nobody"),
    "deliveries show": ("deliveries", "show", "nothing"),
}
MISUSE = {
    "an unknown command": (("brew",), "No such command 'brew'"),
    "an unknown cron command": (("cron", "brew"), "No such command 'brew'"),
    "an unknown option": (("cron", "list", "--evrything"), "No such option '--evrything'"),
    "no job named": (("cron", "run"), "Missing argument 'JOB'"),
    "a status that does not exist": (
        ("cron", "runs", "--status", "great"),
        "'great' is not one of 'queued', 'running'",
    ),
    "a delivery status that does not exist": (
        ("cron", "runs", "--delivery-status", "sent"),
        "not one of 'delivered'",
    ),
    "a state that does not exist": (("deliveries", "list", "--state", "sent"), "'sent' is not one of"),
    "a page of nothing": (("cron", "runs", "--limit", "0"), "0 is not in the range"),
    "a wait in words": (("cron", "run", "x", "--wait", "--wait-timeout", "long"), "is not a duration"),
    "a message without text": (("send", "--to", "local:a", "--text", " "), "needs a target and a text"),
    "a message to nobody": (("send", "--to", "pager:1", "--text", "x"), "no loaded plugin owns the prefix"),
}


@pytest.fixture(scope="module")
def run_once(served: Stentor) -> JsonObject:
    """A job that has been run, and the answer of that."""
    served.ask("cron", "add", "--id", "tea", *HOURLY, "--to", "local:kitchen", "--to", "local:hall")
    return served.ask("cron", "run", "tea", "--wait")


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(
            ("--at", "20m", "--message", "x", "--to", "local:a", "--agent", "main"), id="a turn, once"
        ),
        pytest.param(("--every", "1h", "--text", "x", "--to", "local:a"), id="a text, again and again"),
        pytest.param(
            ("--cron", "0 7 * * *", "--command", "date -u", "--no-deliver"), id="a program, by the clock"
        ),
        pytest.param(("--at", "2031-05-01", "--system-event", "x"), id="an event"),
        pytest.param(
            ("--every", "1d", "--text", "x", "--webhook", "https://hooks.example.com"), id="a webhook"
        ),
    ],
)
def test_an_added_job_is_answered_whole_with_its_preview(served: Stentor, flags: tuple[str, ...]) -> None:
    added = served.ask("cron", "add", *flags)

    shapes.is_job(added)
    shapes.is_preview(added["preview"])
    assert len(added["preview"]["nextRuns"]) == (1 if "--at" in flags else 3)
    assert added["repaired"] == added["warnings"] == []
    stored = served.ask("cron", "get", added["id"])
    assert {key: stored[key] for key in shapes.JOB} == {key: added[key] for key in shapes.JOB}


def test_what_was_left_open_is_stored_as_numbers(served: Stentor) -> None:
    daily = served.ask("cron", "add", "--cron", "0 7 * * *", "--text", "x", "--to", "local:a")
    quick = served.ask("cron", "add", "--every", "60s", "--text", "x", "--to", "local:a", "--disabled")
    once = served.ask("cron", "add", "--at", "20m", "--text", "x", "--to", "local:a")

    assert [job["missed"]["graceSeconds"] for job in (daily, quick, once)] == [7200, 60, 86400]
    assert [job["delivery"]["expiresAfterSeconds"] for job in (daily, quick, once)] == [86400, 86400, 7200]
    assert (daily["schedule"]["tz"], daily["timezoneSource"]) == ("UTC", "host")
    assert quick["enabled"] is False
    assert quick["state"]["nextRunAtMs"] is None
    assert quick["preview"]["nextRuns"] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("\n Check the oven \n and the door", "Check the oven", id="the first line"),
        pytest.param("Check:\tthe \x1b[31moven", "Check: the  [31moven", id="without control characters"),
        pytest.param("x" * 100, "x" * 60, id="not all of it"),
        pytest.param("\x00", "Job", id="nothing to go by"),
    ],
)
def test_a_job_without_a_name_is_called_by_what_it_does(served: Stentor, text: str, name: str) -> None:
    payload = {"kind": "agentTurn", "message": text}

    assert (
        served.add({**{key: JOB[key] for key in ("schedule", "delivery")}, "payload": payload})["name"]
        == name
    )


def test_a_list_holds_jobs_with_status_and_preview(served: Stentor, run_once: JsonObject) -> None:
    served.ask("cron", "add", "--id", "asleep", *HOURLY, "--to", "local:a", "--disabled", "--agent", "main")

    listed = served.ask("cron", "list")
    everything = served.ask("cron", "list", "--all", "--agent", "main")

    assert {"jobs", "total", "hidden"} <= listed.keys()
    assert listed["total"] == len(listed["jobs"]) + listed["hidden"] == len(everything["jobs"])
    assert everything["hidden"] == 0
    for job in everything["jobs"]:
        shapes.is_job(job)
        shapes.is_preview(job["preview"])
    statuses = {job["id"]: job["status"] for job in everything["jobs"]}
    assert (statuses["tea"], statuses["asleep"]) == ("ok", "disabled")
    assert served.ask("cron", "list", "--agent", "nobody") == {"jobs": [], "total": 0, "hidden": 0}


def test_a_job_is_shown_with_its_runs(served: Stentor, run_once: JsonObject) -> None:
    shown = served.ask("cron", "show", "tea")

    shapes.is_job(shown)
    shapes.is_preview(shown["preview"])
    assert shown["status"] == "ok"
    assert [run["runId"] for run in shown["runs"]] == [run_once["runId"]]
    shapes.is_run(shown["runs"][0])
    assert shown["state"]["lastRunStatus"] == "ok"
    assert shown["state"]["lastDeliveryStatus"] == "delivered"


def test_a_job_answers_to_its_name_whatever_its_case(served: Stentor) -> None:
    added = served.ask("cron", "add", "--name", "Morning Brief", *HOURLY, "--to", "local:a")

    assert served.ask("cron", "get", "morning brief")["id"] == added["id"]


def test_two_jobs_of_one_name_are_told_apart_by_their_ids(served: Stentor) -> None:
    for name in ("left", "right"):
        served.ask("cron", "add", "--id", name, "--name", "Twin", *HOURLY, "--to", "local:a")

    error = served.refusal("cron", "rm", "twin")

    assert error["message"] == "several jobs are called 'twin': left, right"
    assert served.ask("cron", "rm", "left") == {"removed": True, "id": "left"}
    assert served.ask("cron", "get", "twin")["id"] == "right"


def test_a_stored_job_can_be_added_again_as_it_was_printed(served: Stentor) -> None:
    served.ask(
        "cron",
        "add",
        "--id",
        "copy",
        "--cron",
        "0 7 * * 1-5",
        "--tz",
        "Europe/Berlin",
        "--text",
        "x",
        "--to",
        "local:a",
    )
    stored = served.ask("cron", "get", "copy")
    served.ask("cron", "rm", "copy")

    again = served.add(stored)

    assert {key: again[key] for key in shapes.JOB} == {key: stored[key] for key in shapes.JOB}


def test_a_run_is_answered_at_once_and_with_wait_in_full(served: Stentor, run_once: JsonObject) -> None:
    assert run_once["ok"] is run_once["enqueued"] is True
    run = run_once["run"]
    shapes.is_run(run)
    assert (run["runId"], run["trigger"], run["status"]) == (run_once["runId"], "manual", "ok")
    assert run["delivery"]["delivered"] is True
    assert [delivery["target"] for delivery in run["deliveries"]] == ["local:kitchen", "local:hall"]
    assert [route["resolved"]["target"] for route in run["delivery"]["routes"]] == [
        "local:kitchen",
        "local:hall",
    ]
    assert all(part["messageId"] for delivery in run["deliveries"] for part in delivery["parts"])

    assert served.ask("cron", "run", "tea", "--due") == {
        "ok": True,
        "ran": False,
        "reason": "not-due",
        "jobId": "tea",
    }


def test_runs_come_in_pages_newest_first(served: Stentor) -> None:
    served.ask("cron", "add", "--id", "pages", *HOURLY, "--to", "local:a")
    made = [served.ask("cron", "run", "pages", "--wait")["runId"] for _ in range(3)]

    first = served.ask("cron", "runs", "--id", "pages", "--limit", "2")
    second = served.ask("cron", "runs", "--id", "pages", "--limit", "2", "--offset", str(first["nextOffset"]))

    for page in (first, second):
        shapes.is_page(page)
    assert [run["runId"] for run in first["entries"] + second["entries"]] == made[::-1]
    assert (first["total"], first["hasMore"], first["nextOffset"]) == (3, True, 2)
    assert (second["hasMore"], second["nextOffset"]) == (False, None)


def test_runs_can_be_searched(served: Stentor) -> None:
    served.ask("cron", "add", "--id", "fox", "--every", "1h", "--text", "100% quick_fox", "--to", "local:a")
    made = served.ask("cron", "run", "fox", "--wait")["runId"]

    def found(*filters: str) -> list[str]:
        return [run["runId"] for run in served.ask("cron", "runs", *filters)["entries"]]

    assert found("--run-id", made) == [made]
    assert found("--query", "QUICK_FOX") == [made]
    assert found("--query", "quick%fox") == []
    assert found("--id", "fox", "--status", "ok", "--delivery-status", "delivered") == [made]
    assert found("--id", "fox", "--status", "error") == []


def test_the_history_of_a_removed_job_stays(served: Stentor) -> None:
    served.ask("cron", "add", "--id", "gone", *HOURLY, "--to", "local:a")
    made = served.ask("cron", "run", "gone", "--wait")["runId"]
    served.ask("cron", "rm", "gone")

    assert [run["runId"] for run in served.runs("gone")] == [made]


def test_a_message_by_hand_is_a_delivery_like_any_other(served: Stentor) -> None:
    sent = served.ask("send", "--to", "LOCAL:Desk", "--text", "Hello", "--wait")

    shapes.is_delivery(sent)
    assert (sent["purpose"], sent["target"], sent["state"]) == ("manual", "local:Desk", "accepted")
    shown = served.ask("deliveries", "show", sent["id"])
    assert shown | {"parts": sent["parts"]} == sent | {key: shown[key] for key in ("events", "receipts")}
    assert (shown["parts"][0]["text"], shown["receipts"][0]["level"]) == ("Hello", "accepted")
    listed = served.ask("deliveries", "list", "--target", "local:Desk")
    assert listed["deliveries"] == [sent]
    assert served.ask("deliveries", "list", "--state", "failed")["deliveries"] == []
    messages = served.ask("inbox", "local:Desk")["messages"]
    assert [(message["target"], message["text"]) for message in messages] == [("local:Desk", "Hello")]
    assert messages[0]["id"] == sent["parts"][0]["messageId"]


def test_a_dry_run_says_where_a_message_would_go_and_sends_nothing(served: Stentor) -> None:
    assert served.ask("send", "--to", "attic", "--channel", "local", "--text", "x", "--dry-run") == {
        "dryRun": True,
        "target": "local:attic",
        "accountId": "default",
    }
    assert served.ask("deliveries", "list", "--target", "local:attic")["total"] == 0


def test_deliveries_are_listed_by_their_run(served: Stentor, run_once: JsonObject) -> None:
    listed = served.ask("deliveries", "list", "--run", run_once["runId"])

    for delivery in listed["deliveries"]:
        shapes.is_delivery(delivery)
    assert listed["deliveries"] == run_once["run"]["deliveries"]


def test_plugins_configuration_and_health_are_documents_too(served: Stentor, run_once: JsonObject) -> None:
    plugins = served.ask("plugins")["plugins"]
    keys = {"name", "distribution", "version", "channels", "runners", "error"}
    assert all(keys <= plugin.keys() for plugin in plugins)
    assert {"local", "webhook"} <= {channel for plugin in plugins for channel in plugin["channels"]}
    assert {"command", "echo"} <= {runner for plugin in plugins for runner in plugin["runners"]}

    assert served.ask("config", "path") == {
        "home": str(served.home),
        "config": str(served.home / "stentor.toml"),
        "store": str(served.home / "stentor.db"),
    }
    assert served.ask("config", "check")["ok"] is True

    health = served.ask("status")
    assert (health["daemon"], health["level"]) == ("running", "ok")
    assert health["jobs"] >= health["enabled"] >= 1
    assert isinstance(health["nextRunAtMs"], int)
    assert all({"code", "level", "message", "fix"} <= finding.keys() for finding in health["findings"])


@pytest.mark.parametrize("words", NOWHERE.values(), ids=NOWHERE.keys())
def test_what_does_not_exist_is_not_found(served: Stentor, words: tuple[str, ...]) -> None:
    error = served.refusal(*words, code=4)

    assert error["code"] == "not_found"
    assert words[-1 if words[-1] != "--wait" else -2] in error["message"]


@pytest.mark.parametrize(("words", "said"), MISUSE.values(), ids=MISUSE.keys())
def test_misuse_is_answered_in_json_too(served: Stentor, words: tuple[str, ...], said: str) -> None:
    error = served.refusal(*words)

    assert said in error["message"]


@pytest.mark.parametrize("words", [(), ("cron",), ("deliveries",), ("targets",), ("config",)], ids=" ".join)
def test_a_group_alone_shows_its_help_and_calls_it_no_error(served: Stentor, words: tuple[str, ...]) -> None:
    asked = subprocess.run(
        [*STENTOR, *words], capture_output=True, text=True, env=served.environment, check=False
    )

    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr.startswith("Usage: stentor")


def test_what_an_agent_says_cannot_give_orders_to_the_terminal(served: Stentor) -> None:
    served.ask("send", "--to", "local:tty", "--text", "\x1b]0;mine\x07 red [bold]", "--wait")

    shown = served.run("inbox", "local:tty")

    assert "\x1b" not in shown.out
    assert "\x07" not in shown.out
    assert "red [bold]" in shown.out


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("cron", "list", "--json"), id="the list"),
        pytest.param(("cron", "runs", "--json"), id="the run log"),
        pytest.param(("cron", "get", "nobody", "--json"), id="an error"),
    ],
)
def test_a_reader_that_has_hung_up_hears_nothing_more(served: Stentor, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*STENTOR, *words, "--home", str(served.home)]

    asked = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, env=served.environment, check=False
    )

    os.close(writer)
    assert (asked.returncode, asked.stderr) == (1, b"")
