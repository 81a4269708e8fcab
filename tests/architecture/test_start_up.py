"""Starting costs little: what a command does not need is not imported."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.architecture.source import ROOT, Offence, forbid

SDKS = (
    *("telegram", "discord", "slack_sdk", "neonize", "nio", "apprise"),
    *("anthropic", "genai_prices", "mcp", "mcp_types", "openai", "pydantic_ai"),
)
SLOW = (
    *("asyncio", "croniter", "httpcore2", "httpx2", "jinja2", "pluggy", "pydantic"),
    *("rich", "starlette", "uvicorn"),
)
# A daemon that is asked to stop as soon as it hears of it.
_SHORT_LIFE = """
import asyncio, os, signal
from pathlib import Path
from stentor.cli.serve import live

async def briefly():
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
    await live(Path(os.environ["STENTOR_HOME"]), "error", as_json=True)

asyncio.run(briefly())
"""

_COMMAND = "from stentor.cli.main import main\ntry:\n    main({words!r})\nexcept SystemExit as end:\n    code = end.code"
_REPORT = "\nimport json, sys\nsys.stderr.write(json.dumps(sorted(sys.modules)))\nsys.exit(globals().get('code', 0))"


def loaded_by(program: str, home: Path) -> frozenset[str]:
    """The top-level packages a fresh interpreter holds after running `program`."""
    environment = {
        **os.environ,
        "STENTOR_HOME": str(home),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "core"), str(ROOT / "plugins"))),
    }
    done = subprocess.run(
        [sys.executable, "-c", program + _REPORT],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return frozenset(name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1]))


def offences(what: str, loaded: frozenset[str], forbidden: Sequence[str]) -> list[Offence]:
    return [Offence(what, 1, f"loads {name}") for name in forbidden if name in loaded]


def command(*words: str) -> str:
    return _COMMAND.format(words=words)


def test_importing_stentor_loads_neither_models_nor_hooks(tmp_path: Path) -> None:
    loaded = loaded_by("import stentor", tmp_path)
    forbid(offences("core/stentor/__init__.py", loaded, ("pydantic", "pydantic_core", *SLOW)))


@pytest.mark.parametrize(
    "jobs", [pytest.param(0, id="an empty home"), pytest.param(1, id="a home with a job")]
)
def test_listing_jobs_loads_nothing_slow(tmp_path: Path, jobs: int) -> None:
    for _ in range(jobs):
        loaded_by(command("cron", "add", "--every", "1h", "--text", "hi", "--to", "local:inbox"), tmp_path)
    forbid(offences("core/stentor/cli/cron.py", loaded_by(command("cron", "list", "--json"), tmp_path), SLOW))


def test_loading_every_plugin_loads_no_sdk(tmp_path: Path) -> None:
    program = (
        "from stentor.adapters.registry import Registry\n"
        "registry = Registry.load()\n"
        "assert {'local', 'webhook'} <= set(registry.channels), registry.plugins\n"
    )
    forbid(
        offences(
            "core/stentor/adapters/registry.py", loaded_by(program, tmp_path), ("httpx2", "httpcore2", *SDKS)
        )
    )


def test_a_daemon_with_nothing_to_do_loads_no_sdk(tmp_path: Path) -> None:
    loaded = loaded_by(_SHORT_LIFE, tmp_path)
    assert "uvicorn" in loaded
    forbid(offences("core/stentor/cli/serve.py", loaded, SDKS))


def test_what_a_program_loads_is_seen(tmp_path: Path) -> None:
    assert offences("planted", loaded_by("import asyncio", tmp_path), SLOW) == [
        Offence("planted", 1, "loads asyncio")
    ]
