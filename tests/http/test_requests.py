"""What is asked over HTTP is read strictly: nothing is taken for something else, and nothing is passed over."""

import json
from itertools import product

import pytest
from tests.api import JOB, Api
from tests.outside import JsonObject, Stentor, serving

LARGEST = 256 * 1024
SECRET = "tok_live_31415926"


@pytest.fixture
def tea(api: Api) -> JsonObject:
    """A job that has run once, and that run."""
    if api.ask("GET", "jobs/tea")[0] == 404:
        api.made("tea")
        api.made("coffee")
        for name in ("tea", "coffee"):
            assert api.ask("POST", f"jobs/{name}/run")[0] == 200
    runs = api.ask("GET", "runs?jobId=tea")[1]
    run: JsonObject = runs["entries"][0]
    return run


def refused(answer: tuple[int, JsonObject]) -> JsonObject:
    """The one detail of a refusal."""
    status, document = answer
    assert status == 400, document
    assert document["error"].keys() == {"code", "message", "hint", "details"}
    (detail,) = document["error"]["details"]
    assert detail["message"] in document["error"]["message"]
    return dict(detail)


@pytest.mark.parametrize(
    ("query", "body", "path", "said"),
    [
        pytest.param("", {"due": "true"}, "due", "must be true or false", id="a word"),
        pytest.param("", {"due": 1}, "due", "must be true or false", id="a number"),
        pytest.param("", {"mode": "due"}, "mode", "unknown field 'mode'; known are due", id="a name"),
        pytest.param("?due=true", {}, "due", "unknown field 'due'", id="behind the path"),
    ],
)
def test_what_is_no_plain_flag_runs_nothing(
    api: Api, tea: JsonObject, query: str, body: JsonObject, path: str, said: str
) -> None:
    detail = refused(api.ask("POST", f"jobs/tea/run{query}", body))

    assert (detail["path"], said in detail["message"]) == (path, True)
    assert api.ask("GET", "runs?jobId=tea")[1]["entries"][0]["runId"] == tea["runId"]


def test_a_run_is_conditional_when_a_flag_says_so(api: Api, tea: JsonObject) -> None:
    status, answer = api.ask("POST", f"jobs/{tea['jobId']}/run", {"due": True})

    assert (status, answer["reason"]) == (200, "not-due")


@pytest.mark.parametrize("spelt", ["runId={run}", "run_id={run}", "jobId=tea", "id=tea", "job=TEA-NAME"])
def test_runs_are_found_by_the_names_that_json_has_for_them(api: Api, tea: JsonObject, spelt: str) -> None:
    api.ask("PATCH", "jobs/tea", {"name": "tea-name"})

    status, page = api.ask("GET", f"runs?{spelt.format(run=tea['runId'])}")

    assert (status, page["total"], page["entries"][0]["runId"]) == (200, 1, tea["runId"])
    assert api.ask("GET", "runs")[1]["total"] > 1


@pytest.mark.parametrize("name", ["deliveryStatus", "delivery_status"])
@pytest.mark.usefixtures("tea")
def test_runs_are_found_by_what_became_of_their_deliveries(api: Api, name: str) -> None:
    assert api.ask("GET", f"runs?{name}=not-requested")[1]["total"] == 0


def test_the_history_of_a_removed_job_is_found_and_a_job_that_never_was_is_not(api: Api) -> None:
    api.made("gone")
    run = api.ask("POST", "jobs/gone/run")[1]["runId"]
    api.ask("DELETE", "jobs/gone")

    assert [entry["runId"] for entry in api.ask("GET", "runs?jobId=gone")[1]["entries"]] == [run]
    assert api.ask("GET", "deliveries?jobId=gone")[1]["total"] == 1
    for path in ("runs?jobId=nobody", "deliveries?jobId=nobody", "deliveries?job=nobody"):
        assert api.ask("GET", path)[0] == 404, path


