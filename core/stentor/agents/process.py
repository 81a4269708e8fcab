"""Running a program of the user's: in a group of its own, with bounded output, never outliving its turn."""

import asyncio
import errno
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from stentor.agents.environment import child_environment
from stentor.agents.output import STDOUT_LIMIT, Output
from stentor.agents.process_group import GRACE_S, ProcessGroup
from stentor.contract.errors import RunnerError

_STDIN, _STDOUT, _STDERR = range(3)

_MENDS = {
    errno.ENOENT: "not found; install it, write its full path, or check the interpreter its first line names",
    errno.EACCES: "not executable; chmod +x it, or put its interpreter in front",
    errno.ENOEXEC: "not a program for this system; begin it with a #! line, or put its interpreter in front",
    errno.E2BIG: "given more arguments than the system takes; pass long text on stdin",
}

_SHELL_CODES = {126: "not executable", 127: "command not found"}


class Child:
    """One running program."""

    def __init__(self, transport: asyncio.SubprocessTransport, output: Output) -> None:
        self.lines_read = 0
        self._settled = False
        self._transport = transport
        self._output = output
        self._group = ProcessGroup(transport.get_pid(), leader_is_reaped=lambda: output.exited)

    def write(self, data: bytes) -> None:
        """Hand `data` to the program's stdin, buffered; a program that closed it or ended does not care."""
        stdin = self._stdin()
        if stdin is not None and not stdin.is_closing():
            stdin.write(data)

    def close_stdin(self) -> None:
        """Let the program see the end of its input, after all that was written."""
        stdin = self._stdin()
        if stdin is not None:
            stdin.close()

    async def read_line(self) -> bytes:
        """The next line with its newline, the rest where the last line has none, and then b""."""
        output = self._output
        await output.until(lambda: output.has_line or output.exited)
        if output.exited:
            await self._settle()
        end = output.stdout.find(b"\n") + 1
        if not end and output.overflowed:
            raise RunnerError(
                "crashed",
                f"printed more than {STDOUT_LIMIT // 1024} KiB; print less, or write a file and attach it",
            )
        line = bytes(output.stdout[: end or None])
        del output.stdout[: end or None]
        self.lines_read += 1
        return line

    async def read_all(self) -> bytes:
        """Everything that is still to come."""
        lines: list[bytes] = []
        while line := await self.read_line():
            lines.append(line)
        return b"".join(lines)

    async def wait(self) -> int:
        """The exit code, once the program has ended and all its output is in; negative is a signal."""
        output = self._output
        await output.until(lambda: output.exited)
        await self._settle()
        return output.exit_code or 0

    def stderr_tail(self) -> str:
        return self._output.stderr.decode("utf-8", "replace").strip()

    async def end(self) -> None:
        """End whatever still runs and let go of all pipes. May be called again."""
        try:
            await self._group.end()
        finally:
            self._let_go()
            # Only a process that nobody may kill, or the kernel will not let die, takes longer.
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await self._output.until(lambda: self._output.released)

    async def _settle(self) -> None:
        """After the program's own exit: end what it left behind and take in what is still in the pipes."""
        if self._settled:
            return
        await self._group.end()
        # A process that moved to a session of its own may hold the pipes open for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self._output.until(lambda: self._output.ended)
        self._let_go()
        self._settled = True

    def _let_go(self) -> None:
        self._output.stop()
        stdin = self._stdin()
        # `abort` on a pipe that is closed already breaks asyncio; closing with data unsent is not closed yet.
        if stdin is not None and (not stdin.is_closing() or stdin.get_write_buffer_size()):
            stdin.abort()
        for fd in (_STDOUT, _STDERR):
            pipe = self._transport.get_pipe_transport(fd)
            if pipe is not None:
                pipe.close()

    def _stdin(self) -> asyncio.WriteTransport | None:
        pipe = self._transport.get_pipe_transport(_STDIN)
        return pipe if isinstance(pipe, asyncio.WriteTransport) else None


@asynccontextmanager
async def running(argv: Sequence[str], *, cwd: Path | None, env: Mapping[str, str]) -> AsyncGenerator[Child]:
    """Run `argv` for as long as the block lasts; on the way out the whole group is ended."""
    child = await _start(argv, cwd=cwd, env=env)
    try:
        yield child
    finally:
        await child.end()


def ending(code: int, diagnostics: str) -> str:
    """How a program ended, for people."""
    meaning = _meaning(code)
    said = f"exited with {code} ({meaning})" if meaning else f"exited with {code}"
    return f"{said}: {diagnostics}" if diagnostics else said


def _meaning(code: int) -> str:
    """What everybody means by an exit code; empty where every program means something else."""
    if code in _SHELL_CODES:
        return _SHELL_CODES[code]
    try:
        # A shell adds 128 to the signal that ended what it ran.
        return signal.Signals(-code if code < 0 else code - 128).name
    except ValueError:
        return ""


async def _start(argv: Sequence[str], *, cwd: Path | None, env: Mapping[str, str]) -> Child:
    loop = asyncio.get_running_loop()
    try:
        transport, output = await loop.subprocess_exec(
            Output, *argv, cwd=cwd, env=child_environment(env), start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise RunnerError("crashed", _why_not_started(argv[0], cwd, error)) from error
    return Child(transport, output)


def _why_not_started(program: str, cwd: Path | None, error: OSError | ValueError) -> str:
    if cwd is not None and not (Path(cwd).is_dir() and os.access(cwd, os.X_OK)):
        return f"cannot start {program!r} in {str(cwd)!r}: create this folder, or set another cwd"
    mend = _MENDS.get(error.errno or 0) if isinstance(error, OSError) else None
    return f"cannot start {program!r}: {mend}" if mend else f"cannot start {program!r}: {error}"
