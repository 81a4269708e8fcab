"""The API on the daemon's socket: the same words as the command line, and who asks."""

import os
from pathlib import Path

import pytest
from tests import shapes
from tests.api import JOB, Api
from tests.outside import Stentor, dump, until


@pytest.fixture
def api(served: Stentor) -> Api:
    return Api(served)


def test_a_patch_keeps_what_it_does_not_name(api: Api) -> None:
    api.made("patched")

    status, edited = api.ask("PATCH", "jobs/patched", {"payload": {"text": "ho"}, "description": "why"})

    assert status == 200
    shapes.is_job(edited)
    assert edited["payload"] == {"kind": "text", "text": "ho"}
    assert edited["changed"]["after"] == {"description": "why", "payload": {"text": "ho"}}
    status, cleared = api.ask("PATCH", "jobs/patched", {"description": None})
    assert (status, cleared["description"], cleared["revision"]) == (200, "", 3)


def test_a_switch_is_a_patch_like_any_other(api: Api) -> None:
    api.made("switched")

    assert api.ask("PATCH", "jobs/switched", {"enabled": False})[1]["enabled"] is False
    assert api.ask("PATCH", "jobs/switched", {"enabled": True})[1]["revision"] == 3
    assert api.ask("PATCH", "jobs/switched", {"enabled": "maybe"})[0] == 400


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        pytest.param({"nme": "x"}, "bad_job", id="an unknown field"),
        pytest.param({"id": "other"}, "bad_job", id="another id"),
        pytest.param({"timezoneSource": "config"}, "bad_job", id="what is computed"),
        pytest.param({"revision": 9}, "stale_revision", id="another revision"),
        pytest.param({"delivery": {"to": "pager:1"}}, "unknown_prefix", id="a target of no plugin"),
        pytest.param({"schedule": None}, "bad_job", id="no schedule"),
        pytest.param([], "bad_json", id="no object"),
    ],
)
def test_a_patch_that_is_refused_says_why(api: Api, served: Stentor, patch: object, code: str) -> None:
    if "refused" not in str(served.ask("cron", "list")["jobs"]):
        api.made("refused")

    status, document = api.ask("PATCH", "jobs/refused", patch)

    assert (status, document["error"]["code"]) == (400, code)


def test_a_whole_job_can_be_sent_back_as_it_was_read(api: Api) -> None:
    api.made("whole")
    _, job = api.ask("GET", "jobs/whole")

    status, answer = api.ask("PATCH", "jobs/whole", {**job, "name": "New"})

    assert (status, answer["changed"]["after"]) == (200, {"name": "New"})
    assert api.ask("PATCH", "jobs/whole", job)[1]["error"]["code"] == "stale_revision"


def test_older_shapes_of_a_patch_are_repaired(api: Api) -> None:
    api.made("older")

    _, edited = api.ask("PATCH", "jobs/older", {"schedule": {"cron": "0 8 * * *"}, "text": "ho"})

    assert (edited["schedule"]["expr"], edited["payload"]) == ("0 8 * * *", {"kind": "text", "text": "ho"})
    assert "schedule.cron renamed to expr" in edited["repaired"]


def test_a_preview_stores_nothing(api: Api, served: Stentor) -> None:
    api.made("seen")
    before = dump(served.home)

    status, new = api.ask("POST", "jobs/preview", {**JOB, "id": None})
    _, stored = api.ask("POST", "jobs/preview", {"id": "seen"})

    assert (status, new["id"], len(new["preview"]["nextRuns"])) == (200, None, 3)
    assert (stored["id"], stored["preview"]["targets"]) == ("seen", ["local:a"])
    assert api.ask("POST", "jobs/preview", {"id": "nobody"})[0] == 404
    assert api.ask("POST", "jobs/preview", JOB | {"id": "seen"})[1]["error"]["code"] == "already_exists"
    assert dump(served.home) == before


def test_jobs_are_applied_by_whoever_asks(api: Api) -> None:
    jobs = [{**JOB, "id": "one"}, {**JOB, "id": "two"}]

    _, planned = api.ask("POST", "jobs/apply", {"jobs": jobs, "dryRun": True})
    _, applied = api.ask("POST", "jobs/apply", {"jobs": jobs}, {"Stentor-By": "cli:b%C3%A9a%0A"})
    _, again = api.ask("POST", "jobs/apply", {"jobs": jobs})

    assert planned["added"] == applied["added"] == again["unchanged"] == ["one", "two"]
    assert api.ask("GET", "jobs/one/edits")[1]["entries"][0]["by"] == "cli:béa"
    for body in ({}, {"jobs": {}}, {"jobs": [1]}, {"jobs": [], "prune": 1}, {"jobs": [], "purge": True}):
        assert api.ask("POST", "jobs/apply", body)[0] == 400, body


