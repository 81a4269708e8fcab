"""Where the daemon listens. Unix sockets take short paths only; a long home keeps a pointer instead."""

import hashlib
import os
import tempfile
from pathlib import Path

_LONGEST = 100


def socket_path(home: Path) -> Path:
    """The socket of this home, whether or not anybody listens."""
    inside = home.resolve() / "stentor.sock"
    if len(os.fsencode(inside)) <= _LONGEST:
        return inside
    return _runtime_dir() / f"stentor-{hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]}" / "stentor.sock"


def prepare_socket(home: Path) -> Path:
    """Make room for a new socket; call it only while holding the store's lock."""
    path = socket_path(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent != home.resolve():
        path.parent.chmod(0o700)
        (home / "stentor.sock.path").write_text(f"{path}\n")
    path.unlink(missing_ok=True)
    return path


def _runtime_dir() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
