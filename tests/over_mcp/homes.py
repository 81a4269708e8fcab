"""Homes with agents that use their tools over MCP."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.api import Api
from tests.outside import JsonObject, Stentor, until

HERE = Path(__file__).parent
_LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@dataclass(frozen=True)
class Reached:
    """How a turn is reached that goes on."""

    url: str
    token: str

    def ask(
        self, request: JsonObject | None = None, *, method: str = "POST", path: str = "", **headers: str
    ) -> tuple[int, str]:
        """One request as it is; `authorization` is that of the turn unless something else is said."""
        place = urlsplit(self.url)
        usual = {
            "host": place.netloc,
            "authorization": f"Bearer {self.token}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        connection = HTTPConnection(place.hostname or "", place.port, timeout=20)
        connection.putrequest(method, path or place.path, skip_host=True)
        content = json.dumps(request or _LIST).encode()
        for name, value in {**usual, "content-length": str(len(content)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(content)
        response = connection.getresponse()
        # A stream that is let open has no end.
        text = response.read().decode() if method == "POST" or response.status != 200 else ""
        connection.close()
        return response.status, text

    def call(self, tool: str, **arguments: object) -> JsonObject:
        """What a tool says, by the protocol's own letter."""
        params = {"name": tool, "arguments": arguments}
        status, text = self.ask({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})
        assert status == 200, text
        (data,) = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
        result: JsonObject = json.loads(data)["result"]
        return result


@dataclass(frozen=True)
class AgentHome:
    """Agents by the way in which they speak, and one that keeps its turns open."""

    stentor: Stentor
    folder: Path

    def answered(self, agent: str, *plan: tuple[str, JsonObject], **delivery: Any) -> tuple[Any, JsonObject]:
        """What an agent says of the tools that it called, and its run."""
        (self.folder / "plan.json").write_text(json.dumps(plan))
        run = self.run(agent, **delivery)
        assert run["status"] == "ok", run
        return json.loads((self.folder / "answer.json").read_text()), run

    def woken(self, *plan: tuple[str, JsonObject]) -> Any:
        """What the agent of the main session says of the tools that it called, woken by nobody's schedule."""
        (self.folder / "plan.json").write_text(json.dumps(plan))
        run_id = self._ask("POST", "wake", {"text": "Look after it"})["runId"]
        run = until(lambda: self.over(run_id), "the end of the run")
        assert run["status"] == "ok", run
        return json.loads((self.folder / "answer.json").read_text())

    def run(self, agent: str, **delivery: Any) -> JsonObject:
        """A whole run of a job with one of the agents."""
        run_id = self._begun(agent, agent, delivery)
        return until(lambda: self.over(run_id), "the end of the run")

    @contextmanager
    def held(self, name: str, **delivery: Any) -> Iterator[Reached]:
        """A turn that goes on for as long as the block."""
        run_id = self._begun(name, "holder", delivery)
        reached = self.folder / f"{name}.reached"
        until(reached.exists, "the turn")
        try:
            yield Reached(*json.loads(reached.read_text()))
        finally:
            (self.folder / f"{name}.go").touch()
            until(lambda: self.over(run_id), "the end of the turn")

    def over(self, run_id: str) -> JsonObject | None:
        """A run that is over with all that it sent."""
        run = self._ask("GET", f"runs/{run_id}")
        waits = any(delivery["state"] == "pending" for delivery in run["deliveries"])
        return None if run["endedAt"] is None or waits else run

    def _begun(self, name: str, agent: str, delivery: dict[str, Any]) -> str:
        """The run of a new job."""
        job: JsonObject = {
            "name": name,
            "agentId": agent,
            "schedule": {"kind": "every", "everyMs": 86_400_000},
            "payload": {"kind": "agentTurn", "message": "How are things?"},
            "delivery": delivery,
        }
        made = self._ask("POST", "jobs", job)
        run_id: str = self._ask("POST", f"jobs/{made['id']}/run", {})["runId"]
        return run_id

    def _ask(self, method: str, path: str, body: object = None) -> JsonObject:
        status, document = Api(self.stentor).ask(method, path, body)
        assert status == 200, document
        return document


def home_with_agents(folder: Path, **env: str) -> AgentHome:
    stentor = Stentor(folder / "home", env)
    stentor.home.mkdir(mode=0o700)
    programs = {way: (HERE / "agent.py", way) for way in ("auto", "legacy", "stdio")}
    sections = [
        _agent(name, folder, *words) for name, words in {**programs, "main": programs["auto"]}.items()
    ]
    sections.append(_agent("holder", folder, HERE / "holder.py", folder))
    (stentor.home / "stentor.toml").write_text("\n".join(sections))
    return AgentHome(stentor, folder)


def without_mcp(folder: Path) -> str:
    """A PYTHONPATH on which the package is not what it should be."""
    shim = folder / "without"
    shim.mkdir()
    (shim / "mcp.py").write_text('raise ImportError("it is not there")\n')
    ways = [str(shim), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.pathsep.join(ways)


def _agent(name: str, folder: Path, *words: object) -> str:
    command = json.dumps([sys.executable, *map(str, words)])
    return f'[agents.{name}]\nrunner = "command"\ncommand = {command}\nworkspace = "{folder}"\nmcp = true\n'
