"""Jobs that run a program instead of an agent: what it prints is what the job has to say."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from stentor.agents.environment import folder
from stentor.agents.output import STDERR_TAIL
from stentor.agents.process import ending, running
from stentor.contract.errors import RunnerError


async def run_argv(
    argv: Sequence[str],
    *,
    cwd: Path | str | None,
    env: Mapping[str, str],
    input_text: str | None,
    extra_env: Mapping[str, str],
) -> str:
    """Run `argv` to its end and return its output. `extra_env` wins over the job's own `env`."""
    async with running(argv, cwd=None if cwd is None else folder(cwd), env={**env, **extra_env}) as child:
        if input_text:
            child.write(input_text.encode("utf-8", "replace"))
        child.close_stdin()
        stdout = (await child.read_all()).decode("utf-8", "replace").strip()
        code = await child.wait()
        stderr = child.stderr_tail()
    if code:
        raise RunnerError("crashed", ending(code, stderr or stdout[-STDERR_TAIL:]))
    return _shown(stdout, stderr)


def _shown(stdout: str, stderr: str) -> str:
    """One stream as it stands; headings only where there are two to tell apart."""
    if stdout and stderr:
        return f"stdout:\n{stdout}\n\nstderr:\n{stderr}"
    return stdout or stderr
