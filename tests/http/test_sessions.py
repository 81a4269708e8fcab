"""Sessions over HTTP: the same words as the command line, read as strictly."""

from urllib.parse import quote

import pytest
from tests.api import JOB, Api
from tests.outside import JsonObject, until

KEY = "agent:main:session:tea/time"
PATH = f"sessions/{quote(KEY, safe='')}"


@pytest.fixture
def talk(api: Api) -> JsonObject:
    """The session of a job that has run in it once; its key has a slash in it."""
    if api.ask("GET", "jobs/tea")[0] == 404:
        turn = {"payload": {"kind": "agentTurn", "message": "Tea?"}, "sessionTarget": "session:tea/time"}
        assert api.ask("POST", "jobs", {**JOB, **turn, "id": "tea"})[0] == 200
        run = api.ask("POST", "jobs/tea/run", {})[1]["runId"]
        until(lambda: api.ask("GET", f"runs/{run}")[1]["endedAt"], "the end of the run")
    return api.ask("GET", PATH)[1]


def test_a_session_is_given_with_what_was_said_in_it(api: Api, talk: JsonObject) -> None:
    assert (talk["key"], talk["kind"], talk["messages"]) == (KEY, "named", 2)
    assert [entry["role"] for entry in talk["transcript"]] == ["user", "assistant"]
    assert len(api.ask("GET", f"{PATH}?limit=1")[1]["transcript"]) == 1


def test_sessions_come_in_pages_and_by_what_is_asked_of_them(api: Api, talk: JsonObject) -> None:
    listed = api.ask("GET", "sessions?kind=named&agentId=main&limit=1")[1]
    assert [session["key"] for session in listed["sessions"]] == [talk["key"]]
    assert (listed["total"], listed["hasMore"]) == (1, False)
    assert api.ask("GET", "sessions?kind=run")[1]["sessions"] == []


def test_a_conversation_is_pinned_and_begun_anew(api: Api, talk: JsonObject) -> None:
    status, wanted = api.ask("PATCH", PATH, {"pinned": True, "fastMode": True, "model": "m-1"})
    assert (status, wanted["pinned"]) == (200, True)
    assert wanted["preferences"] == {"model": "m-1", "thinking": None, "fastMode": True}
    status, cleared = api.ask("PATCH", PATH, {"pinned": False, "clear": ["model", "fastMode"]})
    assert (status, cleared["preferences"]["model"], cleared["pinned"]) == (200, None, False)
    status, reset = api.ask("POST", f"{PATH}/reset", {})
    assert (status, reset["sessionId"], reset["current"]) == (200, talk["sessionId"], False)


def test_sessions_are_tidied_up_and_counted(api: Api, talk: JsonObject) -> None:
    nothing = {"sessions": 0, "bytes": 0}
    for body in ({"dryRun": True}, {}):
        status, answer = api.ask("POST", "sessions/prune", body)
        assert (status, answer["total"], answer["dryRun"]) == (200, nothing, bool(body))
    figures = api.ask("GET", "status")[1]["sessions"]
    assert figures["byKind"]["named"] == 1
    assert figures["bytes"] >= talk["bytes"]
    assert figures["lastSweep"]["removed"]["total"] == nothing


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        pytest.param("GET", "sessions/agent:main:session:tea%2Ftime2", None, 404, KEY, id="a name"),
        pytest.param("POST", "sessions/nobody/reset", {}, 404, "no session 'nobody'", id="a reset"),
        pytest.param("GET", "sessions?kind=nmaed", None, 400, "must be one of main", id="a kind"),
        pytest.param("GET", "sessions?knd=run", None, 400, "did you mean 'kind'?", id="a filter"),
        pytest.param("PATCH", PATH, {"modle": "m"}, 400, "did you mean 'model'?", id="a wish"),
        pytest.param("PATCH", PATH, {"pinned": "yes"}, 400, "must be true or false", id="a word for a flag"),
        pytest.param("PATCH", PATH, {}, 400, "say what is wanted", id="nothing"),
        pytest.param("POST", "sessions/prune", {"dry": True}, 400, "unknown field 'dry'", id="a flag"),
        pytest.param("POST", f"{PATH}/reset", {"now": True}, 400, "unknown field 'now'", id="more than that"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    api: Api, talk: JsonObject, method: str, path: str, body: JsonObject | None, status: int, said: str
) -> None:
    del talk
    answered, document = api.ask(method, path, body)
    assert (answered, said in document["error"]["message"]) == (status, True), document
