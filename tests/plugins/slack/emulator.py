"""A Slack that nobody here has written: the npm package `emulate`, on 127.0.0.1."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.node import running

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
    seed = folder / "seed.json"
    seed.write_text(json.dumps(_SEED))

    def command(modules: Path, port: int) -> list[str | Path]:
        options = ("--service", "slack", "--port", str(port), "--seed", seed)
        return [modules / "emulate/dist/index.js", "start", *options]

    with running(PACKAGE, command, ready="Config") as address:
        yield address
