"""The work of one run: route, turn, reply. Its result is a value; writing it down is somebody else's business."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from stentor.contract.payloads import Attachment
from stentor.contract.runners import Message
from stentor.domain.jobs import FixedText, Job
from stentor.domain.records import RunEnd, RunSeed
from stentor.domain.rendering import fill
from stentor.domain.route_plans import RoutePlan
from stentor.ports import AttachmentLost, Clock, Spool
from stentor.services.conclusion import Conclusion, conclude
from stentor.services.messenger import Messenger
from stentor.services.outcomes import TurnFailed, TurnOutcome, TurnSkipped
from stentor.services.outgoing import Outgoings
from stentor.services.successors import failed, retirement
from stentor.services.turns import Turns, placeholders

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """Whatever goes wrong in it is a status with a phase, never an exception."""

    clock: Clock
    turns: Turns
    outgoings: Outgoings
    spool: Spool
    messenger: Messenger
    boot: str
    new_id: Callable[[str], str]
    # Programs and providers quote what they were given: nothing of it is written down unread.
    clean: Callable[[str], str]
    most_errors: int = 0

    async def do(self, run: RunSeed, job: Job, started_ms: int, tasks: asyncio.TaskGroup) -> RunEnd:
        """A runner that does not end when it is told to is left to `tasks`."""
        plan = RoutePlan()
        try:
            plan = self.outgoings.plan(job)
            _refuse_without_route(plan)
            outcome = await self.turns.take(run, job, tasks, self.messenger.of(run, job, plan))
            characters = len(outcome.text) * len(plan.routes) + sum(
                len(entry.text) for entry in outcome.messages
            )
            outcome = await self.outgoings.beside(characters, partial(self._cleaned, outcome))
            attachments, lost = await self._collect(job, outcome)
            case = Conclusion(run, job, plan, outcome, attachments, lost, started_ms, self.clock.now_ms())
            return await self.outgoings.beside(characters, partial(self._concluded, case))
        except Exception as error:  # noqa: BLE001 - it is logged with the end of the run
            return self._ended_by(error, run, job, plan, started_ms)

    def say(self, run: RunSeed, job: Job, text: FixedText) -> RunEnd:
        """A fixed text: there is nobody to wait for."""
        now, plan = self.clock.now_ms(), RoutePlan()
        try:
            plan = self.outgoings.plan(job)
            _refuse_without_route(plan)
            return self._concluded(self._text_case(run, job, plan, text, now))
        except Exception as error:  # noqa: BLE001 - see above
            return self._ended_by(error, run, job, plan, now)

    async def say_beside(self, run: RunSeed, job: Job, text: FixedText) -> RunEnd:
        """A long fixed text: there is nobody to wait for, but it takes a while to render."""
        now, plan = self.clock.now_ms(), RoutePlan()
        try:
            plan = self.outgoings.plan(job)
            _refuse_without_route(plan)
            case = self._text_case(run, job, plan, text, now)
            return await self.outgoings.beside(len(text.text), partial(self._concluded, case))
        except Exception as error:  # noqa: BLE001 - see above
            return self._ended_by(error, run, job, plan, now)

    def _text_case(self, run: RunSeed, job: Job, plan: RoutePlan, text: FixedText, now_ms: int) -> Conclusion:
        said = fill(text.text, placeholders(run, job)) if "{{" in text.text else text.text
        return Conclusion(run, job, plan, TurnOutcome(self.clean(said)), (), (), now_ms, now_ms)

    def _concluded(self, case: Conclusion) -> RunEnd:
        return conclude(case, self.boot, self.outgoings, retire=retirement(case.run, case.job, ok=True))

    def _cleaned(self, outcome: TurnOutcome) -> TurnOutcome:
        return replace(
            outcome,
            text=self.clean(outcome.text),
            messages=self._clean_messages(outcome.messages),
            warnings=tuple(map(self.clean, outcome.warnings)),
        )

    def _clean_messages(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return tuple(replace(entry, text=self.clean(entry.text)) for entry in messages)

    async def _collect(
        self, job: Job, outcome: TurnOutcome
    ) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
        """Our own copies of the files the turn wants sent; what cannot be had is named, not dropped in silence."""
        agent = self.turns.agents.get(job.agent_id)
        root = agent.workspace if agent is not None else None
        kept: list[Attachment] = []
        lost: list[str] = []
        for wanted in outcome.attachments:
            try:
                kept.append(await self.spool.take(wanted.path, wanted.name, root))
            except AttachmentLost as error:
                lost.append(str(error))
        return tuple(kept), tuple(lost)

    def _ended_by(self, error: Exception, run: RunSeed, job: Job, plan: RoutePlan, started_ms: int) -> RunEnd:
        if isinstance(error, TurnFailed):
            return self._failed(run, job, plan, started_ms, error)
        log.error("run %s failed", run.id, extra={"event": "run_crashed"}, exc_info=error)
        crash = TurnFailed("reply", "internal", f"{type(error).__name__}: {error}")
        return self._failed(run, job, plan, started_ms, crash)

    def _failed(
        self, run: RunSeed, job: Job, plan: RoutePlan, started_ms: int, failure: TurnFailed
    ) -> RunEnd:
        end = RunEnd(
            run.id,
            self.boot,
            failure.status,
            failure.phase,
            self.clock.now_ms(),
            started_ms=started_ms,
            error=self.clean(str(failure)),
            error_kind=failure.kind,
            model=failure.model,
            usage=failure.usage,
            warnings=tuple(map(self.clean, failure.warnings)),
            routes=plan.as_json,
            messages=self._clean_messages(failure.messages),
            most_errors=self.most_errors,
        )
        # What was skipped comes round again by itself, but for what happens once.
        may_retry = job.is_one_shot if isinstance(failure, TurnSkipped) else not failure.unconfirmed
        quiet = failure.quiet_seconds
        return failed(run, job, end, new_id=self.new_id, may_retry=may_retry, quiet_seconds=quiet)


def _refuse_without_route(plan: RoutePlan) -> None:
    """Decided before the agent is paid: without a place to go, nothing is worth doing."""
    if plan.fatal is not None:
        raise TurnFailed("route", "delivery_target", plan.fatal)
