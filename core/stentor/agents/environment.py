"""What a child process gets to see: its folder, an allow-list of our environment, and the facts of its run."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from stentor.contract.errors import RunnerError
from stentor.contract.runners import McpAccess
from stentor.domain.instants import iso

RUN_ID, MCP_URL, MCP_TOKEN = "STENTOR_RUN_ID", "STENTOR_MCP_URL", "STENTOR_MCP_TOKEN"

_PASSED_ON = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "VIRTUAL_ENV"})
_LOCALE_PREFIX = "LC_"


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a program needs to run at all, plus `extra`. Our own environment holds secrets and stays here."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_LOCALE_PREFIX)
    }
    return kept | dict(extra)


def folder(cwd: Path | str) -> Path:
    """`cwd` with a leading `~` filled in."""
    try:
        return Path(cwd).expanduser()
    except RuntimeError as error:
        raise RunnerError("crashed", f"cannot run in {str(cwd)!r}: {error}; write the full path") from error


def run_facts(
    *, run_id: str, job_id: str | None, session_key: str, scheduled_for: datetime | None
) -> dict[str, str]:
    """The variables every program of a run gets; empty where the run has no such thing."""
    return {
        RUN_ID: run_id,
        "STENTOR_JOB_ID": job_id or "",
        "STENTOR_SESSION_KEY": session_key,
        "STENTOR_SCHEDULED_FOR": iso_utc(scheduled_for) or "",
    }


def mcp_facts(access: McpAccess | None) -> dict[str, str]:
    """What `stentor mcp` and other clients need to use the tools of the turn."""
    return {} if access is None else {MCP_URL: access.url, MCP_TOKEN: access.token}


def iso_utc(instant: datetime | None) -> str | None:
    return None if instant is None else iso(round(instant.timestamp() * 1000))
