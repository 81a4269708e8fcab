import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from tests.agents.lives import STUBBORN, open_for_reading, until_all_writers_are_gone

from stentor.agents.process import ending, running
from stentor.contract.errors import RunnerError

Python = Callable[[str], tuple[str, ...]]


async def _run(argv: tuple[str, ...]) -> tuple[bytes, int, str]:
    async with running(argv, cwd=None, env={}) as child:
        output = await child.read_all()
        return output, await child.wait(), child.stderr_tail()


async def test_lines_come_one_by_one_and_the_last_may_lack_its_newline(python: Python) -> None:
    async with running(python(r"print('a\n\nb', end='')"), cwd=None, env={}) as child:
        assert [await child.read_line() for _ in range(5)] == [b"a\n", b"\n", b"b", b"", b""]


async def test_a_program_reads_what_is_written_until_its_input_is_closed(python: Python) -> None:
    async with running(python("import sys; print(len(sys.stdin.read()))"), cwd=None, env={}) as child:
        child.write(b"x" * 500_000)
        child.write(b"y" * 500_000)
        child.close_stdin()
        assert await child.read_all() == b"1000000\n"


async def test_a_program_that_does_not_read_its_input_does_not_mind(python: Python) -> None:
    async with running(python("import os; os.close(0); print('no, thanks')"), cwd=None, env={}) as child:
        child.write(b"x" * 500_000)
        assert await child.read_line() == b"no, thanks\n"
        assert await child.wait() == 0
        for _ in range(10):
            child.write(b"too late")
        child.close_stdin()


async def test_only_the_end_of_stderr_is_kept(python: Python) -> None:
    source = "import sys; sys.stderr.write('x' * 100_000 + ' the cause'); sys.exit(3)"

    output, code, tail = await _run(python(source))

    assert (output, code) == (b"", 3)
    assert tail.endswith("x the cause")
    assert len(tail) == 8 * 1024


async def test_a_program_that_prints_without_end_is_stopped_at_the_limit(python: Python) -> None:
    with pytest.raises(RunnerError, match="printed more than 1024 KiB; print less") as caught:
        await _run(python("while True: print('x' * 1000)"))

    assert caught.value.kind == "crashed"


async def test_as_much_as_the_limit_is_fine(python: Python) -> None:
    output, code, _ = await _run(python("print('x' * (1024 * 1024 - 1))"))

    assert (len(output), code) == (1024 * 1024, 0)


async def test_a_signal_that_ended_the_program_shows_as_a_negative_code(python: Python) -> None:
    _, code, _ = await _run(python("import os; os.kill(os.getpid(), 9)"))

    assert code == -9


@pytest.mark.parametrize(
    ("code", "diagnostics", "text"),
    [
        (3, "boom", "exited with 3: boom"),
        (3, "", "exited with 3"),
        (-9, "", "exited with -9 (SIGKILL)"),
        (-63, "odd", "exited with -63: odd"),
        (126, "", "exited with 126 (not executable)"),
        (127, "sh: 1: nope", "exited with 127 (command not found): sh: 1: nope"),
        (137, "", "exited with 137 (SIGKILL)"),
        (143, "", "exited with 143 (SIGTERM)"),
        (128, "", "exited with 128"),
        (255, "", "exited with 255"),
    ],
    ids=[
        *["code", "silent", "signal", "unnamed signal", "not executable", "not found"],
        *["killed below a shell", "ended below a shell", "no signal", "minus one"],
    ],
)
def test_an_ending_is_told_in_words(code: int, diagnostics: str, text: str) -> None:
    assert ending(code, diagnostics) == text


async def test_the_environment_is_an_allow_list_with_additions(
    python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TELEGRAM_BOT_TOKEN", "PYTHONPATH", "LC_TIME", "TZ", "LANG"):
        monkeypatch.setenv(name, "here")
    argv = python("import os; print(*sorted(os.environ))")

    async with running(argv, cwd=None, env={"ADDED": "1", "TZ": "UTC"}) as child:
        names = (await child.read_all()).decode().split()

    allowed = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "VIRTUAL_ENV", "LC_TIME"}
    assert {"ADDED", "LC_TIME", "LANG", "PATH"} <= set(names)
    assert {name for name in names if not name.startswith("LC_")} <= allowed | {"ADDED"}


