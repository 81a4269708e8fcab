"""Incidents: what was told of which trouble. The cursor, an incident and its alerts move in one transaction each.

An event is counted by the commit that moves the cursor past it, and an alert is written by the commit that says that
it was told: whoever dies in between has neither counted nor told anything twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import apsw

from stentor.adapters.sqlite import deliveries, targets
from stentor.adapters.sqlite.rows import Row, fetch, first, only
from stentor.adapters.sqlite.standing import errors, final, last_status, left_alone, skips
from stentor.contract.targets import Target
from stentor.domain.alerts import OF_MANY, PATIENCE_MS, Happening, Incident, Mark, News
from stentor.domain.records import DeliverySeed, IncidentStep

_DAY_MS = 86_400_000
_KEPT_MS = 30 * _DAY_MS
_ALERTS = "('failure', 'recovery')"

_CURSOR = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'alerts'"
_MOVE = "INSERT INTO meta VALUES ('alerts', ?) ON CONFLICT DO UPDATE SET value = excluded.value"
# A store that was there before alerts were sent does not tell its old ones.
_BEGIN = "SELECT id FROM events WHERE at < ? ORDER BY at DESC, id DESC LIMIT 1"
# What may outlive the run which asked for it, and was not waited for, or no longer when that was over.
_UNHEARD = """
CASE WHEN n.outlives AND NOT (n.doc ->> '$.awaiting' IS 1 AND EXISTS (
    SELECT 1 FROM runs a WHERE a.id = n.asked_by AND (a.ended_at IS NULL OR a.ended_at >= e.at)))
THEN (SELECT r.session_key FROM runs r WHERE r.id = e.run_id) END
"""
_ARRIVED = "('delivery.accepted', 'delivery.delivered', 'delivery.read')"
# Most events are of no interest, and most of the time nobody waits for an arrival: both are seen at the event alone.
# What somebody ruled proves nothing of a target: something must have been accepted there since.
_NEWS = f"""
SELECT e.at, e.kind, e.data ->> '$.cause', e.data ->> '$.message', e.job_id,
    ifnull(d.channel, e.data ->> '$.channel'), ifnull(d.account, e.data ->> '$.account'), d.target,
    ifnull(a.state, 'open') <> 'open', ifnull(d.purpose, '') IN {_ALERTS}, i.id,
    (SELECT r.error_kind FROM runs r WHERE r.id = e.run_id), {errors("e.job_id")}, {final("e.job_id")},
    EXISTS (SELECT 1 FROM incidents o WHERE o.cause = 'failing' AND o.root = e.job_id AND o.closed_at IS NULL),
    n.run_id IS NOT NULL, {_UNHEARD}
FROM events e LEFT JOIN deliveries d ON d.id = e.delivery_id LEFT JOIN jobs j ON j.id = e.job_id
LEFT JOIN errands n ON n.run_id = e.run_id
LEFT JOIN accounts a ON a.channel = d.channel AND a.account = d.account
LEFT JOIN incidents i ON e.kind IN {_ARRIVED} AND i.cause = 'undelivered' AND i.root = d.account || '@' || d.target
    AND i.closed_at IS NULL
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id AND p.accepted_at >= i.opened_at)
WHERE e.id > ? AND e.id <= ? AND CASE WHEN e.kind IN ('alert', 'run.skipped') THEN 1
    WHEN e.kind = 'run.ended' THEN e.data ->> '$.status' = 'skipped'
    WHEN e.kind IN {_ARRIVED}
        THEN EXISTS (SELECT 1 FROM incidents WHERE cause = 'undelivered' AND closed_at IS NULL)
    ELSE 0 END
    AND (e.kind NOT IN {_ARRIVED} OR i.id IS NOT NULL) ORDER BY e.id
"""
_FILE = """
INSERT INTO incidents (cause, root, job_id, opened_at, last_at, count, message) VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5)
ON CONFLICT (cause, root) WHERE closed_at IS NULL
DO UPDATE SET last_at = excluded.last_at, count = count + 1, message = iif(?5 = '', message, ?5),
    job_id = iif(cause = 'agent_failing', ?3, ifnull(job_id, ?3))
