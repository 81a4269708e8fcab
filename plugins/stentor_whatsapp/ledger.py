"""What was sent and what came in, written down before anybody is told: the child's memory across its deaths.

A message is written down when the library announces its id, which is before a byte of it leaves. So a part without a
row never left, if it was first offered to a ledger and to a version of the library that were seen to announce by then:
that is seen with the first message that WhatsApp acknowledges under the announced id, and kept.
"""

import json
import sqlite3
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

Level = Literal["accepted", "delivered", "read"]
State = Literal["never", "handed_over", "accepted"]

_KEPT_MS = 31 * 24 * 60 * 60 * 1000
# A clock that was wrong once does not cost everything.
_KEPT = 1000
_FORGET = """
DELETE FROM {table} WHERE at < (SELECT max(at) FROM {table}) - ? AND rowid <= (SELECT max(rowid) FROM {table}) - ?
"""
_RANKS: Mapping[str, int] = {"": 0, "accepted": 0, "delivered": 1, "read": 2}
_TABLES = """
CREATE TABLE IF NOT EXISTS sent (
    message_id TEXT PRIMARY KEY,
    part TEXT NOT NULL,
    chat TEXT NOT NULL,
    at INTEGER NOT NULL,
    accepted_at INTEGER,
    refused INTEGER NOT NULL DEFAULT 0,
    level TEXT NOT NULL DEFAULT '',
    level_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS sent_by_part ON sent (part);
CREATE INDEX IF NOT EXISTS sent_by_time ON sent (at);
CREATE TABLE IF NOT EXISTS received (
    message_id TEXT NOT NULL,
    chat TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (message_id, chat)
) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Unwritable(Exception):
    """The ledger cannot be opened or written."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What became of a part. `certain` says that `never` is proof."""

    state: State
    certain: bool
    message_id: str = ""
    at: int = 0
    chat: str = ""
    level: str = ""


@dataclass(slots=True)
class _Sending:
    """The one part that is under way."""

    part: str
    chat: str
    at: int
    message_id: str = ""


