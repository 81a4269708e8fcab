"""The event table: the append-only account of what happened, and the last resort of every alert."""

import json
from collections.abc import Iterable, Mapping

import apsw

# Made once: json.dumps would make another for every text.
_encoded = json.JSONEncoder(ensure_ascii=False).encode
_INSERT = "INSERT INTO events (at, kind, job_id, run_id, delivery_id, data) VALUES (?, ?, ?, ?, ?, ?)"


def record(
    connection: apsw.Connection,
    at_ms: int,
    kind: str,
    data: Mapping[str, object] | None = None,
    *,
    job_id: str | None = None,
    run_id: str | None = None,
    delivery_id: str | None = None,
) -> None:
    connection.execute(_INSERT, (at_ms, kind, job_id, run_id, delivery_id, _text(data)))


def record_runs(
    connection: apsw.Connection, news: Iterable[tuple[str, int, str, str, Mapping[str, object]]]
) -> None:
    """Many events of runs at once: kind, when, job, run, data."""
    rows = [(at_ms, kind, job, run, None, _text(data)) for kind, at_ms, job, run, data in news]
    connection.executemany(_INSERT, rows)


def alert(
    connection: apsw.Connection,
    at_ms: int,
    cause: str,
    message: str,
    *,
    job_id: str | None = None,
    run_id: str | None = None,
    delivery_id: str | None = None,
) -> None:
    """Something a person should know. Written in the transaction of its cause, so the cause cannot be silent."""
    data = {"cause": cause, "message": message}
    record(connection, at_ms, "alert", data, job_id=job_id, run_id=run_id, delivery_id=delivery_id)


def _text(data: Mapping[str, object] | None) -> str:
    return _encoded(data) if data else "{}"