"""
_NAME = """
INSERT INTO incident_jobs SELECT id, ?3 FROM incidents WHERE cause = ?1 AND root = ?2 AND closed_at IS NULL
ON CONFLICT DO NOTHING
"""
_UNNAME = """
DELETE FROM incident_jobs WHERE incident IN (SELECT id FROM incidents WHERE closed_at IS NOT NULL AND closed_at < ?)
"""
_FORGET = "DELETE FROM incidents WHERE closed_at IS NOT NULL AND closed_at < ?"
# The alert that told last is stranded when it failed, may not have arrived, or does not get away.
_STRANDED = """
EXISTS (SELECT 1 FROM deliveries d LEFT JOIN accounts a ON a.channel = d.channel AND a.account = d.account
    WHERE d.id = i.told_by AND (d.state IN ('failed', 'partial', 'unknown')
        OR (d.state = 'pending' AND (ifnull(a.state, 'blocked') <> 'open' OR d.created_at < ?3))))
"""
# Parts that nobody keeps any more cannot be settled.
_STILL_UNKNOWN = """
EXISTS (SELECT 1 FROM events e JOIN deliveries d ON d.id = e.delivery_id
    WHERE e.kind = 'alert' AND e.id >= (SELECT id FROM events WHERE at >= i.opened_at ORDER BY at LIMIT 1)
    AND e.data ->> '$.cause' = 'unknown' AND d.state = 'unknown'
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id AND p.state = 'unknown'))
"""
_CONCERNED = "SELECT 1 FROM incident_jobs c LEFT JOIN jobs j ON j.id = c.job_id WHERE c.incident = i.id AND"
# Nobody needs the notice that it is over when it is there, is not kept any more, or is true no more.
_NOTICED = """
NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = i.told_by AND d.state IN ('pending', 'failed', 'partial', 'unknown'))
OR EXISTS (SELECT 1 FROM incidents n WHERE n.cause = i.cause AND n.root = i.root AND n.closed_at IS NULL)
"""
_OPEN = f"""
SELECT i.id, i.cause, i.root, i.job_id, i.opened_at, i.last_at, i.count, i.message, i.told_at, i.told,
    CASE WHEN i.closed_at IS NOT NULL THEN {_NOTICED} ELSE CASE i.cause
        WHEN 'failing' THEN {last_status("i.job_id")} = 'ok'
        WHEN 'agent_failing' THEN EXISTS ({_CONCERNED} {last_status("c.job_id")} = 'ok')
        WHEN 'skipped' THEN {skips("i.job_id")} = 0 WHEN 'switched_off' THEN j.enabled = 1
        WHEN 'account_down' THEN a.state = 'open' AND (a.gated = 0 OR a.ready_at <= ?4) WHEN 'unknown' THEN NOT {_STILL_UNKNOWN} ELSE 0 END END,
    CASE WHEN i.cause IN ('failing', 'skipped', 'switched_off') THEN {left_alone("i.job_id")}
        WHEN i.cause = 'agent_failing' THEN NOT EXISTS ({_CONCERNED} NOT {left_alone("c.job_id")}) ELSE 0 END,
    CASE i.cause WHEN 'failing' THEN {errors("i.job_id")} WHEN 'skipped' THEN {skips("i.job_id")} ELSE i.count END,
    {final("i.job_id")}, ifnull(a.state, '') = 'down', {_STRANDED}, i.closed_at IS NOT NULL
FROM incidents i LEFT JOIN jobs j ON j.id = i.job_id
LEFT JOIN accounts a ON i.cause = 'account_down' AND a.channel || ':' || a.account = i.root
WHERE (i.closed_at IS NULL OR i.told_by IS NOT NULL) AND i.id > ?1 ORDER BY i.id LIMIT ?2
"""
# The alert that told last, and those it stood in for.
_TRIED = """
WITH RECURSIVE tried (id, linked_to, ago) AS (
    SELECT d.id, d.linked_to, 0 FROM incidents i JOIN deliveries d ON d.id = i.told_by WHERE i.id = ?
    UNION ALL SELECT d.id, d.linked_to, ago + 1 FROM tried t JOIN deliveries d ON d.id = t.linked_to)