class Ledger:
    """Used from the threads of the library too: one at a time, and each thing said is on the disk when it returns."""

    def __init__(self, path: Path, version: str) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._sending: _Sending | None = None
        try:
            self.begun_anew = _set_aside_damaged(path)
            self._database = _opened(path)
        except (OSError, sqlite3.Error) as error:
            raise Unwritable(f"{path} cannot be opened: {error}") from error
        self._forget()

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def begin(self, part: str, chat: str, at: int) -> None:
        """The next new id that the library announces is this part's. A full disk is found here, not on the way."""
        with self._writing() as write:
            write.execute("INSERT OR REPLACE INTO facts VALUES ('sending', ?)", (part,))
            self._sending = _Sending(part, chat, at)

    def announced(self, message_id: str) -> bool:
        """The library is about to send a message: whether it is the one under way. Not a byte of it has left."""
        with self._lock:
            sending = self._sending
            if sending is None or sending.message_id or self._part_of(message_id) is not None:
                return False
            self._database.execute(
                "INSERT INTO sent (message_id, part, chat, at) VALUES (?, ?, ?, ?)",
                (message_id, sending.part, sending.chat, sending.at),
            )
            sending.message_id = message_id
            return True

    def end(self) -> str:
        """Nothing is under way any more. The id under which it was announced, if it was and was not refused."""
        with self._lock:
            sending, self._sending = self._sending, None
            if sending is None or not sending.message_id:
                return ""
            query = "SELECT message_id FROM sent WHERE message_id = ? AND refused = 0"
            row = self._database.execute(query, (sending.message_id,)).fetchone()
            return str(row[0]) if row else ""

    def acknowledged(self, message_id: str, at: int, *, refused: bool = False) -> str:
        """WhatsApp took a message, or refused it: the part that became it, if it is news."""
        with self._writing() as write:
            changed = write.execute(
                "UPDATE sent SET accepted_at = iif(?1, NULL, ?2), refused = ?1"
                " WHERE message_id = ?3 AND accepted_at IS NULL AND refused = 0",
                (int(refused), at, message_id),
            ).rowcount
            if not changed:
                return ""
            if self._fact("announces") != self._version:
                write.execute("INSERT OR REPLACE INTO facts VALUES ('announces', ?)", (self._version,))
                write.execute(
                    "INSERT OR REPLACE INTO facts SELECT 'announces_from', at FROM sent WHERE message_id = ?",
                    (message_id,),
                )
            return self._part_of(message_id) or ""

    def accepted(self, part: str, message_id: str, chat: str, at: int) -> bool:
        """A send returned: whether its message had been announced under the id that it turned out to have."""
        with self._writing() as write:
            known = self._part_of(message_id) == part
            write.execute(
                "INSERT INTO sent (message_id, part, chat, at, accepted_at) VALUES (?1, ?2, ?3, ?4, ?4)"
                " ON CONFLICT (message_id) DO UPDATE SET part = ?2, chat = ?3, accepted_at = ?4",
                (message_id, part, chat, at),
            )
            if not known:
                write.execute("DELETE FROM facts WHERE name = 'announces'")
            return known

    def receipt(self, message_id: str, level: Level, at: int) -> str:
        """Keep how far a message has come, and say which part became it; empty for a message of nobody's."""
        with self._writing() as write:
            query = "SELECT part, level FROM sent WHERE message_id = ?"
            row = write.execute(query, (message_id,)).fetchone()
            if row is None:
                return ""
            if _RANKS[level] > _RANKS[str(row[1])]:
                values = (level, at, message_id)
                write.execute("UPDATE sent SET level = ?, level_at = ? WHERE message_id = ?", values)
            return str(row[0])

    def receipts(self) -> list[Mapping[str, object]]:
        """How far the latest messages have come: whoever was told of it may have died before writing it down."""
        query = (
            "SELECT message_id, level, level_at, part FROM"
            " (SELECT rowid AS n, * FROM sent ORDER BY rowid DESC LIMIT ?) WHERE level <> '' ORDER BY n"
        )
        with self._lock:
            rows = self._database.execute(query, (_KEPT,)).fetchall()
        return [dict(zip(("message_id", "level", "at", "part"), row, strict=True)) for row in rows]

    def recall(self, part: str, tried: int) -> Recollection:
        """What became of a part that was first tried then, as far as anybody here knows."""
        query = (
            "SELECT message_id, coalesce(accepted_at, at), chat, level, accepted_at IS NOT NULL FROM sent"
            " WHERE part = ? AND refused = 0 ORDER BY accepted_at IS NULL, at DESC LIMIT 1"
        )
        with self._lock:
            row = self._database.execute(query, (part,)).fetchone()
            if row is None:
                return Recollection("never", self._announced_by(tried))
        message_id, at, chat, level, accepted = cast("tuple[str, int, str, str, int]", row)
        state: State = "accepted" if accepted or level else "handed_over"
        return Recollection(state, certain=True, message_id=message_id, at=at, chat=chat, level=level)

    def count(self, since: int) -> tuple[int, int]:
        """How many messages were handed over from then on, and when the first of them was."""
        query = "SELECT count(*), coalesce(min(at), 0) FROM sent WHERE at >= ?"
        with self._lock:
            return cast("tuple[int, int]", self._database.execute(query, (since,)).fetchone())

    def keep(self, message: Mapping[str, object]) -> bool:
        """Keep a message that came in until it is taken. False for one that is known."""
        with self._writing() as write:
            added = write.execute(
                "INSERT OR IGNORE INTO received VALUES (?, ?, ?, ?)",
                (message["message_id"], message["chat"], message["at"], json.dumps(message)),
            ).rowcount
            return bool(added)

    def kept(self) -> list[Mapping[str, object]]:
        """What came in and was not taken yet, in the order in which it came."""
        with self._lock:
            rows = self._database.execute(
                "SELECT body FROM received WHERE body <> '' ORDER BY rowid"
            ).fetchall()
        return [cast("Mapping[str, object]", json.loads(body)) for (body,) in rows]

    def taken(self, message_id: str) -> None:
        """A message need not be given again. Its id is kept, to know it by."""
        with self._writing() as write:
            write.execute("UPDATE received SET body = '' WHERE message_id = ?", (message_id,))

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._database:
                    self._database.execute("BEGIN IMMEDIATE")
                    yield self._database
            except sqlite3.Error as error:
                raise Unwritable(f"the ledger cannot be written: {error}") from error

    def _announced_by(self, tried: int) -> bool:
        """Whether the absence of what was first tried then is proof. What is older may have stood in a ledger before
        this one, or was given to another version."""
        since = self._fact("announces_from")
        return self._fact("announces") == self._version and bool(since) and int(since) <= tried

    def _part_of(self, message_id: str) -> str | None:
        row = self._database.execute("SELECT part FROM sent WHERE message_id = ?", (message_id,)).fetchone()
        return None if row is None else str(row[0])

    def _fact(self, name: str) -> str:
        row = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def _forget(self) -> None:
        """Let go of what is old. The latest of what was written down stands for now."""
        with self._writing() as write:
            for table in ("sent", "received"):
                write.execute(_FORGET.format(table=table), (_KEPT_MS, _KEPT))


def _opened(path: Path) -> sqlite3.Connection:
    # Every statement is one transaction, and on the disk when it returns: that a part has no row must hold after a
    # power cut too.
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        path.chmod(0o600)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_TABLES)
    except BaseException:
        database.close()
        raise
    return database


def _set_aside_damaged(path: Path) -> bool:
    """Whether there was a ledger that cannot be read. It is kept beside the new one."""
    if not path.exists():
        return False
    with suppress(sqlite3.DatabaseError):
        database = sqlite3.connect(path, isolation_level=None, timeout=10)
        try:
            if database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
                return False
        finally:
            database.close()
    path.replace(path.with_name(f"{path.name}.damaged"))
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    return True
