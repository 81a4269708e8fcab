"""Rows of the store as the JSON of the outer surfaces."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from stentor.adapters.sqlite.fingerprint import fingerprint
from stentor.adapters.sqlite.rows import Row
from stentor.domain.json_types import JsonObject
from stentor.domain.manners import shown
from stentor.domain.rulings import choices

RUN = """
SELECT id, job_id, job_name, trigger, scheduled_for, queued_at, started_at, ended_at, status, phase, error, error_kind, warnings,
    session_key, session_id, model, input_tokens, output_tokens, cached_tokens, cost_usd, summary, completion_status,
    delivery_status, suppression, routes, attempt, other_model, (SELECT asked_by FROM errands WHERE run_id = runs.id)
FROM runs
"""
DELIVERIES = "deliveries d LEFT JOIN accounts a ON a.channel = d.channel AND a.account = d.account"
# What is still open on an account that is not there is blocked.
STATE = """
CASE WHEN d.state = 'pending' AND ifnull(a.state, 'blocked') = 'blocked' THEN 'blocked' ELSE d.state END
"""
_REASON = """
CASE WHEN d.state <> 'pending' THEN d.reason WHEN a.state IS NULL THEN 'not_configured'
    WHEN a.state IN ('blocked', 'down') THEN a.reason ELSE d.reason END
"""
DELIVERY = f"""
SELECT d.id, d.run_id, d.job_id, d.purpose, d.target, d.account, {STATE}, {_REASON}, d.source, d.created_at, d.expires_at,
    d.link, d.linked_to, d.settled, d.unconfirmed_at, d.meant_for, d.manner, d.opened, (
        SELECT json_group_array(json_object('id', l.id, 'link', l.link, 'target', l.target, 'state', l.state))
        FROM deliveries l WHERE l.linked_to = d.id)
FROM {DELIVERIES}
"""
PART = """
SELECT id, n, of, state, reason, attempts, message_id, accepted_at, delivered_at, read_at, degraded, error, next_attempt_at, text,
    sending_at, ifnull(plain, text)
FROM parts
"""
EVENT = """
SELECT e.id, e.at, e.kind, e.job_id, e.run_id, e.delivery_id, e.data, d.target FROM events e
LEFT JOIN deliveries d ON d.id = e.delivery_id
"""
INCIDENT = """
SELECT i.id, i.cause, i.root, i.job_id, i.opened_at, i.last_at, i.count, i.message, i.told_at, i.told,
    iif(i.told_by IS NULL, '[]', json_array(json_object(
        'deliveryId', i.told_by, 'target', d.target, 'accountId', d.account, 'state', ifnull(d.state, 'forgotten'))))
FROM incidents i LEFT JOIN deliveries d ON d.id = i.told_by
"""
EDIT = "SELECT id, at, kind, job_id, data FROM events"
_WITHOUT_PARTS = ("suppressed", "not_requested")
_HEAD = 100
_ACTIONS = {
    "job.added": "added",
    "job.changed": "changed",
    "job.removed": "removed",
    "job.retired": "removed",
}


def iso(ms: int | None) -> str | None:
    """Milliseconds as ISO-8601 UTC; the fraction only where there is one."""
    if ms is None:
        return None
    moment = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{ms % 1000:03d}Z" if ms % 1000 else f"{moment}Z"


def run(row: Row, deliveries: list[JsonObject]) -> JsonObject:
    """A run as the run log shows it. Intended and resolved describe the first target; `routes` lists all."""
    scheduled, queued, started, ended = row[4:8]
    routes = json.loads(row[24])
    first = (
        routes[0] if routes else {"intended": None, "resolved": {"ok": False, "target": None, "error": None}}
    )
    return {
        "runId": row[0],
        "jobId": row[1],
        "jobName": row[2],
        "trigger": row[3],
        "askedBy": row[27],
        "scheduledFor": iso(scheduled),
        "queuedAt": iso(queued),
        "startedAt": iso(started),
        "endedAt": iso(ended),
        "lateMs": _difference(started, scheduled) or 0,
        "durationMs": _difference(ended, started),
        "status": row[8],
        "phase": row[9],
        "error": row[10],
        "errorKind": row[11],
        "warnings": json.loads(row[12]),
        "sessionKey": row[13],
        "sessionId": row[14],
        "model": row[15],
        "usage": {"input": row[16], "output": row[17], "cached": row[18], "costUsd": row[19]},
        "summary": row[20],
        "completionStatus": row[21],
        "deliveryStatus": row[22],
        "suppression": row[23] or _why_nothing_was_announced(deliveries),
        "attempt": row[25],
        "fallbackUsed": bool(row[26]) or any(entry["link"] == "fallback" for entry in deliveries),
        "modelFallback": bool(row[26]),
        "delivery": {
            **first,
            "messageToolSentTo": _sent_by_tool(deliveries),
            "delivered": row[22] == "delivered",
            "routes": routes,
        },
        "deliveries": deliveries,
    }


def _sent_by_tool(deliveries: list[JsonObject]) -> list[str]:
    """Where the agent's own messages went, unless it is known that they did not."""
    sent = [entry for entry in deliveries if entry["purpose"] == "tool" and entry["state"] != "failed"]
    return list(dict.fromkeys(entry["target"] for entry in sent))


def _why_nothing_was_announced(deliveries: list[JsonObject]) -> str | None:
    """One reason for all announces, where the end of the run did not know of it."""
    announced = [entry for entry in deliveries if entry["purpose"] == "announce"]
    reasons = {entry["reason"] if entry["state"] == "suppressed" else None for entry in announced}
    return reasons.pop() if len(reasons) == 1 else None


