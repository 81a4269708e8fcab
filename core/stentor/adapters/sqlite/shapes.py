"""Rows of the store as the JSON of the outer surfaces."""

import json
from datetime import UTC, datetime

from stentor.adapters.sqlite.fingerprint import fingerprint
from stentor.adapters.sqlite.rows import Row
from stentor.domain.json_types import JsonObject

RUN = """
SELECT id, job_id, job_name, trigger, scheduled_for, queued_at, started_at, ended_at, status, phase, error, error_kind, warnings,
    session_key, session_id, model, input_tokens, output_tokens, cached_tokens, cost_usd, summary, completion_status,
    delivery_status, suppression, routes, attempt
FROM runs
"""
DELIVERY = """
SELECT d.id, d.run_id, d.job_id, d.purpose, d.target, d.account, d.state, d.reason, d.source, d.created_at, d.expires_at,
    a.state, a.reason
FROM deliveries d LEFT JOIN accounts a ON a.channel = d.channel AND a.account = d.account
"""
PART = """
SELECT id, n, of, state, reason, attempts, message_id, accepted_at, delivered_at, read_at, degraded, error, next_attempt_at, text
FROM parts
"""
EVENT = """
SELECT e.id, e.at, e.kind, e.job_id, e.run_id, e.delivery_id, e.data, d.target FROM events e
LEFT JOIN deliveries d ON d.id = e.delivery_id
"""
EDIT = "SELECT id, at, kind, job_id, data FROM events"
SESSION = """
SELECT key, id, kind, agent_id, job_id, messages, bytes, context_tokens, billed_tokens, updated_at FROM sessions
"""
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
        "suppression": row[23],
        "attempt": row[25],
        "fallbackUsed": False,
        "delivery": {
            **first,
            "messageToolSentTo": [entry["target"] for entry in deliveries if entry["purpose"] == "tool"],
            "delivered": row[22] == "delivered",
            "routes": routes,
        },
        "deliveries": deliveries,
    }


def delivery(row: Row, parts: list[Row]) -> JsonObject:
    """A delivery with its parts. What is still open on an account that is not there shows as blocked."""
    state, reason = row[6], row[7]
    if state == "pending" and row[11] in ("blocked", None):
        state, reason = "blocked", row[12] or "not_configured"
    elif state == "pending" and row[11] == "down":
        reason = row[12]
    return {
        "id": row[0],
        "runId": row[1],
        "jobId": row[2],
        "purpose": row[3],
        "target": row[4],
        "accountId": row[5],
        "state": state,
        "reason": reason or None,
        "source": row[8],
        "createdAt": iso(row[9]),
        "expiresAt": iso(row[10]),
        "parts": [_part(part) for part in parts],
    }


def session(row: Row) -> JsonObject:
    return {
        "key": row[0],
        "sessionId": row[1],
        "kind": row[2],
        "agentId": row[3],
        "jobId": row[4],
        "messages": row[5],
        "bytes": row[6],
        "contextTokens": row[7],
        "billedTokens": row[8],
        "updatedAt": iso(row[9]),
    }


def record(row: Row) -> JsonObject:
    return {"id": str(row[0]), "target": row[1], **json.loads(row[2]), "at": iso(row[3])}


def alert(row: Row) -> JsonObject:
    return {
        "at": iso(row[0]),
        "jobId": row[1],
        "runId": row[2],
        "deliveryId": row[3],
        **json.loads(row[4]),
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


def _difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else max(0, later - earlier)
