"""The event table: the append-only account of what happened, and the last resort of every alert."""

import json
from collections.abc import Mapping

import apsw

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
    text = json.dumps(data or {}, ensure_ascii=False)
    connection.execute(_INSERT, (at_ms, kind, job_id, run_id, delivery_id, text))


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
