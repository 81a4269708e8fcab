"""An agent that reads no files itself reads the skills it is told of with a tool, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from stentor.contract.runners import ToolResult, TurnRequest
from stentor.contract.tools import SKILL
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from tests.services.stories import TalkingRunner, adding, job, runs

TEXT = "---\nname: maps\ndescription: Finds places.\n---\n# Maps\n\nLook at the map.\n"


class Reader:
    """Asks for skills, and keeps what it is told."""

    def __init__(self, *names: object) -> None:
        self._names = names
        self.results: list[ToolResult] = []
        self.instructions = ""
        self.tools: set[str] = set()

    async def __call__(self, request: TurnRequest) -> str:
        self.instructions = request.instructions
        self.tools = {tool.name for tool in request.tools}
        self.results += [await request.call_tool(SKILL, {"name": name}) for name in self._names]
        return "done"


@pytest.fixture
def house(fast_home: Path) -> Path:
    """A home with a skill for all, and an agent with one of its own."""
    for folder, name in (("skills", "maps"), ("workspace/skills", "own")):
        path = fast_home / folder / name / "SKILL.md"
        path.parent.mkdir(parents=True)
        path.write_text(TEXT.replace("maps", name))
    (fast_home / "AGENTS.md").write_text("hunter2")
    (fast_home / "stentor.toml").write_text(f"[agents.main]\nworkspace = '{fast_home}/workspace'\n")
    return fast_home


def lived(
    house: Path, agent: Reader, *, reads_files: bool = False, named: bool = True, **payload: Any
) -> None:
    runner = TalkingRunner(agent)
    runner.reads_files = reads_files
    where = {"sessionTarget": "session:desk"} if named else {}
    asked = job(payload={"kind": "agentTurn", "message": "go", **payload}, **where)
    Simulation(house, [scripted_channel("page", Provider())], [runner]).live(adding(asked), seconds=10)
    assert [run["status"] for run in runs(house)] == ["ok"]


def test_it_reads_those_that_it_is_told_of(house: Path) -> None:
    agent = Reader("maps", "own")
    lived(house, agent)
    assert "- maps: Finds places.\n" in agent.instructions
    assert "SKILL.md" not in agent.instructions
    assert [(result.ok, result.result) for result in agent.results] == [
        (True, TEXT),
        (True, TEXT.replace("maps", "own")),
    ]


def test_an_isolated_run_reads_none_of_the_workspace(house: Path) -> None:
    agent = Reader("maps", "own")
    lived(house, agent, named=False)
    assert "- own" not in agent.instructions
    assert [result.ok for result in agent.results] == [True, False]


@pytest.mark.parametrize(
    "name", ["nope", "", "..", "../../AGENTS.md", "maps/SKILL.md", "/etc/passwd", "a\0b"]
)
def test_nothing_else_is_read(house: Path, name: str) -> None:
    agent = Reader(name)
    lived(house, agent)
    (result,) = agent.results
    assert (result.ok, "take a name from the list of skills" in str(result.result)) == (False, True)


@pytest.mark.parametrize(
    ("facts", "listed"),
    [
        pytest.param({"reads_files": True}, True, id="who reads files is told where they are"),
        pytest.param({"lightContext": True}, False, id="a light context knows of none"),
        pytest.param({"toolsAllow": ["cron"]}, False, id="who may not use the tool is told of none"),
    ],
)
def test_not_everybody_has_the_tool(house: Path, facts: dict[str, Any], listed: bool) -> None:
    agent = Reader()
    lived(house, agent, **facts)
    assert SKILL not in agent.tools
    assert ("SKILL.md" in agent.instructions) is listed
    assert ("Finds places" in agent.instructions) is listed
