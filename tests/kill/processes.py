"""A daemon in a process of its own, and the gate its agents stand at."""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.kill.waiting import eventually

PATIENCE_SECONDS = 15


@dataclass
class Gate:
    """A pipe that lets agents through once it is open, and keeps them waiting until then."""

    path: Path
    _descriptor: int = -1

    def build(self) -> None:
        os.mkfifo(self.path)

    def open(self) -> None:
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_RDWR)
            os.write(self._descriptor, b"." * 1000)

    def tear_down(self) -> None:
        """Whoever still stands there may go, and nobody may queue up any more."""
        self.open()
        self.path.unlink()
        os.close(self._descriptor)


@dataclass
class Daemon:
    """One life."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def said(self, text: str) -> bool:
        return text in self.log.read_text()

    def heard(self, text: str) -> None:
        eventually(lambda: self.said(text) or not self.alive, f"{text!r} in {self.log}")
        assert self.said(text), f"it ended with {self.process.returncode}:\n{self.log.read_text()}"

    def lives_for(self, seconds: float) -> None:
        """Let it live, and see that it does."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise AssertionError(f"it ended by itself with {code}:\n{self.log.read_text()}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.exit_code() == -signal.SIGKILL

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        assert self.exit_code() == 0, self.log.read_text()

    def end(self) -> None:
        """However it may be with it: afterwards it is not there."""
        self.process.kill()
        self.process.wait()

    def exit_code(self) -> int:
        """The exit code, negative for a signal, once the process has ended."""
        return self.process.wait(PATIENCE_SECONDS)
