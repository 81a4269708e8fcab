import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.agents.lives import (
    STUBBORN,
    open_for_reading,
    until_all_writers_are_gone,
    until_somebody_writes,
)

from stentor.agents.argv import run_argv
from stentor.contract.errors import RunnerError

Python = Callable[[str], tuple[str, ...]]


async def _output_of(argv: tuple[str, ...], **more: Any) -> str:
    options: dict[str, Any] = {"cwd": None, "env": {}, "input_text": None, "extra_env": {}}
    return await run_argv(argv, **{**options, **more})


@pytest.mark.parametrize(
    ("stdout", "stderr", "shown"),
    [
        ("all well\n", "", "all well"),
        ("", "only a note\n", "only a note"),
        ("all well\n", "but slow\n", "stdout:\nall well\n\nstderr:\nbut slow"),
        ("", "", ""),
        ("grüß 👋", " \n", "grüß 👋"),
    ],
    ids=["stdout", "stderr", "both", "neither", "blank stderr"],
)
async def test_the_output_is_what_there_is_and_both_streams_get_headings(
    python: Python, stdout: str, stderr: str, shown: str
) -> None:
    source = f"""
        import sys
        sys.stdout.buffer.write({stdout.encode()!r})
        sys.stderr.buffer.write({stderr.encode()!r})
    """
    assert await _output_of(python(source)) == shown


@pytest.mark.parametrize(
    ("stream", "code"), [("stderr", 3), ("stdout", 4)], ids=["told on stderr", "told on stdout"]
)
async def test_a_bad_exit_is_an_error_that_says_what_the_program_said(
    python: Python, stream: str, code: int
) -> None:
    source = f"import sys; print('disk full', file=sys.{stream}); sys.exit({code})"

    with pytest.raises(RunnerError, match=f"^exited with {code}: disk full$") as caught:
        await _output_of(python(source))

    assert caught.value.kind == "crashed"


async def test_of_a_long_complaint_the_end_is_told(python: Python) -> None:
    source = "import sys; sys.stderr.write('x' * 100_000 + ' the cause'); sys.exit(3)"

    with pytest.raises(RunnerError, match=r"^exited with 3: x+ the cause$") as caught:
        await _output_of(python(source))

    assert len(str(caught.value)) < 9000


async def test_a_program_the_shell_cannot_find_is_named_as_such() -> None:
    with pytest.raises(RunnerError, match=r"^exited with 127 \(command not found\): .*no-such-program"):
        await _output_of(("sh", "-c", "no-such-program"))


async def test_cancelling_it_ends_a_grandchild_that_ignores_sigterm(python: Python, life: Path) -> None:
    argv = _with_a_stubborn_child(python, life)
    reader = open_for_reading(life)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(_output_of(argv))
        await until_somebody_writes(reader)
        task.cancel()

    await until_all_writers_are_gone(reader)


async def test_a_timeout_ends_a_grandchild_that_ignores_sigterm(python: Python, life: Path) -> None:
    argv = _with_a_stubborn_child(python, life)
    reader = open_for_reading(life)
    limit = asyncio.timeout(None)

    async def begin_to_count() -> None:
        await until_somebody_writes(reader)
        limit.reschedule(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(begin_to_count())
        with pytest.raises(TimeoutError):
            async with limit:
                await _output_of(argv)

    await until_all_writers_are_gone(reader)


def _with_a_stubborn_child(python: Python, life: Path) -> tuple[str, ...]:
    stubborn = python(STUBBORN)
    return python(f"import subprocess; subprocess.run([*{stubborn!r}, {str(life)!r}])")


async def test_the_input_is_given_and_closed(python: Python) -> None:
    source = "import sys; print(sys.stdin.buffer.read().decode()[::-1])"

    assert await _output_of(python(source), input_text="hallö") == "öllah"


async def test_without_input_there_is_nothing_to_read(python: Python) -> None:
    assert await _output_of(python("import sys; print(repr(sys.stdin.read()))")) == "''"


async def test_the_facts_of_the_run_win_over_the_jobs_own_variables(python: Python) -> None:
    source = "import os; print(os.environ['MINE'], os.environ['STENTOR_RUN_ID'])"

    shown = await _output_of(
        python(source),
        env={"MINE": "1", "STENTOR_RUN_ID": "forged"},
        extra_env={"STENTOR_RUN_ID": "run-1"},
    )

    assert shown == "1 run-1"


async def test_it_runs_in_the_folder_it_is_given(
    python: Python, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))

    assert await _output_of(python("import os; print(os.getcwd())"), cwd="~/work") == str(tmp_path / "work")


async def test_the_home_of_nobody_is_refused(python: Python) -> None:
    with pytest.raises(RunnerError, match="write the full path"):
        await _output_of(python(""), cwd="~no-such-user-here/work")
