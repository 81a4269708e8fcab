import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from stentor.agents.command import CommandSettings
from stentor.contract.runners import ToolResult, TurnRequest
from stentor.contract.settings import RunnerSettings

CallTool = Callable[[str, Mapping[str, object]], Awaitable[ToolResult]]


async def no_tool(name: str, args: Mapping[str, object]) -> ToolResult:
    raise AssertionError(f"nobody should call {name} with {args}")


@pytest.fixture
def request_for() -> Callable[..., TurnRequest]:
    def build(settings: RunnerSettings, call_tool: CallTool = no_tool, **more: Any) -> TurnRequest:
        facts: dict[str, Any] = {
            "run_id": "run-1",
            "job_id": "brief",
            "agent_id": "ops",
            "session_key": "agent:ops:cron:brief:run:s-1",
            "session_id": "s-1",
            "message": "[cron:brief Morning brief] say hello",
        }
        return TurnRequest(settings=settings, call_tool=call_tool, **{**facts, **more})

    return build


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """A command that runs the given source from a file."""
    written: list[Path] = []

    def write(source: str) -> tuple[str, ...]:
        script = tmp_path / f"agent{len(written)}.py"
        script.write_text(dedent(source), encoding="utf-8")
        written.append(script)
        return (sys.executable, str(script))

    return write


@pytest.fixture
def settings_for(python: Callable[[str], tuple[str, ...]]) -> Callable[..., CommandSettings]:
    def build(source: str, **more: object) -> CommandSettings:
        return CommandSettings.model_validate({"command": python(source), **more})

    return build


@pytest.fixture
def life(tmp_path: Path) -> Path:
    """A named pipe: who holds it open is alive."""
    path = tmp_path / "life"
    os.mkfifo(path)
    return path


@pytest.fixture(autouse=True)
async def _asyncio_has_nothing_to_complain_about(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    yield
    gc.collect(1)
    assert [record.getMessage() for record in caplog.get_records("call") if record.name == "asyncio"] == []
