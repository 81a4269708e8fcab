"""Opening the store for reading. Reading commands do this whether or not a daemon runs, and cannot write."""

import apsw

from stentor.domain.faults import StoreRefused

SCHEMA_VERSION = 6
DAMAGED = (apsw.NotADBError, apsw.CorruptError)


def read_only(path: str) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5000)
    refuse_newer(connection, path)
    _refuse_older(connection, path)
    return connection


def schema_version(connection: apsw.Connection) -> int:
    value = connection.execute("PRAGMA user_version").get
    return value if isinstance(value, int) else 0


def damaged(path: str) -> StoreRefused:
    return StoreRefused(f"{path} is damaged or no store; restore a backup or move the file away")


def refuse_newer(connection: apsw.Connection, path: str) -> None:
    """A file of a later release is not understood, and a file that is no store is not touched."""
    try:
        version = schema_version(connection)
    except DAMAGED as error:
        raise damaged(path) from error
    if version > SCHEMA_VERSION:
        raise StoreRefused(
            f"{path} was written by a newer release (schema {version}, this one knows {SCHEMA_VERSION}): "
            "upgrade stentor, or restore the copy kept before the upgrade"
        )


def _refuse_older(connection: apsw.Connection, path: str) -> None:
    """Whoever may only read cannot bring a store up to date."""
    version = schema_version(connection)
    if 0 < version < SCHEMA_VERSION:
        raise StoreRefused(
            f"{path} was written by an older release (schema {version}, this one reads {SCHEMA_VERSION}): "
            "start `stentor serve` once, it brings the store up to date and keeps a copy"
        )
