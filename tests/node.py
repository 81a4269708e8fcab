"""Programs of other people from npm, for as long as a test needs them. They listen on 127.0.0.1."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.loopback import closed_port
from tests.requirements import lacking


@contextmanager
def running(package: str, command: Callable[[Path, int], Sequence[str | Path]], ready: str) -> Iterator[str]:
    """The address of a program of `package`, a name with its version. `command` gives its words by where the modules
    are and the port; it is there when it has said `ready`.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        lacking(f"Node.js with npm, to run {package}")
    modules, port = _installed(npm, package), closed_port()
    process = subprocess.Popen(
        [node, *command(modules, port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    try:
        said = ""
        while ready not in said:
            line = process.stdout.readline() if process.stdout else ""
            assert line, f"{package} ended: {said}"
            said += line
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _installed(npm: str, package: str) -> Path:
    """The modules, installed once for all who run tests at the same time."""
    home = Path(tempfile.gettempdir()) / f"stentor-tests-{os.getuid()}" / package
    home.mkdir(parents=True, exist_ok=True)
    done = home / "done"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            command = [
                npm,
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                home,
                package,
            ]
            ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if ran.returncode != 0:
                lacking(f"{package} from npm: {ran.stderr.strip()[-300:]}")
            done.touch()
    return home / "node_modules"
