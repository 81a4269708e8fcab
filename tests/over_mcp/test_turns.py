"""Agents that speak MCP use the tools of their turn, and whoever else comes by is not let in."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.outside import STENTOR
from tests.over_mcp.homes import AgentHome, Reached

MESSAGE = ("message", {"to": "local:inbox", "text": "All green"})
JOB = {
    "schedule": {"kind": "cron", "expr": "0 16 * * *", "tz": "Europe/Berlin"},
    "payload": {"kind": "text", "text": "Tea is ready"},
    "delivery": {"to": "local:kitchen"},
}


@pytest.fixture(scope="module")
def going_on(agents: AgentHome) -> Iterator[Reached]:
    with agents.held("held", to="local:log") as turn:
        yield turn


@pytest.mark.parametrize("way", ["auto", "legacy", "stdio"])
def test_what_an_agent_sends_belongs_to_its_run(agents: AgentHome, way: str) -> None:
    before = len(agents.stentor.inbox("local:inbox"))
    elsewhere = ("message", {"to": "local:board", "text": "All green"})

    answer, run = agents.answered(way, MESSAGE, elsewhere, to="local:inbox")

    (sent, refused) = answer["said"]
    tool, announced = run["deliveries"]
    assert sent == [
        False,
        {"deliveryId": tool["id"], "target": "local:inbox", "accountId": "default", "state": "accepted"},
    ]
    assert refused[0] is True
    assert "may not send to local:board" in refused[1]
    assert run["warnings"] == [f"the tool message refused: {refused[1]}"]
    assert run["delivery"]["messageToolSentTo"] == ["local:inbox"]
    assert (announced["state"], announced["reason"]) == ("suppressed", "already_sent")
    assert agents.stentor.inbox("local:inbox")[before:] == ["All green"]


def test_an_agent_finds_the_same_tools_as_in_the_turn_itself(agents: AgentHome) -> None:
    answer, run = agents.answered(
        "auto", ("cron", {"action": "list"}), ("session_status", {}), to="local:log"
    )

    assert {"message", "cron", "sessions_list", "sessions_history", "session_status"} <= set(answer["tools"])
    (_, jobs), (_, session) = answer["said"]
    assert run["jobId"] in [job["id"] for job in jobs["jobs"]]
    assert session["key"] == run["sessionKey"]


def test_the_calls_stand_in_the_transcript_of_the_run(agents: AgentHome) -> None:
    _, run = agents.answered("auto", MESSAGE, to="local:inbox")

    transcript = agents.stentor.ask("sessions", "show", run["sessionKey"])["transcript"]
    called = [call for entry in transcript for call in entry["calls"]]
    assert [(call["name"], call["args"]) for call in called] == [MESSAGE]


def test_an_agent_that_was_woken_schedules_a_job(agents: AgentHome) -> None:
    answer = agents.woken(("cron", {"action": "add", "job": {**JOB, "id": "tea"}}))

    ((failed, added),) = answer["said"]
    assert (failed, added["id"]) == (False, "tea")
    assert agents.stentor.job("tea")["enabled"] is True


def test_a_run_of_a_job_makes_no_jobs_over_mcp_either(agents: AgentHome) -> None:
    answer, _ = agents.answered("auto", ("cron", {"action": "add", "job": JOB}), to="local:log")

    ((failed, why),) = answer["said"]
    assert failed is True
    assert why.startswith("a run of a job may look at jobs")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"authorization": ""}, 401, id="no token"),
        pytest.param({"authorization": "Bearer stmcp_0123456789"}, 401, id="another token"),
        pytest.param({"authorization": "Bearer "}, 401, id="an empty token"),
        pytest.param({"authorization": "Basic YTpi"}, 401, id="another scheme"),
        pytest.param({"host": "evil.example"}, 421, id="a name that leads here"),
        pytest.param({"host": "127.0.0.1:1"}, 421, id="another port"),
        pytest.param({"origin": "http://evil.example"}, 403, id="a web page"),
        pytest.param({"origin": "null"}, 403, id="a file in a browser"),
        pytest.param({"path": "/"}, 404, id="another path"),
    ],
)
def test_whoever_does_not_belong_to_a_turn_is_not_let_in(
    going_on: Reached, headers: dict[str, str], status: int
) -> None:
    refused, text = going_on.ask(**headers)
    assert refused == status
    assert set(json.loads(text)) == {"error"}
    assert going_on.ask()[0] == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
def test_nobody_opens_a_stream_that_would_outlive_its_request(going_on: Reached, method: str) -> None:
    status, text = going_on.ask(method=method, accept="text/event-stream")
    assert status == 405
    assert method == "HEAD" or json.loads(text)["error"]["hint"] == "send each message in a POST"
    assert going_on.ask(method=method, authorization="")[0] == 401


def test_a_token_is_good_until_the_turn_ends(agents: AgentHome) -> None:
    with agents.held("ending", to="local:log") as turn:
        assert turn.ask()[0] == 200
    status, text = turn.ask()
    assert status == 401
    assert json.loads(text)["error"]["message"] == "no turn that goes on has this token"


def test_two_turns_at_once_are_not_mixed_up(agents: AgentHome) -> None:
    with agents.held("one", to="local:one") as one, agents.held("two", to="local:two") as two:
        for turn, own, other in ((one, "local:one", "local:two"), (two, "local:two", "local:one")):
            assert turn.call("message", to=other, text="Not mine")["isError"] is True
            assert turn.call("message", to=own, text=f"From {own}")["isError"] is False
    for name in ("one", "two"):
        assert agents.stentor.inbox(f"local:{name}") == [f"From local:{name}"]


async def test_a_program_that_outlives_its_turn_is_told_that_it_has_no_tools_any_more(
    agents: AgentHome,
) -> None:
    from mcp import (  # noqa: PLC0415 - where it is missing the fixture says so
        Client,
        MCPError,
        StdioServerParameters,
    )

    with ExitStack() as turn:
        reached = turn.enter_context(agents.held("short", to="local:log"))
        env = {"STENTOR_MCP_URL": reached.url, "STENTOR_MCP_TOKEN": reached.token}
        server = StdioServerParameters(
            command=STENTOR[0], args=[*STENTOR[1:], "mcp"], env={**agents.stentor.environment, **env}
        )
        async with Client(server) as client:
            assert "cron" in [tool.name for tool in (await client.list_tools()).tools]
            turn.close()
            late = await client.call_tool("cron", {"action": "list"})
            with pytest.raises(MCPError) as caught:
                await client.list_tools(cache_mode="bypass")
    why = (
        f"the turn of this program is not open at {reached.url} (its token is not good any more); "
        "it has tools until its turn is over; start it in the next one again"
    )
    assert (late.is_error, late.content[0].text) == (True, why)
    assert caught.value.error.message == why
