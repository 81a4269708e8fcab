"""Where the daemon listens. Unix sockets take short paths only; a long home keeps a pointer instead.

Whoever may open the socket is trusted, so outside the home its folder must be ours alone: a folder of that name that
somebody else made first is refused by the daemon, and not connected to by commands.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from stentor.domain.faults import StoreRefused

_LONGEST = 100


def socket_path(home: Path) -> Path | None:
    """The socket of this home, whether or not anybody listens; None if what the home points to is not ours."""
    inside = _inside(home)
    if inside is not None:
        return inside
    try:
        path = Path(_pointer(home).read_text().strip())
    except OSError:
        return None
    return path if _is_ours(path.parent) else None


def prepare_socket(home: Path) -> Path:
    """Make room for a new socket; call it only while holding the store's lock."""
    path = _inside(home)
    if path is None:
        path = _outside(home)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(path.parent):
            hint = "set XDG_RUNTIME_DIR to a folder of your own, or use a shorter home"
            raise StoreRefused(f"{path.parent} belongs to somebody else or is open to others: {hint}")
        _pointer(home).write_text(f"{path}\n")
    path.unlink(missing_ok=True)
    return path


def _inside(home: Path) -> Path | None:
    path = home.resolve() / "stentor.sock"
    return path if len(os.fsencode(path)) <= _LONGEST else None


def _outside(home: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return runtime / f"stentor-{digest}" / "stentor.sock"


def _pointer(home: Path) -> Path:
    return home / "stentor.sock.path"


def _is_ours(folder: Path) -> bool:
    try:
        facts = folder.lstat()
    except OSError:
        return False
    private = not facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and private
