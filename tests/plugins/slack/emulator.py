"""A Slack that nobody here has written: the npm package `emulate`, on 127.0.0.1."""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.loopback import closed_port
from tests.requirements import lacking

# Without a version npm gives another package of that name.
PACKAGE = "emulate@0.11.2"
FULL, POOR = "xoxb-with-all-scopes", "xoxb-without-scopes"
HOOK = "/services/T000000001/B000000001/X000000001"
_SCOPES = "chat:write channels:read channels:history groups:read im:write im:history im:read users:read files:write files:read"
_SEED = {
    "slack": {
        "users": [{"name": "bob"}],
        "channels": [{"name": "reports"}],
        "tokens": [{"token": FULL, "scopes": _SCOPES.split()}, {"token": POOR, "scopes": ["channels:read"]}],
        "strict_scopes": True,
    }
}


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """The address of a running one; `folder` keeps what it is started with."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        lacking("Node.js with npm, to run the Slack emulator")
    program = _installed(npm)
    seed = folder / "seed.json"
    seed.write_text(json.dumps(_SEED))
    port = closed_port()
    process = subprocess.Popen(
        [node, program, "start", "--service", "slack", "--port", str(port), "--seed", seed],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = ""
        while "Config" not in said:
            line = process.stdout.readline() if process.stdout else ""
            assert line, f"the Slack emulator ended: {said}"
            said += line
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _installed(npm: str) -> Path:
    """The emulator's program, installed once for all who run tests at the same time."""
    home = Path(tempfile.gettempdir()) / f"stentor-tests-{os.getuid()}" / PACKAGE
    home.mkdir(parents=True, exist_ok=True)
    program = home / "node_modules/emulate/dist/index.js"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            command = [
                npm,
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                str(home),
                PACKAGE,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode != 0:
                lacking(f"{PACKAGE} from npm: {done.stderr.strip()[-300:]}")
    return program
