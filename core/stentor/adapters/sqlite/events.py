"""The event table: the append-only account of what happened, and the last resort of every alert."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec

import apsw

from stentor.adapters.sqlite.rows import Row, write_each

P = ParamSpec("P")
# Made once: json.dumps would make another for every text.
_encoded = json.JSONEncoder(ensure_ascii=False).encode
_INSERT = "INSERT INTO events (at, kind, job_id, run_id, delivery_id, data) {rows}"


def event(
    at_ms: int,
    kind: str,
    data: Mapping[str, object] | None = None,
    *,
    job_id: str | None = None,
    run_id: str | None = None,
    delivery_id: str | None = None,
) -> Row:
    """Something that happened, to be recorded."""
    return at_ms, kind, job_id, run_id, delivery_id, _text(data)


def alarm(
    at_ms: int,
    cause: str,
    message: str,
    *,
    job_id: str | None = None,
    run_id: str | None = None,
    delivery_id: str | None = None,
    account: tuple[str, str] | None = None,
) -> Row:
    """Something a person should know, to be recorded."""
    data = {"cause": cause, "message": message}
    if account is not None:
        data |= dict(zip(("channel", "account"), account, strict=True))
    return event(at_ms, "alert", data, job_id=job_id, run_id=run_id, delivery_id=delivery_id)


def record_all(connection: apsw.Connection, events: Sequence[Row]) -> None:
    """In the order in which they happened."""
    write_each(connection, _INSERT, events)


def _written(make: Callable[P, Row]) -> Callable[Concatenate[apsw.Connection, P], None]:
    def write(connection: apsw.Connection, /, *told: P.args, **named: P.kwargs) -> None:
        write_each(connection, _INSERT, [make(*told, **named)])

    return write


record = _written(event)
# Written in the transaction of its cause, so the cause cannot be silent.
alert = _written(alarm)


def _text(data: Mapping[str, object] | None) -> str:
    return _encoded(data) if data else "{}"
