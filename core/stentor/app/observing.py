"""What plugins that watch are told of a message."""

from stentor.domain.json_types import JsonObject
from stentor.domain.outbox import Verdict
from stentor.domain.records import Outgoing


def receipt_json(part: Outgoing, verdict: Verdict) -> JsonObject:
    return {"partId": part.part_id, "messageId": verdict.message_id, "degraded": verdict.degraded or None}


def delivery_json(part: Outgoing) -> JsonObject:
    return {
        "id": part.delivery_id,
        "runId": part.run_id,
        "target": part.target.canonical,
        "accountId": part.target.account,
    }