def delivery(row: Row, parts: Sequence[Row]) -> JsonObject:
    """A delivery with its parts, and what can be done about it where something has to be."""
    state = row[6]
    doubts = [part[14] for part in parts if part[3] == "unknown" and part[14] is not None]
    is_dropped = not parts and state not in _WITHOUT_PARTS
    return {
        "id": row[0],
        "runId": row[1],
        "jobId": row[2],
        "purpose": row[3],
        "target": row[4],
        "accountId": row[5],
        "state": state,
        "reason": row[7] or None,
        "source": row[8],
        "createdAt": iso(row[9]),
        "expiresAt": iso(row[10]),
        "link": row[11],
        "linkedTo": row[12],
        "linkedFrom": json.loads(row[18]),
        "settled": _settled(row[13]),
        "unknownSince": iso(min(doubts, default=None)),
        "unconfirmedAt": iso(row[14]),
        "meantFor": row[15],
        "manner": shown(row[16]),
        "continuedIn": None if row[17] is None else _canonical(json.loads(row[17])),
        "dropped": is_dropped,
        "choices": [] if is_dropped else choices(row[0], state),
        "textHead": _head(parts),
        "parts": [_part(part) for part in parts],
    }


def with_text(part: JsonObject, row: Row) -> JsonObject:
    """A part with what it says."""
    _, text, form, attachment = row
    found: JsonObject | list[JsonObject] = [] if attachment is None else json.loads(attachment)
    files = found if isinstance(found, list) else [found]
    return {
        **part,
        "text": text,
        "format": form,
        "attachment": files[0] if files else None,
        "album": files[1:],
    }


def receipt(row: Row) -> JsonObject:
    return {
        "n": row[0],
        "messageId": row[1],
        "level": row[2],
        "target": row[3],
        "detail": json.loads(row[4]),
        "at": iso(row[5]),
    }


def known_target(row: Row) -> JsonObject:
    return {
        "channel": row[0],
        "accountId": row[1],
        "target": row[2],
        "state": row[3],
        "reason": row[4] or None,
        "movedTo": None if row[5] is None else _canonical(json.loads(row[5])),
        "since": iso(row[6]),
    }


def record(row: Row) -> JsonObject:
    return {"id": str(row[0]), "target": row[1], **json.loads(row[2]), "at": iso(row[3])}


def incoming(row: Row) -> JsonObject:
    return {
        "id": row[0],
        "channel": row[1],
        "accountId": row[2],
        "messageId": row[3],
        "target": _canonical(json.loads(row[4])),
        "sender": row[5],
        "senderName": row[6] or None,
        "direct": bool(row[7]),
        "held": bool(row[8]),
        "known": bool(row[9]),
        "text": row[10],
        "files": json.loads(row[11]),
        "replyTo": row[12] or None,
        "at": iso(row[13]),
        "receivedAt": iso(row[14]),
    }


def alert(row: Row) -> JsonObject:
    return {
        "at": iso(row[0]),
        "jobId": row[1],
        "runId": row[2],
        "deliveryId": row[3],
        **json.loads(row[4]),
    }


def incident(row: Row) -> JsonObject:
    """Trouble that goes on. Where it was `told` but `toldTo` is empty, no way was open and this is all there is."""
    return {
        "id": row[0],
        "cause": row[1],
        "root": row[2],
        "jobId": row[3],
        "openedAt": iso(row[4]),
        "lastAt": iso(row[5]),
        "count": row[6],
        "message": row[7],
        "toldAt": iso(row[8]),
        "told": row[9],
        "toldTo": json.loads(row[10]),
    }


def event(row: Row) -> JsonObject:
    return {
        "id": row[0],
        "at": iso(row[1]),
        "kind": row[2],
        "jobId": row[3],
        "runId": row[4],
        "deliveryId": row[5],
        "data": json.loads(row[6]),
        "target": row[7],
    }


def edit(row: Row) -> JsonObject:
    """A change of a job. What the product does by itself it signs with its own name."""
    data = json.loads(row[4])
    return {
        "id": row[0],
        "at": iso(row[1]),
        "jobId": row[3],
        "name": data.get("name"),
        "action": _ACTIONS[row[2]],
        "by": data.get("by") or "stentor",
        "revision": data.get("revision"),
        "before": data.get("before"),
        "after": data.get("after"),
    }


def account(row: Row) -> JsonObject:
    return {
        "channel": row[0],
        "accountId": row[1],
        "state": row[2],
        "reason": row[3] or None,
        "since": iso(row[4]),
    }


def _part(row: Row) -> JsonObject:
    return {
        "id": row[0],
        "n": row[1],
        "of": row[2],
        "state": row[3],
        "reason": row[4] or None,
        "attempts": row[5],
        "messageId": row[6],
        "acceptedAt": iso(row[7]),
        "deliveredAt": iso(row[8]),
        "readAt": iso(row[9]),
        "degraded": row[10],
        "error": row[11],
        "nextAttemptAt": iso(row[12]),
        "textHash": fingerprint(row[13]),
    }


def _canonical(target: JsonObject) -> str:
    return f"{target['channel']}:{target['address']}"


def _settled(text: str | None) -> JsonObject | None:
    """What somebody ruled: the last word, and what it said of each part."""
    if text is None:
        return None
    settled: JsonObject = json.loads(text)
    return {**settled, "at": iso(settled["at"])}


def _head(parts: Sequence[Row]) -> str | None:
    """How the first part that says anything begins, on one line."""
    text = next((part[15] for part in parts if part[15]), None)
    return None if text is None else " ".join(text[: 4 * _HEAD].split())[:_HEAD]


def _difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else max(0, later - earlier)