QUERIES = {
    "a status that does not exist": ("runs?status=foo", "status", "must be one of queued, running"),
    "a delivery status that does not exist": (
        "runs?deliveryStatus=sent",
        "deliveryStatus",
        "must be one of delivered",
    ),
    "a state that does not exist": ("deliveries?state=sent", "state", "pending, accepted, delivered"),
    "a purpose that does not exist": ("deliveries?purpose=fun", "purpose", "must be one of"),
    "an unknown name": ("runs?jobid=tea", "jobid", "unknown field 'jobid', did you mean 'jobId'?"),
    "an unknown name of deliveries": ("deliveries?account=x", "account", "unknown field 'account'"),
    "an unknown name of jobs": ("jobs?all=1", "all", "unknown field 'all'"),
    "a name where none is known": ("jobs/tea?x=1", "x", "unknown field 'x'; nothing can be said here"),
    "a page of nothing": ("runs?limit=0", "limit", "must be a whole number from 1 to 200"),
    "a page of less than nothing": ("runs?limit=-1", "limit", "must be a whole number from 1 to 200"),
    "a page of everything": ("runs?limit=201", "limit", "must be a whole number from 1 to 200"),
    "a page beyond counting": (f"runs?limit={'9' * 5000}", "limit", "must be a whole number"),
    "a page in another script": ("runs?limit=%D9%A3", "limit", "must be a whole number"),
    "a page in parts": ("deliveries?limit=1.5", "limit", "must be a whole number from 1 to 200"),
    "an offset beyond counting": (f"deliveries?offset={'9' * 30}", "offset", "must be a whole number"),
    "an offset before the first": ("jobs/tea/edits?offset=-1", "offset", "must be a whole number from 0 on"),
    "a name given twice": ("runs?status=ok&status=error", "status", "is given twice"),
    "a name given in two spellings": ("runs?runId=a&run_id=b", "run_id", "is given twice"),
    "a time in words": ("deliveries?since=yesterday", "since", "'yesterday' is not a time"),
}


@pytest.mark.parametrize(("path", "name", "said"), QUERIES.values(), ids=QUERIES.keys())
@pytest.mark.usefixtures("tea")
def test_a_query_that_cannot_be_meant_is_refused_by_name(api: Api, path: str, name: str, said: str) -> None:
    detail = refused(api.ask("GET", path))

    assert detail["path"] == name
    assert said in detail["message"]


MESSAGE = {"to": "local:a", "text": "x"}
MESSAGES: dict[str, tuple[JsonObject, str, str]] = {
    "a number for a text": ({"text": 5}, "text", "must be text"),
    "a number for a channel": ({"channel": 5}, "channel", "must be text"),
    "a list for a target": ({"to": ["local:a"]}, "to", "must be text"),
    "a number for a thread": ({"thread": 7}, "thread", "must be text"),
    "a word for a flag": ({"dryRun": "no"}, "dryRun", "must be true or false"),
    "an unknown name": ({"txt": "x"}, "txt", "unknown field 'txt', did you mean 'text'?"),
    "a blank text": ({"text": " "}, "text", "must not be blank"),
    "no target": ({"to": None}, "to", "must not be blank"),
}


