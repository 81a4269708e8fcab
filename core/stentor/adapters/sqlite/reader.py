"""The run log as people and scripts read it. Opens the store read-only; reading changes nothing.

Whether or not a daemon runs, and whoever asks: these are the words of the outer surfaces.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import apsw

from stentor.adapters.sqlite import heartbeat_log, outbox_log, session_log, shapes
from stentor.adapters.sqlite.fingerprint import fingerprint
from stentor.adapters.sqlite.listing import JOB, job_texts
from stentor.adapters.sqlite.outbox_log import Asked
from stentor.adapters.sqlite.rows import Row
from stentor.adapters.sqlite.snapshot import read_only
from stentor.domain.faults import AmbiguousName
from stentor.domain.json_types import JsonObject
from stentor.domain.retention import Removed
from stentor.domain.session_limits import SessionLimits

_RUN_FILTERS = {
    "id": "job_id = ?",
    "run_id": "id = ?",
    "status": "status = ?",
    "delivery_status": "delivery_status = ?",
}
# Rows of which table are counted, and which of them.
_FIGURES = {
    "jobs": ("jobs",),
    "enabled": ("jobs", "enabled = 1"),
    "blocked": ("jobs", "blocked IS NOT NULL"),
    "running": ("runs", "ended_at IS NULL"),
    "pending": ("deliveries", "state = 'pending'"),
    "unknown": (
        "deliveries",
        "state = 'unknown'",
        "EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = deliveries.id)",
    ),
    "sessions": ("sessions",),
}
_OF_AGENT = "agent_id = ?"
_SENT_FOR_AGENT = "EXISTS (SELECT 1 FROM runs r WHERE r.id = deliveries.run_id AND r.agent_id = ?)"
_QUERY = "lower(ifnull(summary, '') || ' ' || ifnull(error, '') || ' ' || job_id || ' ' || job_name) LIKE ? ESCAPE '\\'"


class Reader:
    """One read-only snapshot of the store. A store that does not exist yet reads as empty."""

    def __init__(self, connection: apsw.Connection | None) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        return cls(read_only(str(path)) if path.exists() and path.stat().st_size else None)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def jobs_json(self, *, agent: str | None, everything: bool) -> tuple[list[str], int]:
        """Each job as JSON text, and how many there are in all."""
        if self._connection is None:
            return [], 0
        return job_texts(self._connection, agent=agent, everything=everything)

    def job(self, name: str) -> JsonObject | None:
        """A job by its id, else by its name without regard to case."""
        for where in ("j.id = ?", "lower(j.name) = lower(?)"):
            rows = self._rows(f"{JOB} WHERE {where} ORDER BY j.created_at, j.id", name)
            found: list[JsonObject] = [json.loads(str(row[0])) for row in rows]
            if len(found) > 1:
                ids = ", ".join(str(job["id"]) for job in found)
                raise AmbiguousName(f"several jobs are called {name!r}: {ids}")
            if found:
                return found[0]
        return None

    def runs(
        self, *, limit: int, offset: int, query: str | None = None, **filters: str | None
    ) -> tuple[list[JsonObject], int]:
        """A page of the run log, newest first, and the number of all runs that match."""
        given = {key: value for key, value in filters.items() if value is not None}
        clauses = [_RUN_FILTERS[key] for key in given]
        values = list(given.values())
        if query:
            clauses.append(_QUERY)
            escaped = query.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            values.append(f"%{escaped}%")
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        total = self._value(f"SELECT count(*) FROM runs {where}", *values)
        page = f"{shapes.RUN} {where} ORDER BY queued_at DESC, id DESC LIMIT ? OFFSET ?"
        rows = list(self._rows(page, *values, limit, offset))
        return [shapes.run(row, self.deliveries(run=str(row[0]))) for row in rows], int(total or 0)

    def run(self, run_id: str) -> JsonObject | None:
        entries, _ = self.runs(limit=1, offset=0, run_id=run_id)
        return entries[0] if entries else None

    def deliveries(
        self,
        *,
        run: str | None = None,
        delivery: str | None = None,
        target: str | None = None,
        state: str | None = None,
    ) -> list[JsonObject]:
        """Newest first; those of one run in their order."""
        asked = Asked(run=run, delivery=delivery, target=target, state=state)
        return [] if self._connection is None else outbox_log.deliveries(self._connection, asked)

    def delivery_page(self, asked: Asked, *, limit: int, offset: int) -> tuple[list[JsonObject], int]:
        """A page of deliveries, newest first, and the number of all that match."""
        if self._connection is None:
            return [], 0
        found = outbox_log.deliveries(self._connection, asked, limit=limit, offset=offset)
        return found, outbox_log.count(self._connection, asked)

    def delivery_ids(self, asked: Asked) -> list[str]:
        return [] if self._connection is None else outbox_log.ids(self._connection, asked)

    def delivery(self, delivery_id: str) -> JsonObject | None:
        """All that is known of a delivery."""
        return None if self._connection is None else outbox_log.details(self._connection, delivery_id)

    def known_targets(self) -> list[JsonObject]:
        return [] if self._connection is None else outbox_log.known_targets(self._connection)

    def journal(self, target: str | None, limit: int) -> list[JsonObject]:
        """What channels kept in the store itself, newest first."""
        query = "SELECT id, target, body, at FROM journal WHERE ?1 IS NULL OR target = ?1 ORDER BY id DESC LIMIT ?2"
        return [shapes.record(row) for row in self._rows(query, target, limit)]

    def incoming(self, channel: str | None, limit: int) -> list[JsonObject]:
        """What people wrote to accounts, newest first."""
        query = "SELECT * FROM incoming WHERE ?1 IS NULL OR channel = ?1 ORDER BY id DESC LIMIT ?2"
        return [shapes.incoming(row) for row in self._rows(query, channel, limit)]

    def alerts(self, limit: int) -> list[JsonObject]:
        query = "SELECT at, job_id, run_id, delivery_id, data FROM events WHERE kind = 'alert' ORDER BY id DESC LIMIT ?"
        return [shapes.alert(row) for row in self._rows(query, limit)]

    def incidents(self, limit: int) -> list[JsonObject]:
        """The open ones, newest first, with what became of the last alert about each."""
        query = f"{shapes.INCIDENT} WHERE i.closed_at IS NULL ORDER BY i.id DESC LIMIT ?"
        return [shapes.incident(row) for row in self._rows(query, limit)]

    def events(self, after: int) -> list[JsonObject]:
        """What happened since event number `after`, oldest first."""
        query = f"{shapes.EVENT} WHERE e.id > ? ORDER BY e.id LIMIT 200"
        return [shapes.event(row) for row in self._rows(query, after)]

    def edits(self, job: str | None = None, *, limit: int, offset: int = 0) -> tuple[list[JsonObject], int]:
        """Who changed which job when, newest first, and how many such changes there are. Removed jobs count too."""
        where = "WHERE kind IN ('job.added', 'job.changed', 'job.removed', 'job.retired')"
        where += " AND (?1 IS NULL OR job_id = ?1)"
        total = self._value(f"SELECT count(*) FROM events {where}", job)
        query = f"{shapes.EDIT} {where} ORDER BY id DESC LIMIT ?2 OFFSET ?3"
        return [shapes.edit(row) for row in self._rows(query, job, limit, offset)], int(total or 0)

    def removed_job(self, name: str) -> str | None:
        """The id of a job that is gone, by its id or by the name it went with."""
        query = """SELECT job_id FROM events WHERE kind IN ('job.removed', 'job.retired')
            AND (job_id = ?1 OR lower(data ->> '$.name') = lower(?1)) ORDER BY id DESC LIMIT 1"""
        return next((str(row[0]) for row in self._rows(query, name)), None)

    def sessions(self, run_id: str) -> list[JsonObject]:
        """The session of a run, as long as it is there."""
        return [] if self._connection is None else session_log.of_run(self._connection, run_id)

    def session_page(
        self, asked: session_log.Asked, *, limit: int, offset: int
    ) -> tuple[list[JsonObject], int]:
        """A page of sessions, those that changed last first, and the number of all that match."""
        if self._connection is None:
            return [], 0
        found = session_log.sessions(self._connection, asked, limit=limit, offset=offset)
        return found, session_log.count(self._connection, asked)

    def session(self, name: str) -> JsonObject | None:
        """A session by its id, its key, or the key of its conversation."""
        return None if self._connection is None else session_log.find(self._connection, name)

    def session_names(self, most: int) -> list[str]:
        return [] if self._connection is None else session_log.names(self._connection, most)

    def session_agents(self) -> list[str]:
        return [] if self._connection is None else session_log.agents(self._connection)

    def transcript(self, session_id: str, most: int) -> list[JsonObject]:
        """The last of what was said in a session, in order."""
        return [] if self._connection is None else session_log.transcript(self._connection, session_id, most)

    def session_figures(self) -> JsonObject:
        """How many sessions there are, and what the last sweep came to."""
        return session_log.NO_FIGURES if self._connection is None else session_log.figures(self._connection)

    def sessions_beyond(self, limits: SessionLimits, now_ms: int) -> Removed:
        """What a sweep would remove now."""
        return (
            Removed() if self._connection is None else session_log.would_go(self._connection, limits, now_ms)
        )

    def counts(self, agent: str | None = None) -> JsonObject:
        """The figures of `status`: of all agents, or of what belongs to one."""
        return {
            name: self._of(agent, "count(*)", table, *clauses) or 0
            for name, (table, *clauses) in _FIGURES.items()
        }

    def next_due(self, agent: str | None = None) -> int | None:
        """When the next job is due, of all agents or of one."""
        return self._of(agent, "min(next_at)", "jobs", "enabled = 1")

    def main_session(self) -> JsonObject:
        """Its last turn, and what waits for the next one."""
        return (
            heartbeat_log.NOTHING
            if self._connection is None
            else heartbeat_log.main_session(self._connection)
        )

    def heartbeat(self) -> int | None:
        return self._value("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'heartbeat'")

    def accounts(self) -> list[JsonObject]:
        query = "SELECT channel, account, state, reason, since FROM accounts ORDER BY channel, account"
        return [shapes.account(row) for row in self._rows(query)]

    def damaged_jobs(self) -> list[str]:
        """Jobs whose document no longer matches its checksum."""
        rows = self._rows("SELECT id, doc, checksum FROM jobs")
        return [str(job) for job, doc, expected in rows if fingerprint(str(doc)) != expected]

    def _rows(self, query: str, *values: str | int | None) -> Iterator[Row]:
        if self._connection is None:
            return iter(())
        return iter(self._connection.execute(query, values))

    def _of(self, agent: str | None, figure: str, table: str, *clauses: str) -> int | None:
        """A figure of the rows that belong to an agent, or of those of all."""
        if agent is not None:
            clauses = (*clauses, _SENT_FOR_AGENT if table == "deliveries" else _OF_AGENT)
        where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
        return self._value(f"SELECT {figure} FROM {table}{where}", *([] if agent is None else [agent]))

    def _value(self, query: str, *values: str | int | None) -> int | None:
        for row in self._rows(query, *values):
            return row[0] if isinstance(row[0], int) else None
        return None


def page(
    entries: Sequence[object], total: int, limit: int, offset: int, *, under: str = "entries"
) -> JsonObject:
    """How every paged answer is wrapped; `under` is the name of what it holds."""
    following = offset + len(entries)
    more = following < total
    return {
        under: list(entries),
        "total": total,
        "limit": limit,
        "offset": offset,
        "hasMore": more,
        "nextOffset": following if more else None,
    }
