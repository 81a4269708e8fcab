"""Opening the store's file: the pragmas, the version it must have, and when it is refused."""

import re
from importlib import resources
from pathlib import Path

import apsw

from stentor.adapters.sqlite.snapshot import (
    DAMAGED,
    SCHEMA_VERSION,
    damaged,
    refuse_newer,
    schema_version,
)
from stentor.domain.faults import StoreRefused, StoreUnavailable

# Older engines can lose acknowledged commits when two connections write and checkpoint at once.
_OLDEST_ENGINE = 3_051_003
# Statements for many rows there are in several lengths each.
_KNOWN_STATEMENTS = 500
_MIGRATION = re.compile(r"(\d{4})_\w+\.sql")


def read_write(path: Path) -> apsw.Connection:
    """The writer's connection: WAL, every commit on the disk before it counts, schema up to date."""
    if apsw.sqlitelibversion().startswith("3.") and apsw.SQLITE_VERSION_NUMBER < _OLDEST_ENGINE:
        raise StoreRefused(
            f"SQLite {apsw.sqlitelibversion()} has a known corruption bug: pip install -U apsw"
        )
    path.touch(mode=0o600)  # the log files beside it get the same mode
    connection = apsw.Connection(str(path), statementcachesize=_KNOWN_STATEMENTS)
    try:
        connection.set_busy_timeout(5000)
        refuse_newer(connection, str(path))
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if connection.execute("PRAGMA journal_mode = WAL").get != "wal":
            raise StoreRefused(
                f"{path} is on a file system without write-ahead logging: keep the store on a local disk"
            )
        connection.execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536")
        _migrate(connection, path)
    except DAMAGED as error:
        connection.close()
        raise damaged(str(path)) from error
    except apsw.BusyError as error:
        connection.close()
        raise StoreUnavailable(f"{path} is locked by another program") from error
    except BaseException:
        connection.close()
        raise
    return connection


def migrations() -> list[tuple[int, str]]:
    """Numbered scripts, oldest first."""
    folder = resources.files("stentor.adapters.sqlite") / "migrations"
    found = [(match, entry) for entry in folder.iterdir() if (match := _MIGRATION.fullmatch(entry.name))]
    return sorted((int(match[1]), entry.read_text(encoding="utf-8")) for match, entry in found)


def _migrate(connection: apsw.Connection, path: Path) -> None:
    version = schema_version(connection)
    if 0 < version < SCHEMA_VERSION:
        _keep_copy(connection, path, version)
    for number, script in migrations():
        if number > version:
            with connection:
                connection.execute(script)
                connection.pragma("user_version", number)


def _keep_copy(connection: apsw.Connection, path: Path, version: int) -> None:
    copy = path.with_name(f"{path.name}.schema-{version}")
    copy.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(copy),))