@pytest.mark.parametrize(("change", "path", "said"), MESSAGES.values(), ids=MESSAGES.keys())
def test_a_message_of_wrong_parts_is_refused_by_their_names(
    api: Api, change: JsonObject, path: str, said: str
) -> None:
    detail = refused(api.ask("POST", "send", {**MESSAGE, **change}))

    assert detail["path"] == path
    assert said in detail["message"]
    assert api.ask("GET", "deliveries?target=LOCAL:a&purpose=manual")[1]["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/", 404, "not_found", id="the root"),
        pytest.param("GET", "/api/v1/brew", 404, "not_found", id="an unknown path"),
        pytest.param("GET", "/api/v1/runs/", 404, "not_found", id="a path with a slash too many"),
        pytest.param("POST", "/api/v1/runs", 405, "bad_method", id="a method that is for another path"),
        pytest.param("BREW", "/api/v1/jobs/a", 405, "bad_method", id="a method that nobody knows"),
    ],
)
def test_a_path_or_method_that_is_not_there_is_answered_like_any_mistake(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    answered, document = api.ask_plainly(method, path)

    assert (answered, document["error"]["code"]) == (status, code)
    assert path in document["error"]["message"]


@pytest.mark.parametrize("ascii_only", [True, False], ids=["spelt out", "as it is"])
def test_a_text_weighs_what_it_weighs_however_it_is_spelt(api: Api, ascii_only: bool) -> None:
    def send(characters: int) -> tuple[int, JsonObject]:
        message = {"to": "local:letters", "text": "ж" * characters}
        content = json.dumps(message, ensure_ascii=ascii_only).encode()
        return api.ask_plainly("POST", "/api/v1/send", content)

    assert send(LARGEST // 2 - 100)[0] == 200
    status, document = send(LARGEST // 2)
    assert (status, document["error"]["code"]) == (400, "too_large")


PATHS = (
    *("jobs", "jobs/preview", "jobs/apply", "jobs/tea/run", "send", "runs/x/cancel", "targets/clear"),
    *("deliveries/settle", "deliveries/drop", "deliveries/x/resend", "deliveries/x/settle"),
    *("deliveries/x/cancel", "accounts/probe", "accounts/check", "accounts/give-away", "accounts/renew"),
)
NAMES = (
    *("id", "due", "to", "text", "channel", "dryRun", "ids", "all", "as", "note", "target", "confirm"),
    *(
        "account",
        "accountId",
        "fromPart",
        "states",
        "olderThanMs",
        "force",
        "jobs",
        "prune",
        "schedule",
        "payload",
    ),
)
VALUES = (
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "NaN",
    "9" * 400,
    '"x"',
    '"\\ud800"',
    '"\\u0000"',
    "[]",
    "{}",
    "[[]]",
)
WHOLE = ("[]", "5", "null", "{", '{"a": ' * 5000, "\x00", '{"id": ' + "9" * 5000 + "}", '"\\ud800"')


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("tea")
def test_no_body_is_taken_for_a_bug_of_the_daemon(api: Api, path: str) -> None:
    fields = [f'{{"{name}": {value}}}' for name, value in product(NAMES, VALUES)]

    for body in (*WHOLE, *fields):
        status, document = api.ask_plainly("POST", f"/api/v1/{path}", body.encode())
        assert status < 500, (body[:80], document)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.usefixtures("tea")
def test_no_change_is_taken_for_a_bug_of_the_daemon(api: Api, value: str) -> None:
    for name in (*JOB, "name", "enabled", "missed", "retry", "revision", "failureAlert", "sessionKey"):
        content = f'{{"{name}": {value}}}'.encode()
        status, document = api.ask_plainly("PATCH", "/api/v1/jobs/coffee", content)
        assert status < 500, (name, document)


def test_an_error_holds_no_secret(stentor: Stentor) -> None:
    stentor.home.mkdir(mode=0o700)
    (stentor.home / "stentor.toml").write_text(
        '[channels.webhook.accounts.default]\nbearer_token = { env = "HOOK_TOKEN" }\n'
    )
    secretive = Stentor(stentor.home, {"HOOK_TOKEN": SECRET})
    with serving(secretive):
        api = Api(secretive)
        answers = [
            api.ask("GET", f"jobs/{SECRET}"),
            api.ask("GET", f"{SECRET}"),
            api.ask("GET", f"runs?{SECRET}=1"),
            api.ask("POST", "send", {**MESSAGE, SECRET: 1}),
            api.ask("POST", "send", {"to": f"{SECRET}:1", "text": "x"}),
        ]

    assert all(status >= 400 and "[redacted]" in json.dumps(said) for status, said in answers)
    assert SECRET not in json.dumps(answers)
