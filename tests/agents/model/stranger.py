"""A provider that nobody here has written: the npm package `aimock`, on 127.0.0.1, in the protocols of five."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.node import running

PACKAGE = "@copilotkit/aimock@1.43.0"
# What has a tool's result comes first, or the tool is called for ever.
_FIXTURES = [
    {"match": {"userMessage": "louder", "hasToolResult": True}, "response": {"content": "It is HELLO."}},
    {
        "match": {"userMessage": "louder"},
        "response": {"toolCalls": [{"name": "translate", "arguments": {"text": "hello"}}]},
    },
    {"match": {"userMessage": "say hello"}, "response": {"content": "Hello there, from far away."}},
    *(
        {
            "match": {"userMessage": f"answer {status}"},
            "response": {"error": {"message": "QUOTED", "type": "some_error"}, "status": status},
        }
        for status in (401, 429, 500, 529)
    ),
]


@contextmanager
def aimock(folder: Path) -> Iterator[str]:
    """The address of a running one; `folder` keeps what it answers."""
    (folder / "answers.json").write_text(json.dumps({"fixtures": _FIXTURES}))

    def command(modules: Path, port: int) -> list[str | Path]:
        options = ("-p", str(port), "-f", folder / "answers.json", "--strict")
        return [modules / "@copilotkit/aimock/dist/cli.js", *options]

    with running(PACKAGE, command, ready="listening") as address:
        yield address