def test_the_history_of_a_job_comes_in_pages(api: Api) -> None:
    api.made("history")
    for n in range(3):
        api.ask("PATCH", "jobs/history", {"name": f"n{n}"})
    api.ask("DELETE", "jobs/history")

    status, page = api.ask("GET", "jobs/history/edits?limit=2&offset=1")

    assert status == 200
    assert page.keys() >= shapes.PAGE
    assert (page["total"], page["hasMore"]) == (5, True)
    assert [edit["after"] for edit in page["entries"]] == [{"name": "n2"}, {"name": "n1"}]
    assert {edit["by"] for edit in page["entries"]} == {"api:local"}
    assert api.ask("GET", "jobs/nobody/edits")[0] == 404


def test_a_run_is_cancelled_once_and_stays_cancelled(api: Api, served: Stentor, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    program = ("--command", f"cat {gate}", "--no-deliver")
    served.ask("cron", "add", "--id", "slow", "--every", "1h", *program)
    run = served.ask("cron", "run", "slow")["runId"]
    until(lambda: served.runs("slow", "--status", "running"), "the start of the run")

    ended = served.ask("runs", "cancel", run)

    shapes.is_run(ended)
    assert (ended["runId"], ended["status"]) == (run, "cancelled")
    assert api.ask("POST", f"runs/{run}/cancel")[1] == served.ask("runs", "cancel", run) == ended
    assert api.ask("POST", "runs/nothing/cancel")[0] == 404
    assert served.refusal("runs", "cancel", "nothing", code=4)["code"] == "not_found"


def test_a_run_that_nobody_works_on_is_left_to_the_next_daemon(stentor: Stentor) -> None:
    stentor.ask("cron", "add", "--id", "tea", "--every", "1h", "--text", "x", "--to", "local:a")
    run = stentor.ask("cron", "run", "tea")["runId"]

    error = stentor.refusal("runs", "cancel", run)

    assert error["code"] == "not_running"
    assert "stentor serve" in error["hint"]
    assert stentor.runs("tea")[0]["status"] == "queued"


def test_deliveries_come_in_pages_and_one_with_all_that_is_known_of_it(api: Api) -> None:
    sent = [api.ask("POST", "send", {"to": "local:pages", "text": f"{n}"})[1] for n in range(3)]

    status, page = api.ask("GET", "deliveries?target=local:pages&limit=2&since=2020-01-01T00:00:00Z")
    _, shown = api.ask("GET", f"deliveries/{sent[0]['id']}")

    assert status == 200
    assert [delivery["id"] for delivery in page["deliveries"]] == [sent[2]["id"], sent[1]["id"]]
    assert (page["total"], page["nextOffset"]) == (3, 2)
    assert (shown["parts"][0]["text"], shown["purpose"]) == ("0", "manual")
    assert api.ask("GET", "deliveries?since=yesterday")[0] == 400
    assert api.ask("GET", "deliveries/d-0")[0] == 404
    assert api.ask("GET", "targets") == (200, {"targets": []})


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        pytest.param("deliveries/d-0/resend", {}, 404, "not_found", id="resend nothing"),
        pytest.param("deliveries/d-0/cancel", None, 404, "not_found", id="cancel nothing"),
        pytest.param("deliveries/d-0/settle", {"as": "delivered"}, 404, "not_found", id="settle nothing"),
        pytest.param(
            "deliveries/settle", {"ids": ["d-0"], "as": "yes"}, 400, "bad_request", id="another word"
        ),
        pytest.param("deliveries/settle", {"as": "delivered"}, 400, "bad_request", id="settle nobody"),
        pytest.param("deliveries/drop", {}, 400, "bad_request", id="drop nobody"),
        pytest.param("targets/clear", {"target": "local:x"}, 404, "not_found", id="clear nothing"),
        pytest.param("targets/clear", {"target": 1}, 400, "bad_request", id="clear no text"),
    ],
)
def test_what_cannot_be_done_to_a_delivery_is_refused(
    api: Api, path: str, body: object, status: int, code: str
) -> None:
    answered, document = api.ask("POST", path, body)

    assert (answered, document["error"]["code"]) == (status, code)


def test_a_delivery_is_sent_again_by_whoever_asks(api: Api) -> None:
    old = api.ask("POST", "send", {"to": "local:again", "text": "hello"})[1]["id"]
    until(lambda: api.ask("GET", f"deliveries/{old}")[1]["state"] == "accepted", "its receipt")

    status, new = api.ask("POST", f"deliveries/{old}/resend", {"fromPart": 1}, {"Stentor-By": "cli:ann"})

    assert (status, new["linkedTo"]) == (200, old)
    events = api.ask("GET", f"deliveries/{old}")[1]["events"]
    assert [event["data"]["by"] for event in events if event["kind"] == "delivery.resent"] == ["cli:ann"]