async def test_an_addition_wins_over_what_is_passed_on(
    python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")

    async with running(python("import os; print(os.environ['TZ'])"), cwd=None, env={"TZ": "UTC"}) as child:
        assert await child.read_all() == b"UTC\n"


async def test_a_missing_program_is_named_with_the_mend() -> None:
    with pytest.raises(RunnerError, match="cannot start 'no-such-program': not found; install it") as caught:
        await _run(("no-such-program",))

    assert caught.value.kind == "crashed"


@pytest.mark.parametrize(
    ("mode", "text", "mend"),
    [
        (0o600, "#!/bin/sh\n", "not executable; chmod"),
        (0o700, "\0\0\0\0", "begin it with a #! line"),
        (0o700, "#!/no/such/interpreter\n", "check the interpreter"),
    ],
    ids=["no x bit", "no format", "no interpreter"],
)
async def test_a_file_that_cannot_be_run_is_named_with_the_mend(
    tmp_path: Path, mode: int, text: str, mend: str
) -> None:
    program = tmp_path / "program"
    program.write_text(text)
    program.chmod(mode)

    with pytest.raises(RunnerError, match=mend) as caught:
        await _run((str(program),))

    assert str(program) in str(caught.value)


async def test_a_word_with_a_nul_is_refused() -> None:
    with pytest.raises(RunnerError, match="cannot start 'echo': embedded null byte"):
        await _run(("echo", "a\0b"))


@pytest.mark.parametrize("kind", ["missing", "a file"])
async def test_a_folder_that_is_none_is_named_with_the_mend(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "work"
    if kind == "a file":
        folder.touch()

    with pytest.raises(RunnerError, match="create this folder") as caught:
        async with running(("echo",), cwd=folder, env={}):
            pass

    assert str(folder) in str(caught.value)


async def test_leaving_the_block_ends_the_program(python: Python) -> None:
    source = "import os, signal; print(os.getpid(), flush=True); signal.pause()"

    async with running(python(source), cwd=None, env={}) as child:
        pid = int(await child.read_line())

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_grandchild_that_ignores_sigterm_is_killed_on_cancellation(
    python: Python, life: Path
) -> None:
    stubborn = python(STUBBORN)
    leader = f"import subprocess; subprocess.run([*{stubborn!r}, {str(life)!r}])"
    reader = open_for_reading(life)
    ready = asyncio.Event()

    async def read() -> None:
        async with running(python(leader), cwd=None, env={}) as child:
            assert await child.read_line() == b"ready\n"
            ready.set()
            await child.read_line()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await ready.wait()
        task.cancel()

    await until_all_writers_are_gone(reader)


async def test_a_second_cancellation_cuts_the_grace_short(python: Python, life: Path) -> None:
    argv = (*python(STUBBORN), str(life))
    reader = open_for_reading(life)
    ready = asyncio.Event()
    leaving = asyncio.Event()

    async def read() -> None:
        async with running(argv, cwd=None, env={}) as child:
            await child.read_line()
            ready.set()
            try:
                await child.read_line()
            finally:
                leaving.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await ready.wait()
        task.cancel()
        await leaving.wait()
        task.cancel()

    await until_all_writers_are_gone(reader)


async def test_a_grandchild_that_outlives_the_leader_is_ended_and_the_output_kept(
    python: Python, life: Path
) -> None:
    stubborn = python(STUBBORN)
    leader = f"""
        import subprocess, sys
        other = subprocess.Popen([*{stubborn!r}, {str(life)!r}], stdout=subprocess.PIPE)
        other.stdout.readline()
        print("bye")
    """
    reader = open_for_reading(life)

    output, code, _ = await _run(python(leader))

    assert (output, code) == (b"bye\n", 0)
    await until_all_writers_are_gone(reader)


async def test_what_a_grandchild_says_when_told_to_end_belongs_to_the_output(python: Python) -> None:
    grandchild = python("""
        import os, signal, sys
        def bye(*_):
            print("goodbye", flush=True)
            os._exit(0)
        signal.signal(signal.SIGTERM, bye)
        print("ready", file=sys.stderr, flush=True)
        signal.pause()
    """)
    leader = f"""
        import subprocess, sys
        other = subprocess.Popen({grandchild!r}, stderr=subprocess.PIPE)
        other.stderr.readline()
    """

    output, code, _ = await _run(python(leader))

    assert (output, code) == (b"goodbye\n", 0)


async def test_output_still_in_the_pipe_when_the_program_is_dead_is_not_lost(
    python: Python, life: Path
) -> None:
    source = f"life = open({str(life)!r}, 'w'); print('x' * 60_000)"

    async with running(python(source), cwd=None, env={}) as child:
        # The loop stands still until the program is dead, so it hears of all that happened at once.
        with life.open() as end:
            end.read()
        assert await child.wait() == 0
        assert len(await child.read_all()) == 60_001


async def test_a_daemon_that_left_the_group_cannot_hold_the_turn_up(python: Python, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    os.mkfifo(keep)
    daemon = python("import sys; print(end='', flush=True); open(sys.argv[1]).read()")
    leader = f"""
        import subprocess
        subprocess.Popen([*{daemon!r}, {str(keep)!r}], start_new_session=True)
        print("bye")
    """

    before = len(os.listdir("/dev/fd"))

    async with asyncio.timeout(10), running(python(leader), cwd=None, env={}) as child:
        child.write(b"never read" * 50_000)
        assert await child.read_all() == b"bye\n"
        assert await child.wait() == 0

    assert len(os.listdir("/dev/fd")) == before
    with keep.open("w"):
        """The daemon wakes up, reads the end and goes."""


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 8])
async def test_cancelling_a_start_leaves_nobody_behind(steps: int, life: Path) -> None:
    script = '(exec 3>"$0"; sleep 60) & sleep 60'

    async def start() -> None:
        async with running(("sh", "-c", script, str(life)), cwd=None, env={}) as child:
            await child.read_line()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(start())
        for _ in range(steps):
            await asyncio.sleep(0)
        # The loop stands still until the grandchild lives, so the start goes no further than `steps`.
        reader = os.open(life, os.O_RDONLY)
        os.set_blocking(reader, False)
        task.cancel()

    await until_all_writers_are_gone(reader)


async def test_no_descriptor_and_no_zombie_stays_behind(python: Python) -> None:
    argv = python("print('x'); import sys; sys.exit(1)")
    await _run(argv)
    before = len(os.listdir("/dev/fd"))

    for _ in range(5):
        await _run(argv)

    assert len(os.listdir("/dev/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans on request")
def test_orphans_are_reaped_where_they_fall_to_us(tmp_path: Path) -> None:
    source = """
        import asyncio, ctypes, os
        from stentor.agents.process import running

        PR_SET_CHILD_SUBREAPER = 36
        assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0

        async def main():
            async with running(("sh", "-c", "sleep 60 & echo done"), cwd=None, env={}) as child:
                assert await child.read_all() == b"done\\n"

        asyncio.run(main())
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("nobody left")
    """
    script = tmp_path / "reaper.py"
    script.write_text(dedent(source))

    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "nobody left\n"
