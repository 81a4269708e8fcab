"""The session of an account on disk: locked for as long as a child lives, copied before each start, put back if damaged.

The library cannot be trusted with it: a log-out deletes it, and a crash may leave anything behind.
"""

import errno
import fcntl
import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

_JOURNALS = ("-journal", "-wal", "-shm")
_ANEW = "pair the account anew with stentor channels login whatsapp"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Locked(Exception):
    """Another process has this session."""


class Unusable(Exception):
    """The session cannot be read or kept; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Who a session belongs to: a phone number's digits, the account's hidden address, and its name."""

    me: str
    lid: str
    name: str


def hold(session: Path) -> BinaryIO:
    """Have the session to ourselves until this file is closed, or we die."""
    lock = None
    try:
        lock = os.fdopen(
            os.open(_beside(session, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b"
        )
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if lock is not None:
            lock.close()
        raise Locked(f"another process has the session {session}: is Stentor running twice?") from None
    except OSError as error:
        raise unusable(session, error) from error
    return lock


def make_ready(session: Path) -> bool:
    """Copy a sound session beside itself; put the copy in the place of a damaged one, and say so."""
    try:
        if not session.exists():
            os.close(os.open(session, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return False
        # SQLite would read what it may not write, and the library find out later.
        os.close(os.open(session, os.O_RDWR | os.O_CLOEXEC))
        if _is_sound(session):
            _copy(session)
            return False
        return _restore(session)
    except (OSError, sqlite3.Error) as error:
        raise unusable(session, error) from error


def paired(session: Path) -> Paired | None:
    """Who the session belongs to; None for one that no phone has taken in, or not any more."""
    if not session.exists():
        return None
    try:
        with closing(_connected(session)) as database:
            row = database.execute("SELECT jid, lid, push_name FROM whatsmeow_device LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise unusable(session, error) from error
    except sqlite3.Error as error:
        raise unusable(session, error) from error
    if row is None:
        return None
    jid, lid, name = (str(value or "") for value in row)
    user = _user(lid)
    return Paired(_user(jid), f"{user}@lid" if user else "", name)


def _is_sound(session: Path) -> bool:
    copy = _beside(session, ".bak")
    if not session.stat().st_size and copy.exists():
        return False
    try:
        with closing(_connected(session)) as database:
            found = database.execute("PRAGMA quick_check(1)").fetchone()
            return cast("object", found) == ("ok",)
    except sqlite3.OperationalError:
        # Not damaged: locked, on a full disk, or not ours to read.
        raise
    except sqlite3.DatabaseError:
        return False


def _copy(session: Path) -> None:
    """The copy is whole or the one before it."""
    if not session.stat().st_size:
        return
    fresh = _beside(session, ".bak.new")
    fresh.unlink(missing_ok=True)
    try:
        os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(_connected(session)) as database, closing(_connected(fresh)) as copy:
            database.backup(copy)
        fresh.replace(_beside(session, ".bak"))
    finally:
        for tail in ("", *_JOURNALS):
            _beside(fresh, tail).unlink(missing_ok=True)
    session.chmod(0o600)


def _restore(session: Path) -> bool:
    """The damaged one is kept as well. Cut short, this begins anew with the next start."""
    copy, fresh = _beside(session, ".bak"), _beside(session, ".new")
    if not copy.exists():
        raise Unusable(
            f"the session {session} is damaged, and there is no copy of it: move it away, and {_ANEW}"
        )
    shutil.copyfile(copy, fresh)
    fresh.chmod(0o600)
    if not fresh.stat().st_size or not _is_sound(fresh):
        fresh.unlink()
        raise Unusable(
            f"the session {session} is damaged, and so is its copy {copy.name}: move both away, and {_ANEW}"
        )
    _set_aside(session)
    for tail in _JOURNALS:
        _beside(session, tail).unlink(missing_ok=True)
    fresh.replace(session)
    return True


def _set_aside(session: Path) -> None:
    """The first that was damaged is the best: what is damaged again has come from its copy."""
    damaged, fresh = _beside(session, ".damaged"), _beside(session, ".damaged.new")
    if not damaged.exists():
        shutil.copyfile(session, fresh)
        fresh.chmod(0o600)
        fresh.replace(damaged)


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=5)


def _beside(path: Path, tail: str) -> Path:
    return path.with_name(path.name + tail)


def _user(jid: str) -> str:
    """`628…` of `628….0:12@s.whatsapp.net`."""
    return re.split(r"[.:@]", jid, maxsplit=1)[0]


def unusable(session: Path, error: OSError | sqlite3.Error) -> Unusable:
    """What went wrong, for people."""
    full = (isinstance(error, OSError) and error.errno in _FULL) or "disk is full" in str(error)
    with suppress(OSError):
        if full or not shutil.disk_usage(session.parent).free:
            return Unusable(f"the disk that {session} is on is full: make room")
    return Unusable(
        f"the session {session} cannot be read or kept ({error}): look to its folder and its owner"
    )
