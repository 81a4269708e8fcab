"""The lock that makes one process the owner of a store."""

import fcntl
import json
import os
from pathlib import Path
from typing import Self

from stentor.domain.instants import iso


class LockHeld(Exception):
    """Another process owns the store; the text says which."""

    def __init__(self, message: str, *, role: str) -> None:
        super().__init__(message)
        self.role = role


class StoreLock:
    """Held by the operating system for as long as the process lives: a killed owner leaves nothing behind."""

    def __init__(self, descriptor: int, boot: str) -> None:
        self._descriptor = descriptor
        self.boot = boot

    @classmethod
    def take(cls, home: Path, *, boot: str, now_ms: int, role: str) -> Self:
        descriptor = os.open(home / "stentor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            who, role = _holder(home)
            raise LockHeld(f"the store in {home} belongs to {who}", role=role) from error
        os.ftruncate(descriptor, 0)
        owner = {"pid": os.getpid(), "role": role, "startedAt": iso(now_ms), "boot": boot}
        os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        return cls(descriptor, boot)

    def release(self) -> None:
        os.close(self._descriptor)


def _holder(home: Path) -> tuple[str, str]:
    try:
        owner = json.loads((home / "stentor.lock").read_text())
        role = str(owner["role"])
        return f"{role} with pid {owner['pid']}, started {owner['startedAt']}", role
    except (OSError, ValueError, KeyError):
        return "another process", "unknown"
