"""An agent's turn from outside: who is asked, what came of it, and whether another model may do better."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stentor.contract.errors import RunnerError
from stentor.contract.runners import AgentRunner
from stentor.contract.settings import ProviderSettings, RunnerSettings
from stentor.domain.candidates import PASSED_ON, permitted
from stentor.domain.jobs import AgentTurn, Job
from stentor.domain.plugin_words import PluginFault, asked, text_in
from stentor.domain.records import RunSeed
from stentor.domain.refusals import Refused
from stentor.domain.replies import Reason, classify, denial, is_interim
from stentor.services.listening import Listening
from stentor.services.messenger import RunMessages
from stentor.services.outcomes import TurnFailed
from stentor.services.turn_clocks import Alarm

log = logging.getLogger(__name__)


class ServerDown(RunnerError):
    """The server that a turn needs does not answer, so the turn was not begun."""

    def __init__(self, message: str) -> None:
        super().__init__("unavailable", message)


@dataclass(frozen=True, slots=True)
class Agent:
    """A configured agent: who runs its turns, and with what. `fallbacks` stand in for its model."""

    id: str
    runner: AgentRunner
    settings: RunnerSettings
    model: str | None = None
    workspace: Path | None = None
    fallbacks: tuple[str, ...] = ()
    # Which models it may be given; all of them where none are named.
    allowed_models: tuple[str, ...] = ()
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict[str, ProviderSettings])

    @property
    def owner_of_models(self) -> str:
        """Who makes something of the names of its models: itself, or its runner for all agents alike."""
        return f"runner {self.runner.name}" if self.runner.models == "shared" else f"agent {self.id}"

    def check_model(self, model: str) -> None:
        """Raise `Refused` for a model that it may not use, or that its runner is sure to refuse.

        What a model is called means something to the runner alone, so only that can say so.
        """
        if not permitted(model, self.allowed_models):
            allowed = ", ".join(self.allowed_models)
            message = f"agent {self.id!r} may not use the model {model!r}; allowed: {allowed}"
            hint = f"name one of those, or add it to agents.{self.id}.allowed_models in stentor.toml"
            raise Refused("model_not_allowed", message, hint=hint)
        try:
            why = asked(lambda: text_in(self.runner.objection(model, self.providers), "an objection"))
        except PluginFault:
            log.exception(
                "the runner %s cannot say whether it knows a model",
                self.runner.name,
                extra={"event": "objection_failed"},
            )
            return
        if why:
            raise Refused("unknown_model", f"agent {self.id!r} cannot use the model {model!r}: {why}")


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked what, for which run. `limit` is in seconds; 0 is none."""

    run: RunSeed
    job: Job
    turn: AgentTurn
    agent: Agent
    limit: float
    messages: RunMessages | None = None

    @property
    def has_sent(self) -> bool:
        """Whether the agent has sent something itself."""
        return self.messages is not None and bool(self.messages.sent)


@dataclass(frozen=True, slots=True)
class Ended:
    """A turn that is over: what was heard of it, which clock ended it, if one did, and whether it really ended."""

    question: Question
    heard: Listening
    alarm: Alarm | None
    confirmed: bool

    def text(self) -> str:
        """The answer, or the failure. An answer heard in time stands, even if its runner had to be stopped."""
        heard, final = self.heard, self.heard.final
        if heard.denied is not None:
            raise self.failed(Reason.DENIED, f"{heard.denied.code}: {heard.denied.message}")
        if heard.failure is not None:
            raise self._broken(heard.failure) from heard.failure
        if final is None:
            raise self._unanswered()
        text = self.remark or final.text
        refused = denial(text)
        if refused is not None:
            raise self.failed(Reason.DENIED, refused)
        return text

    @property
    def remark(self) -> str:
        """What was said beside a call of a tool, where it has to be the answer, because nothing else is one."""
        final = self.heard.final
        if final is None or final.attachments or self.question.has_sent:
            return ""
        return self.heard.transcript.remark if classify(final.text).reason is Reason.EMPTY else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        final = self.heard.final
        warnings = (*self.heard.refusals, *(final.warnings if final is not None else ()))
        if final is not None and self.alarm is not None:
            return (*warnings, "the runner went on after its final answer until its time was up")
        return warnings

    @property
    def passed_on(self) -> RunnerError | None:
        """Why another model may be asked. A turn that took too long has had the time of all of them."""
        heard = self.heard
        if heard.denied is not None:
            return None
        if heard.failure is None:
            return self._out_of_its_time()
        if not isinstance(heard.failure, RunnerError) or heard.failure.kind not in PASSED_ON:
            return None
        return heard.failure

    def _out_of_its_time(self) -> RunnerError | None:
        """What it has taken of the turn was all it may have. Who may still be working is not joined by another one."""
        alarm, heard = self.alarm, self.heard
        if alarm is None or not alarm.passes_on or heard.final is not None or not self.confirmed:
            return None
        return RunnerError("timeout", f"{alarm.message} (phase {heard.clocks.phase})")

    @property
    def announces_only(self) -> bool:
        """There is an answer, but it is none. An agent that has sent something itself may well say no more."""
        final = self.heard.final
        if final is None or final.attachments or self.question.has_sent:
            return False
        return is_interim(self.remark or final.text)

    def _broken(self, error: BaseException) -> TurnFailed:
        if isinstance(error, RunnerError):
            return self.failed(error.kind, str(error))
        run_id = self.question.run.id
        log.error("the runner of run %s broke", run_id, exc_info=error, extra={"event": "run_crashed"})
        return self.failed("crashed", f"{type(error).__name__}: {error}")

    def _unanswered(self) -> TurnFailed:
        if self.alarm is None:
            return self.failed("crashed", "the runner ended without a final answer")
        return self.failed(self.alarm.kind, self.alarm.message)

    def failed(self, kind: str, message: str) -> TurnFailed:
        heard, phase = self.heard, self.heard.clocks.phase
        return TurnFailed(
            phase,
            kind,
            f"{message} (last phase: {phase})",
            model=heard.model,
            unconfirmed=not self.confirmed,
        )
