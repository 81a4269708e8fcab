"""Any MCP client has the tools of agents on the home of whoever starts it."""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.outside import STENTOR, JsonObject, Stentor, serving, until
from tests.over_mcp.homes import home_with_agents, without_mcp

TEA: JsonObject = {
    "name": "Tea",
    "schedule": {"kind": "cron", "expr": "0 16 * * *", "tz": "Europe/Berlin"},
    "payload": {"kind": "text", "text": "Tea is ready"},
    "delivery": {"to": "local:kitchen"},
}
TOOLS = ["cron", "message", "session_status", "sessions_history", "sessions_list"]
HELLO: JsonObject = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "a client", "version": "1"},
}
# Nobody listens there.
GONE = "http://127.0.0.1:9/mcp"
AS_IT_WAS = "hint: pass it on as the program of the turn has it\n"


async def spoken(stentor: Stentor, talk: Callable[[Any], Awaitable[Any]], mode: str = "auto") -> Any:
    """What comes of a talk with `stentor mcp`, by a client that nobody here has written."""
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - where it is missing the fixture says so

    words = ["-m", "stentor.cli.main", "mcp", "--home", str(stentor.home)]
    server = StdioServerParameters(command=sys.executable, args=words, env=stentor.environment)
    async with Client(server, mode=mode) as client:
        return await talk(client)


