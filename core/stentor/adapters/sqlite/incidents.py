"""Incidents: what was told of which trouble. The cursor, an incident and its alerts move in one transaction each.

An event is counted by the commit that moves the cursor past it, and an alert is written by the commit that says that
it was told: whoever dies in between has neither counted nor told anything twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import apsw

from stentor.adapters.sqlite import deliveries
from stentor.adapters.sqlite.rows import Row, fetch, first, only
from stentor.contract.targets import Target
from stentor.domain.alerts import PATIENCE_MS, Happening, Incident, Mark, News
from stentor.domain.records import DeliverySeed, IncidentStep

_DAY_MS = 86_400_000
_KEPT_MS = 30 * _DAY_MS
_ALERTS = "('failure', 'recovery')"

_CURSOR = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'alerts'"
_MOVE = "INSERT INTO meta VALUES ('alerts', ?) ON CONFLICT DO UPDATE SET value = excluded.value"
# A store that was there before alerts were sent does not tell its old ones.
_BEGIN = "SELECT id FROM events WHERE at < ? ORDER BY at DESC, id DESC LIMIT 1"
_NEWS = f"""
SELECT e.at, e.kind, e.data ->> '$.cause', e.data ->> '$.message', e.job_id, d.channel, d.account, d.target,
    ifnull(a.state, 'open') <> 'open', ifnull(d.purpose, '') IN {_ALERTS}, i.id
FROM events e LEFT JOIN deliveries d ON d.id = e.delivery_id
LEFT JOIN accounts a ON a.channel = d.channel AND a.account = d.account
LEFT JOIN incidents i ON e.kind LIKE 'delivery.%' AND i.cause = 'undelivered' AND i.root = d.account || '@' || d.target
    AND i.closed_at IS NULL
WHERE e.id > ? AND e.id <= ? AND (e.kind = 'alert' OR (e.kind = 'run.ended' AND e.data ->> '$.status' = 'skipped')
    OR (e.kind IN ('delivery.accepted', 'delivery.delivered', 'delivery.read') AND i.id IS NOT NULL)) ORDER BY e.id
"""
_FILE = """
INSERT INTO incidents (cause, root, job_id, opened_at, last_at, count, message) VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5)
ON CONFLICT (cause, root) WHERE closed_at IS NULL
DO UPDATE SET last_at = excluded.last_at, count = count + 1, message = iif(?5 = '', message, ?5), job_id = ifnull(job_id, ?3)
"""
_FORGET = "DELETE FROM incidents WHERE closed_at IS NOT NULL AND closed_at < ?"
# The alert that told last is the one made at that instant. It is stranded when it failed, may not have arrived, or
# does not get away.
_STRANDED = """
EXISTS (SELECT 1 FROM deliveries d LEFT JOIN accounts a ON a.channel = d.channel AND a.account = d.account
    WHERE d.created_at = i.told_at AND d.incident = i.id AND (d.state IN ('failed', 'partial', 'unknown')
        OR (d.state = 'pending' AND (ifnull(a.state, 'blocked') <> 'open' OR d.created_at < ?3))))
"""
# Of a job that waits for a run nobody can say yet that nothing more will come.
_FINAL = """
(j.enabled = 0 OR j.next_at IS NULL OR j.last_status = 'interrupted')
AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.job_id = j.id AND r.ended_at IS NULL)
"""
_STILL_UNKNOWN = """
EXISTS (SELECT 1 FROM events e JOIN deliveries d ON d.id = e.delivery_id
    WHERE e.kind = 'alert' AND e.id >= (SELECT id FROM events WHERE at >= i.opened_at ORDER BY at LIMIT 1)
    AND e.data ->> '$.cause' = 'unknown' AND d.state = 'unknown')
"""
_OPEN = f"""
SELECT i.id, i.cause, i.root, i.job_id, i.opened_at, i.last_at, i.count, i.message, i.told_at, i.told,
    CASE i.cause WHEN 'failing' THEN j.last_status = 'ok' WHEN 'skipped' THEN j.last_status <> 'skipped'
        WHEN 'switched_off' THEN j.enabled = 1 WHEN 'account_down' THEN a.state = 'open'
        WHEN 'unknown' THEN NOT {_STILL_UNKNOWN} ELSE 0 END,
    i.cause IN ('failing', 'skipped', 'switched_off')
        AND (j.id IS NULL OR (j.enabled = 0 AND j.finished IS NULL AND j.auto_disabled IS NULL)),
    CASE i.cause WHEN 'failing' THEN j.consecutive_errors WHEN 'skipped' THEN j.consecutive_skipped ELSE i.count END,
    {_FINAL}, ifnull(a.state, '') = 'down', {_STRANDED}
