"""The keys that scripts rely on: more may come, none may go."""

from typing import Any, cast

JsonObject = dict[str, Any]


def _keys(words: str) -> set[str]:
    return set(words.split())


JOB = _keys(
    "id name description enabled agentId schedule sessionTarget sessionKey wakeMode payload delivery failureAlert "
    "missed overlap onInterrupt retry deleteAfterRun revision state timezoneSource"
)
DELIVERY_OF_JOB = _keys(
    "mode channel to accountId threadId bestEffort failureDestination allow agentMaySend onUnknown onThreadGone "
    "expiresAfterSeconds mentions numberParts lateNote priority"
)
STATE = _keys(
    "nextRunAtMs runningAtMs lastRunAtMs lastRunStatus lastError consecutiveErrors consecutiveSkipped "
    "lastDeliveryStatus"
)
SCHEDULES = {
    "at": {"kind", "at"},
    "every": {"kind", "everyMs", "anchorMs"},
    "cron": {"kind", "expr", "tz", "staggerMs"},
}
PAYLOADS = {
    "agentTurn": _keys("kind message model fallbacks thinking timeoutSeconds lightContext toolsAllow"),
    "systemEvent": {"kind", "text"},
    "text": {"kind", "text"},
    "command": _keys("kind argv cwd env input timeoutSeconds"),
}
RUN = _keys(
    "runId jobId jobName trigger scheduledFor startedAt endedAt lateMs durationMs status phase error errorKind warnings "
    "sessionKey sessionId model usage summary completionStatus deliveryStatus suppression fallbackUsed modelFallback delivery "
    "deliveries"
)
INTENDED = {"channel", "to", "accountId", "threadId", "source"}
RESOLVED = {"ok", "target", "error"}
DELIVERY = {"id", "purpose", "target", "accountId", "state", "reason", "expiresAt", "parts"}
PART = _keys("n of state attempts messageId acceptedAt deliveredAt readAt degraded error nextAttemptAt")
PAGE = {"entries", "total", "limit", "offset", "hasMore", "nextOffset"}
TARGET = _keys("input channel account kind id thread canonical display warnings")


def is_job(job: JsonObject) -> None:
    _has(job, JOB)
    _has(job["schedule"], SCHEDULES[job["schedule"]["kind"]])
    _has(job["payload"], PAYLOADS[job["payload"]["kind"]])
    _has(job["delivery"], DELIVERY_OF_JOB)
    _has(job["missed"], {"policy", "graceSeconds"})
    _has(job["retry"], {"maxAttempts"})
    _has(job["state"], STATE)


def is_preview(preview: JsonObject) -> None:
    _has(preview, {"label", "detail", "targets"})
    for instant in preview.get("nextRuns", []):
        _has(instant, {"utc", "local"})


def is_page(page: JsonObject) -> None:
    _has(page, PAGE)
    for entry in page["entries"]:
        is_run(entry)


def is_run(run: JsonObject) -> None:
    _has(run, RUN)
    _has(run["usage"], {"input", "output", "cached", "costUsd"})
    _has(run["delivery"], {"intended", "resolved", "messageToolSentTo", "delivered", "routes"})
    _has(run["delivery"]["resolved"], RESOLVED)
    if run["delivery"]["intended"] is not None:
        _has(run["delivery"]["intended"], INTENDED)
    for delivery in run["deliveries"]:
        is_delivery(delivery)


def is_delivery(delivery: JsonObject) -> None:
    _has(delivery, DELIVERY)
    for part in delivery["parts"]:
        _has(part, PART)


def outline(value: object) -> object:
    """What a document is made of, without what it says: keys, and the kind of everything else."""
    match value:
        case dict():
            return {key: outline(inner) for key, inner in cast("JsonObject", value).items()}
        case list():
            return [outline(inner) for inner in cast("list[object]", value)[:1]]
        case None | bool():
            return value
        case _:
            return type(value).__name__


def _has(document: JsonObject, keys: set[str]) -> None:
    assert not keys - document.keys(), f"without {sorted(keys - document.keys())}: {document}"
