"""Ends a run: what its outcome says, what is sent of it, and what the run log keeps."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from stentor.contract.payloads import Attachment, Payload
from stentor.domain.instants import iso
from stentor.domain.jobs import FixedText, Job
from stentor.domain.records import DeliverySeed, RunEnd, RunSeed
from stentor.domain.replies import Reply, classify
from stentor.domain.route_plans import RoutePlan
from stentor.domain.states import RunStatus
from stentor.domain.values import value
from stentor.services.outcomes import TurnOutcome
from stentor.services.outgoing import Outgoings

_SUMMARY_CHARACTERS = 2000


@value
class Conclusion:
    run: RunSeed
    job: Job
    plan: RoutePlan
    outcome: TurnOutcome
    attachments: tuple[Attachment, ...]
    lost: tuple[str, ...]
    started_ms: int
    ended_ms: int


def conclude(case: Conclusion, boot: str, outgoings: Outgoings, *, retire: str | None) -> RunEnd:
    """An ok run and its deliveries, as one value that is written in one transaction."""
    outcome = case.outcome
    # What somebody wrote down to be sent is sent as it is; only agents are asked what they mean by it.
    spoken = isinstance(case.job.payload, FixedText)
    reply = (
        Reply("text", outcome.text)
        if spoken
        else classify(outcome.text, attachments=bool(case.attachments or case.lost))
    )
    silent = reply.reason if reply.kind == "silent" and case.plan.routes else None
    return RunEnd(
        case.run.id,
        boot,
        RunStatus.OK,
        "done",
        case.ended_ms,
        started_ms=case.started_ms,
        summary=(reply.text or outcome.text)[:_SUMMARY_CHARACTERS] or None,
        model=outcome.model,
        other_model=outcome.other_model,
        usage=outcome.usage,
        warnings=(*outcome.warnings, *case.lost, *case.plan.lost),
        suppression=silent,
        routes=case.plan.as_json,
        messages=outcome.messages,
        attention=outcome.attention,
        deliveries=_deliveries(case, reply, silent, outgoings),
        retire=retire,
    )


def _deliveries(
    case: Conclusion, reply: Reply, silent: str | None, outgoings: Outgoings
) -> tuple[DeliverySeed, ...]:
    if silent is not None:
        return outgoings.suppressed(case.plan, silent, case.run, case.job)
    payload = Payload(reply.text, case.attachments, _FinishedRun(case, reply.text), tuple(_missing(case)))
    return outgoings.deliveries(case.plan, payload, case.run, case.job)


def _missing(case: Conclusion) -> Iterator[str]:
    """The files that the agent wanted sent and that are not there, by name: why is nothing for a chat."""
    kept = Counter(file.name for file in case.attachments)
    for wanted in case.outcome.attachments:
        name = wanted.name or PurePath(wanted.path).name
        if kept[name]:
            kept[name] -= 1
        else:
            yield name


@dataclass(frozen=True)
class _FinishedRun(Mapping[str, object]):
    """The event of a run, for channels that post it. Most never look at it, so it is made when one does."""

    case: Conclusion
    text: str

    @cached_property
    def _fields(self) -> Mapping[str, object]:
        return finished_event(self.case, self.text)

    def __getitem__(self, key: str) -> object:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def finished_event(case: Conclusion, text: str) -> Mapping[str, object]:
    """The finished run as webhooks post it: the run log's own words, with the whole text."""
    run, usage = case.run, case.outcome.usage
    return {
        "type": "run.finished",
        "runId": run.id,
        "jobId": run.job_id,
        "jobName": run.job_name,
        "trigger": run.trigger.value,
        "scheduledFor": None if run.scheduled_ms is None else iso(run.scheduled_ms),
        "startedAt": iso(case.started_ms),
        "endedAt": iso(case.ended_ms),
        "durationMs": case.ended_ms - case.started_ms,
        "status": RunStatus.OK.value,
        "error": None,
        "sessionKey": run.session.key,
        "sessionId": run.session.id,
        "model": case.outcome.model,
        "usage": {
            "input": usage.input,
            "output": usage.output,
            "cached": usage.cached,
            "costUsd": usage.cost_usd,
        },
        "summary": text[:_SUMMARY_CHARACTERS],
        "text": text,
        "attachments": [
            {"name": file.name, "mediaType": file.media_type, "size": file.size} for file in case.attachments
        ],
    }