async def called(client: Any, name: str, **arguments: object) -> JsonObject:
    """What a tool answers that does not fail."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    answer: JsonObject = result.structured_content
    assert json.loads(result.content[0].text) == answer
    return answer


async def refused(client: Any, name: str, **arguments: object) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error
    text: str = result.content[0].text
    return text


async def _everything(client: Any) -> dict[str, Any]:
    tools = (await client.list_tools()).tools
    outlook = await called(client, "message", to="local:inbox", text="Hello", dryRun=True)
    sent = await called(client, "message", to="local:inbox", text="Hello")
    job = await called(client, "cron", action="add", job=TEA)
    await called(client, "cron", action="update", jobId=job["id"], patch={"name": "Earl Grey"})
    ran = await called(client, "cron", action="run", jobId=job["id"])
    jobs = await called(client, "cron", action="list")
    return {"tools": tools, "outlook": outlook, "sent": sent, "job": job, "ran": ran, "jobs": jobs["jobs"]}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_schedules_a_job_and_sends_a_message_through_the_daemon(
    daemon: Stentor, mode: str
) -> None:
    done = await spoken(daemon, _everything, mode)

    assert sorted(tool.name for tool in done["tools"]) == TOOLS
    assert done["outlook"] == {"dryRun": True, "target": "local:inbox", "accountId": "default"}
    assert done["sent"]["state"] == "accepted"
    assert done["sent"]["parts"][0]["messageId"] == "1"
    assert daemon.inbox("local:inbox") == ["Hello"]
    assert [job["name"] for job in done["jobs"]] == ["Earl Grey"]
    assert daemon.job(done["job"]["id"])["name"] == "Earl Grey"
    assert "note" not in done["ran"]
    edits = daemon.ask("cron", "edits", done["job"]["id"])["entries"]
    assert {edit["by"].partition(":")[0] for edit in edits} == {"cli"}


async def test_without_a_daemon_the_store_takes_it_and_the_client_is_told_so(stentor: Stentor) -> None:
    done = await spoken(stentor, _everything)

    assert done["sent"]["state"] == "pending"
    note = "no-daemon: nothing is sent and nothing runs until `stentor serve` runs"
    assert {done[name]["note"] for name in ("outlook", "sent", "job", "ran")} == {note}
    with serving(stentor):
        until(lambda: stentor.inbox("local:inbox"), "the message")


async def test_what_is_not_possible_is_said_with_the_way_out(stentor: Stentor) -> None:
    async def talk(client: Any) -> list[str]:
        current = {**TEA, "sessionTarget": "current", "payload": {"kind": "agentTurn", "message": "Tea?"}}
        return [
            await refused(client, "fly"),
            await refused(client, "message", to="local:inbox"),
            await refused(client, "message", to="local:inbox", attachments=[{"path": "a.txt"}]),
            await refused(client, "cron", action="add", job=current),
            await refused(client, "cron", action="get", jobId="nobody"),
            await refused(client, "session_status"),
        ]

    assert await spoken(stentor, talk) == [
        f"there is no tool 'fly'; available: {', '.join(TOOLS)}",
        "the request is not valid; text: must not be blank: a message needs a target and a text",
        "attachments come from the workspace of a run, and this is none; leave them out",
        "there is no current session here: name one with session:ID, or use isolated or main",
        "there is no job 'nobody'; the action list shows them",
        "you are in no session: name one with sessionKey; sessions_list shows them",
    ]


async def test_sessions_are_shown_and_what_is_wanted_of_them_is_kept(daemon: Stentor) -> None:
    daemon.ask(
        "cron", "add", "--id", "brief", "--every", "1d", "--message", "Anything new?", "--to", "local:a"
    )
    run = daemon.ask("cron", "run", "brief", "--wait")["run"]
    key = run["sessionKey"]

    async def talk(client: Any) -> list[JsonObject]:
        return [
            await called(client, "sessions_list"),
            await called(client, "sessions_history", sessionKey=key),
            await called(client, "session_status", sessionKey=key, model="m-2"),
        ]

    listed, history, status = await spoken(daemon, talk)
    assert [session["key"] for session in listed["sessions"]] == [key]
    assert [said["role"] for said in history["messages"]] == ["user", "assistant"]
    assert status["model"] == "m-2"


def test_standard_output_holds_nothing_but_the_protocol(stentor: Stentor) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    done = stentor.run("mcp", stdin=f"this is no message\n{json.dumps(hello)}\n")

    assert done.code == 0, done.err
    assert {line["jsonrpc"] for line in done.lines} == {"2.0"}
    assert done.lines[-1]["result"]["serverInfo"]["name"] == "stentor"


def _started(tmp_path: Path, *words: str, **env: str) -> tuple[int, str, str]:
    """`stentor mcp` with such an environment, by a client that has nothing to say."""
    environment = {**Stentor(tmp_path / "home").environment, "STENTOR_HOME": str(tmp_path / "home"), **env}
    done = subprocess.run(
        [*STENTOR, "mcp", *words], input="", capture_output=True, text=True, env=environment, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        pytest.param(
            (),
            {"STENTOR_MCP_URL": GONE, "STENTOR_MCP_TOKEN": "stmcp_gone"},
            f"error: the turn of this program is not open at {GONE} (nobody listens there)\n"
            "hint: it has tools until its turn is over; start it in the next one again\n",
            id="a turn that is over",
        ),
        pytest.param(
            (),
            {"STENTOR_MCP_URL": GONE},
            "error: STENTOR_MCP_URL is set and STENTOR_MCP_TOKEN is not\nhint: pass both on\n",
            id="half of what is needed",
        ),
        *(
            pytest.param(
                (),
                {"STENTOR_MCP_URL": GONE, "STENTOR_MCP_TOKEN": token},
                f"error: STENTOR_MCP_TOKEN is no token\n{AS_IT_WAS}",
                id=f"a token with {what}",
            )
            for what, token in {"a letter": "stmcp_é", "a line": "stmcp_a\nb", "a blank": "stmcp a"}.items()
        ),
        *(
            pytest.param(
                (),
                {"STENTOR_MCP_URL": url, "STENTOR_MCP_TOKEN": "stmcp_gone"},
                f"error: STENTOR_MCP_URL is no address of the web: {url!a}\n{AS_IT_WAS}",
                id=f"an address with {what}",
            )
            for what, url in {
                "no scheme": "not a url",
                "another scheme": "ftp://127.0.0.1/mcp",
                "no host": "http:///mcp",
                "half a host": "http://[::1/mcp",
                "a port beyond all": "http://127.0.0.1:99999/mcp",
                "a letter": "http://127.0.0.1:9/é",
            }.items()
        ),
        pytest.param(
            (),
            {"STENTOR_RUN_ID": "r1"},
            "error: this is a turn, and its tools are not offered over MCP\nhint: set mcp = true for the agent\n",
            id="a turn of an agent that does not want it",
        ),
        pytest.param(
            ("--home", "elsewhere"),
            {"STENTOR_MCP_URL": GONE, "STENTOR_MCP_TOKEN": "stmcp_gone"},
            "error: the tools of a turn are those of its own home\n"
            "hint: leave --home out, or unset STENTOR_MCP_URL\n",
            id="another home",
        ),
    ],
)
def test_a_program_without_an_open_turn_is_told_so(
    tmp_path: Path, words: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    assert _started(tmp_path, *words, **env) == (2, "", said)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    code, out, said = _started(tmp_path, PYTHONPATH=without_mcp(tmp_path))
    assert (code, out) == (2, "")
    assert said.startswith("error: MCP needs an extra: pip install 'stentor[mcp]' (")


def test_without_the_extra_agents_that_want_it_are_told_the_same(tmp_path: Path) -> None:
    agents = home_with_agents(tmp_path, PYTHONPATH=without_mcp(tmp_path))
    with serving(agents.stentor):
        run = agents.run("auto", to="local:log")
    assert (run["status"], run["errorKind"]) == ("error", "bad_request")
    assert "pip install 'stentor[mcp]'" in run["error"]
