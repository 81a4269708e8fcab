"""`stentor mcp`, spoken to by the letter: every line is answered, none ends it, and it leaves when it is to leave."""

import json
import os
import signal
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from tests.outside import PATIENCE_SECONDS, STENTOR, JsonObject, Stentor

HELLO: JsonObject = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "a client", "version": "1"},
}
TOOLS = "cron, message, session_status, sessions_history, sessions_list"
PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS = -32700, -32600, -32602
PLUGIN = """
import os
import subprocess
import sys

from stentor import hookimpl
from stentor.contract.tools import Tool

print("a plugin that prints")
os.write(1, b"and does so itself\\n")
subprocess.run([sys.executable, "-c", "import sys; print(len(sys.stdin.read()), 'bytes were heard')"], check=True)


@hookimpl
def stentor_tools():
    return ()
"""


@dataclass
class Program:
    """`stentor mcp`, and what it is told and says."""

    process: "subprocess.Popen[bytes]"

    @property
    def said(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def tell(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(line + b"\n" for line in lines))
        self.process.stdin.flush()

    def asked(self, method: str, **params: object) -> Any:
        self.tell(request(method, params))
        return json.loads(self.said.readline())

    def answers(self, line: bytes) -> JsonObject | None:
        """What it says to a line; None if it says nothing to it and only goes on."""
        self.tell(line, request("ping", {}, "after it"))
        answer: JsonObject = json.loads(self.said.readline())
        if answer.get("id") == "after it":
            return None
        assert json.loads(self.said.readline()) == {"jsonrpc": "2.0", "id": "after it", "result": {}}
        return answer

    def end(self) -> tuple[int, bytes]:
        """How it ends when it is left, and what it complained of."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE_SECONDS), self.process.stderr.read()


def request(method: str, params: JsonObject, request_id: object = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}).encode()


@pytest.fixture
def program(stentor: Stentor) -> Iterator[Program]:
    with started(stentor) as found:
        yield found


@contextmanager
def started(stentor: Stentor) -> Generator[Program]:
    words, pipe = [*STENTOR, "mcp", "--home", str(stentor.home)], subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=stentor.environment) as process:
        try:
            found = Program(process)
            assert found.asked("initialize", **HELLO)["result"]["serverInfo"]["name"] == "stentor"
            found.tell(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}')
            yield found
        finally:
            process.kill()


def calling(arguments: str, name: str = "message") -> bytes:
    params = f'{{"name": "{name}", "arguments": {arguments}}}'
    return f'{{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {params}}}'.encode()


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


LINES = {
    "no JSON": (b"this is no message", None, PARSE_ERROR),
    "half of it": (b'{"jsonrpc": "2.0", "id": 7', None, PARSE_ERROR),
    "another encoding": (b'\xff\xfe"\x00', None, PARSE_ERROR),
    "bottomless": (calling(nested(3_000)), None, PARSE_ERROR),
    "too deep": (calling(nested(300)), 7, INVALID_REQUEST),
    "a text": (b'"ping"', None, INVALID_REQUEST),
    "null": (b"null", None, INVALID_REQUEST),
    "an empty batch": (b"[]", None, INVALID_REQUEST),
    "a batch": (b'[{"jsonrpc": "2.0", "id": 7, "method": "ping"}]', None, INVALID_REQUEST),
    "nothing in it": (b"{}", None, INVALID_REQUEST),
    "another version": (b'{"jsonrpc": "1.0", "id": 7, "method": "ping"}', 7, INVALID_REQUEST),
    "no method": (b'{"jsonrpc": "2.0", "id": "a"}', "a", INVALID_REQUEST),
    "a number as method": (b'{"jsonrpc": "2.0", "id": 7, "method": 5}', 7, INVALID_REQUEST),
    "null as id": (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', None, INVALID_REQUEST),
    "a truth as id": (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', None, INVALID_REQUEST),
    "an object as id": (b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"}', None, INVALID_REQUEST),
    "half a character as id": (
        b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}',
        None,
        INVALID_REQUEST,
    ),
    "half a character": (calling('{"to": "local:a", "text": "\\ud800"}'), 7, INVALID_REQUEST),
    "half a character as key": (calling('{"\\udfff": 1}'), 7, INVALID_REQUEST),
    "half a character as name": (calling("{}", "\\ud800"), 7, INVALID_REQUEST),
    "a list as params": (b'{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": [1]}', 7, INVALID_PARAMS),
    "a list as arguments": (calling("[1]"), 7, INVALID_PARAMS),
    "no such method": (b'{"jsonrpc": "2.0", "id": 7, "method": "fly"}', 7, -32601),
}


def test_every_line_that_is_no_request_is_answered_with_what_is_wrong_and_it_goes_on(
    program: Program,
) -> None:
    answers = {name: program.answers(line) for name, (line, _, _) in LINES.items()}

    said = {
        name: answer and (answer["id"], answer["error"]["code"], bool(answer["error"]["message"]))
        for name, answer in answers.items()
    }
    assert said == {name: (request_id, code, True) for name, (_, request_id, code) in LINES.items()}
    assert program.answers(b"") is program.answers(b" \r") is None
    assert program.end() == (0, b"")


def test_a_line_may_be_long_and_the_last_one_need_not_end(program: Program) -> None:
    result = program.asked("tools/call", name="fly", arguments={"text": "z" * 3_000_000})["result"]
    assert result["content"][0]["text"] == f"there is no tool 'fly'; available: {TOOLS}"
    assert program.process.stdin is not None
    program.process.stdin.write(b"no message")
    assert program.end() == (0, b"")
    assert json.loads(program.said.readline())["error"]["code"] == PARSE_ERROR


def test_the_name_of_a_tool_leads_nowhere_else(daemon: Stentor) -> None:
    names = ("../../status", "..", "", "message?to=local:a", "message/", "a\0b", "Lücke")
    with started(daemon) as program:
        results = [program.asked("tools/call", name=name, arguments={})["result"] for name in names]
    assert [(result["isError"], result["content"][0]["text"]) for result in results] == [
        (True, f"there is no tool {name!a}; available: {TOOLS}") for name in names
    ]


def test_nothing_is_offered_that_would_be_refused(program: Program) -> None:
    tools = {tool["name"]: tool["inputSchema"] for tool in program.asked("tools/list")["result"]["tools"]}
    assert set(tools["message"]["properties"]) == {
        *("to", "text", "threadId", "accountId", "channel", "replyTo", "dryRun")
    }


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (
            '[agents.main]\nrunner = "nope"\n',
            "agents.main: there is no runner 'nope'; known: command, echo, model",
        ),
        ("[agents.main\n", "{path} is not valid TOML: {rest}; correct that line of {path}"),
    ],
    ids=["mistaken", "no TOML"],
)
def test_a_broken_configuration_is_told_with_the_way_out(stentor: Stentor, config: str, why: str) -> None:
    stentor.home.mkdir(exist_ok=True)
    path = stentor.home / "stentor.toml"
    path.write_text(config)
    with started(stentor) as program:
        listed = program.asked("tools/list")["error"]
        called = program.asked("tools/call", name="cron", arguments={"action": "list"})["result"]
        text = called["content"][0]["text"]
        rest = text.partition("TOML: ")[2].partition("; correct")[0]
        assert (listed["code"], listed["message"], called["isError"]) == (-32603, text, True)
        assert text == why.format(path=path, rest=rest)
        assert program.end() == (0, b"")


def test_the_first_interrupt_ends_it(program: Program) -> None:
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(PATIENCE_SECONDS) == 130
    assert program.end() == (130, b"\n")


def test_a_client_that_hears_nothing_more_has_left(program: Program) -> None:
    program.said.close()
    program.tell(request("ping", {}))
    assert program.process.wait(PATIENCE_SECONDS) == 0
    assert program.process.stderr is not None
    assert program.process.stderr.read() == b""


def test_what_else_is_printed_or_would_read_does_not_come_between(stentor: Stentor, tmp_path: Path) -> None:
    site = tmp_path / "site"
    about = site / "chatty-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "chatty.py").write_text(PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: chatty\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[stentor]\nchatty = chatty\n")
    paths = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    with started(Stentor(stentor.home, {"PYTHONPATH": paths})) as program:
        program.tell(request("tools/list", {}), request("ping", {}, 2))
        assert {json.loads(program.said.readline())["id"] for _ in range(2)} == {1, 2}
        code, complaints = program.end()
    assert code == 0
    said = {"a plugin that prints", "and does so itself", "0 bytes were heard"}
    assert said <= set(complaints.decode().splitlines())