SELECT d.id, d.channel, d.kind, d.target_id, substr(d.target, length(d.channel) + 2), d.thread, d.account
FROM tried JOIN deliveries d USING (id) ORDER BY ago
"""
_IS_OPEN = "SELECT 1 FROM accounts WHERE channel = ? AND account = ? AND state = 'open'"
_TOLD = """
UPDATE incidents SET told_at = ?, told = told + ?, told_by = ?, closed_at = ifnull(closed_at, ?) WHERE id = ?
"""
_CLOSE = "UPDATE incidents SET closed_at = ifnull(closed_at, ?), told_by = NULL WHERE id = ?"
_UNTOUCHED = """
SELECT 1 FROM incidents WHERE id = ? AND told_at IS ? AND (closed_at IS NULL OR told_by IS NOT NULL)
"""


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
    named = [value[:3] for value in values if value[0] in OF_MANY and value[2] is not None]
    connection.executemany(_NAME, named)
    connection.execute(_MOVE, (str(found.until),))
    for forget in (_UNNAME, _FORGET):
        connection.execute(forget, (now_ms - _KEPT_MS,))
    return True


def still_open(connection: apsw.Connection, after: int, most: int, now_ms: int) -> list[Incident]:
    """Incidents beyond one, by their numbers, as matters stand: open, or with a notice under way that they are over."""
    return [_incident(row) for row in fetch(connection, _OPEN, (after, most, now_ms - PATIENCE_MS, now_ms))]


def take(connection: apsw.Connection, step: IncidentStep) -> bool:
    """Tell of an incident by the first alert that can go, or close it; whether there is something to send.

    Nothing is done if somebody else told of it, or closed it, since it was looked at.
    """
    if not first(connection, _UNTOUCHED, (step.incident, step.told_ms)):
        return False
    if step.closes and not step.choices:
        connection.execute(_CLOSE, (step.at_ms, step.incident))
        return False
    tried = fetch(connection, _TRIED, (step.incident,)) if step.instead else []
    seed = _choice(connection, step.choices, [Target(*row[1:]) for row in tried])
    closed = step.at_ms if step.closes else None
    told_by = None if seed is None else seed.id
    connection.execute(_TOLD, (step.at_ms, 0 if step.instead else 1, told_by, closed, step.incident))
    if seed is None:
        return False
    if tried:
        seed = replace(seed, link="fallback", linked_to=tried[0][0])
    _write(connection, seed)
    return True


def _cursor(connection: apsw.Connection, now_ms: int) -> int:
    row = first(connection, _CURSOR) or first(connection, _BEGIN, (now_ms - _DAY_MS,))
    return 0 if row is None else row[0]


def _choice(
    connection: apsw.Connection, choices: Sequence[DeliverySeed], tried: Sequence[Target]
) -> DeliverySeed | None:
    """The first whose account is open and whose target is of use, and that leads to no place that was tried before."""
    known = {targets.key(place.target) for place in targets.places(connection, tried)}
    places = targets.places(connection, [seed.target for seed in choices])
    for seed, (target, suspended) in zip(choices, places, strict=True):
        place = targets.key(target)
        if not suspended and place not in known and first(connection, _IS_OPEN, place[:2]):
            return seed
    return None


def _write(connection: apsw.Connection, seed: DeliverySeed) -> None:
    """A run has one alert of a kind for each target: another one about it stands by itself."""
    if not deliveries.insert_all(connection, [seed]):
        deliveries.insert_all(connection, [replace(seed, run_id=None)])


def _happening(row: Row) -> Happening:
    at_ms, kind, cause, message, job, channel, account, target, shut, of_alert, ends, *run = row
    error_kind, streak, is_final, apart, of_errand, unheard_in = run
    return Happening(
        at_ms,
        "skipped" if kind in ("run.ended", "run.skipped") else cause or kind,
        message or "",
        job,
        channel or "",
        account or "",
        target or "",
        bool(shut),
        bool(of_alert),
        ends,
        error_kind or "",
        streak or 0,
        bool(is_final),
        bool(apart),
        bool(of_errand),
        unheard_in or "",
    )


def _incident(row: Row) -> Incident:
    over, gone, streak, is_final, stands, stranded, closed = row[10:]
    return replace(
        Incident(*row[:10]),
        over=bool(over),
        gone=bool(gone),
        streak=streak or 0,
        final=bool(is_final),
        stands=bool(stands),
        stranded=bool(stranded),
        closed=bool(closed),
    )