FROM incidents i LEFT JOIN jobs j ON j.id = i.job_id
LEFT JOIN accounts a ON i.cause = 'account_down' AND a.channel || ':' || a.account = i.root
WHERE i.closed_at IS NULL AND i.id > ?1 ORDER BY i.id LIMIT ?2
"""
# The alert that told last, and those it stood in for.
_TRIED = """
WITH RECURSIVE tried (id, channel, account, target, linked_to) AS (
    SELECT id, channel, account, target, linked_to FROM deliveries WHERE created_at = ?1 AND incident = ?2
    UNION SELECT d.id, d.channel, d.account, d.target, d.linked_to FROM tried t JOIN deliveries d ON d.id = t.linked_to)
SELECT id, channel, account, target FROM tried
"""
_USABLE = """
SELECT 1 FROM accounts a WHERE a.channel = ?1 AND a.account = ?2 AND a.state = 'open' AND NOT EXISTS (
    SELECT 1 FROM targets t WHERE t.channel = ?1 AND t.account = ?2 AND t.target = ?3 AND t.state = 'suspended')
"""
_TOLD = "UPDATE incidents SET told_at = ?, told = told + ?, closed_at = ? WHERE id = ?"
_CLOSE = "UPDATE incidents SET closed_at = ? WHERE id = ?"


def news(connection: apsw.Connection, now_ms: int, most: int) -> News:
    """What happened since the cursor that people may want to be told, among at most so many events."""
    after = _cursor(connection, now_ms)
    newest: int = only(connection, "SELECT ifnull(max(id), 0) FROM events")[0]
    until = max(after, min(after + most, newest))
    rows = fetch(connection, _NEWS, (after, until)) if until > after else []
    return News(after, until, newest, tuple(map(_happening, rows)))


def file(connection: apsw.Connection, marks: Iterable[Mark], found: News, now_ms: int) -> bool:
    """Count happenings for their incidents, and move the cursor past them; False if it is past them already."""
    if _cursor(connection, now_ms) != found.after:
        return False
    values = [(mark.cause, mark.root, mark.job_id, mark.at_ms, mark.message) for mark in marks]
    connection.executemany(_FILE, values)
    connection.execute(_MOVE, (str(found.until),))
    connection.execute(_FORGET, (now_ms - _KEPT_MS,))
    return True


def still_open(connection: apsw.Connection, after: int, most: int, now_ms: int) -> list[Incident]:
    """Open incidents beyond one, by their numbers, as matters stand."""
    return [_incident(row) for row in fetch(connection, _OPEN, (after, most, now_ms - PATIENCE_MS))]


def take(connection: apsw.Connection, step: IncidentStep) -> bool:
    """Tell of an incident by the first alert that can go, or close it; whether there is something to send.

    Nothing is done if somebody else told of it, or closed it, since it was looked at.
    """
    if not first(
        connection,
        "SELECT 1 FROM incidents WHERE id = ? AND told_at IS ? AND closed_at IS NULL",
        (step.incident, step.told_ms),
    ):
        return False
    if step.closes and not step.choices:
        connection.execute(_CLOSE, (step.at_ms, step.incident))
        return False
    tried = fetch(connection, _TRIED, (step.told_ms, step.incident)) if step.instead else []
    seed = _choice(connection, step.choices, {tuple(row[1:]) for row in tried})
    closed = step.at_ms if step.closes else None
    connection.execute(_TOLD, (step.at_ms, 0 if step.instead else 1, closed, step.incident))
    if seed is None:
        return False
    if tried:
        seed = replace(seed, link="fallback", linked_to=tried[0][0])
    _write(connection, seed, step.incident)
    return True


def _cursor(connection: apsw.Connection, now_ms: int) -> int:
    row = first(connection, _CURSOR) or first(connection, _BEGIN, (now_ms - _DAY_MS,))
    return 0 if row is None else row[0]


def _choice(
    connection: apsw.Connection, choices: Sequence[DeliverySeed], tried: set[Row]
) -> DeliverySeed | None:
    """The first whose account is open and whose target is of use, and that was not tried before."""
    for seed in choices:
        place = _place(seed.target)
        if place not in tried and first(connection, _USABLE, place):
            return seed
    return None


def _write(connection: apsw.Connection, seed: DeliverySeed, incident: int) -> None:
    """A run has one alert of a kind for each target: another one about it stands by itself."""
    for alert in (seed, replace(seed, run_id=None)):
        deliveries.insert_all(connection, [alert])
        connection.execute("UPDATE deliveries SET incident = ? WHERE id = ?", (incident, alert.id))
        if connection.changes():
            return


def _place(target: Target) -> Row:
    return target.channel, target.account, target.canonical


def _happening(row: Row) -> Happening:
    at_ms, kind, cause, message, job, channel, account, target, shut, of_alert, ends = row
    if kind == "run.ended":
        cause = "skipped"
    return Happening(
        at_ms,
        cause or kind,
        message or "",
        job,
        channel or "",
        account or "",
        target or "",
        bool(shut),
        bool(of_alert),
        ends,
    )


def _incident(row: Row) -> Incident:
    over, gone, streak, final, stands, stranded = row[10:]
    return replace(
        Incident(*row[:10]),
        over=bool(over),
        gone=bool(gone),
        streak=streak or 0,
        final=bool(final),
        stands=bool(stands),
        stranded=bool(stranded),
    )
