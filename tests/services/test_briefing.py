"""What an agent is told when its turn begins: its question, the time, what becomes of the answer, and what it knows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from stentor.adapters.workspace import FolderWorkspaces
from stentor.contract.runners import BootstrapFile
from stentor.domain.jobs import AgentTurn, Job, fill_defaults
from stentor.services.briefing import Brief, Briefing
from stentor.testing.aside import AtOnce
from stentor.testing.virtual_time import VirtualClock, VirtualLoop, pass_time

T = TypeVar("T")
BERLIN = {"kind": "cron", "expr": "0 7 * * *", "tz": "Europe/Berlin"}
HOURLY = {"kind": "every", "everyMs": 3_600_000}


@dataclass
class SlowAside(AtOnce):
    """Beside the loop it takes a while."""

    seconds: float
    done: int = field(default=0, init=False)

    async def do(self, work: Callable[[], T]) -> T:
        await pass_time(self.seconds)
        self.done += 1
        return work()


class House:
    """An agent with a workspace, and a home with a skill for all."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.aside = SlowAside(90)
        self._clock = VirtualClock()
        workspaces = FolderWorkspaces(folder / "home", folder / "bundled")
        self.briefing = Briefing(self._clock, workspaces, self.aside, "Asia/Tokyo")
        for path, text in (
            (self.workspace / "AGENTS.md", "Be kind."),
            (self.workspace / "MEMORY.md", "Ann likes tea."),
            (self.workspace / "skills/own/SKILL.md", "# Of the workspace"),
            (folder / "home/skills/shared/SKILL.md", "# For all"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def brief(self, *, kind: str = "run", may_send: bool = False, **job: Any) -> Brief:
        told = a_job(**job)
        assert isinstance(told.payload, AgentTurn)
        briefed = self.briefing.of(told, told.payload, self.workspace, session_kind=kind, may_send=may_send)
        loop = VirtualLoop()
        try:
            return loop.run_until_complete(briefed)
        finally:
            loop.close()


def a_job(*, light: bool = False, **changes: Any) -> Job:
    facts: dict[str, Any] = {
        "id": "brief",
        "name": "Brief",
        "schedule": BERLIN,
        "payload": {"kind": "agentTurn", "message": "What is new?", "lightContext": light},
    }
    return Job.model_validate(fill_defaults(facts | changes))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_question_is_the_jobs_own_and_the_message_says_what_else_has_to_be_known(house: House) -> None:
    brief = house.brief()
    asked, nothing, time, answer = brief.message.split("\n")
    assert (asked, nothing) == (brief.question, "") == ("[cron:brief Brief] What is new?", "")
    assert time == "Current time: Wednesday, 1 July 2026, 09:01 (Europe/Berlin, UTC+02:00)"
    assert answer.startswith("Your final answer is delivered for you")


def test_the_time_is_that_of_the_asking_however_long_the_reading_took(house: House) -> None:
    house.aside.seconds = 3600
    assert "10:00 (Europe/Berlin" in house.brief().message


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(HOURLY, id="an interval"),
        pytest.param({"kind": "at", "at": "2026-07-01T07:00:02Z"}, id="an instant"),
    ],
)
def test_a_job_whose_schedule_names_no_zone_is_told_the_time_of_the_configured_one(
    house: House, schedule: dict[str, Any]
) -> None:
    assert "16:01 (Asia/Tokyo, UTC+09:00)" in house.brief(schedule=schedule).message


@pytest.mark.parametrize(
    ("delivery", "said"),
    [
        pytest.param({"mode": "announce", "to": "page:a"}, "is delivered for you", id="announce"),
        pytest.param(
            {"mode": "webhook", "to": "https://hooks.example.com/in?key=hunter2"},
            "is handed to a program for you",
            id="webhook",
        ),
        pytest.param({"mode": "none"}, "nobody is sent it", id="none"),
    ],
)
def test_the_agent_is_told_what_becomes_of_its_answer_and_not_where_it_goes(
    house: House, delivery: dict[str, Any], said: str
) -> None:
    brief = house.brief(delivery=delivery)
    assert said in brief.message
    assert not any(word in brief.message for word in ("page:a", "hooks.example.com", "hunter2"))


def test_the_tool_is_spoken_of_only_where_it_is_offered(house: House) -> None:
    assert "tool `message`" in house.brief(may_send=True).message
    assert "tool" not in house.brief(may_send=False).message


def test_an_isolated_run_knows_the_agents_files_and_the_skills_for_all(house: House) -> None:
    brief = house.brief(kind="run")
    assert brief.bootstrap == (BootstrapFile("AGENTS.md", "Be kind."),)
    assert "- shared: For all (" in brief.instructions
    assert "- own" not in brief.instructions


@pytest.mark.parametrize("kind", ["main", "named"])
def test_a_session_that_lasts_knows_its_memory_and_the_skills_of_the_workspace(
    house: House, kind: str
) -> None:
    brief = house.brief(kind=kind)
    assert [file.path for file in brief.bootstrap] == ["AGENTS.md", "MEMORY.md"]
    assert "- own: Of the workspace (" in brief.instructions
    assert "- shared: For all (" in brief.instructions


@pytest.mark.parametrize("kind", ["run", "named"])
def test_with_a_light_context_the_agent_learns_of_its_job_alone_and_nothing_is_read(
    house: House, kind: str
) -> None:
    brief = house.brief(kind=kind, light=True)
    assert (brief.instructions, brief.bootstrap, brief.warnings) == ("", (), ())
    assert "Current time: Wednesday, 1 July 2026, 09:00 (" in brief.message
    assert house.aside.done == 0


def test_what_cannot_be_read_is_a_warning_of_the_run(house: House) -> None:
    (house.workspace / "SOUL.md").write_bytes(b"\xff")
    brief = house.brief()
    assert brief.warnings == (f"{house.workspace}/SOUL.md is left out: it is not UTF-8",)
    assert [file.path for file in brief.bootstrap] == ["AGENTS.md"]
