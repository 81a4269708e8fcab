"""Asks an agent: one model after another until there is an answer, and all of them within the time of one turn."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from stentor.contract.errors import RunnerError
from stentor.contract.runners import Message, TurnRequest, Usage
from stentor.contract.settings import ProviderSettings, SecretRef
from stentor.contract.tools import SKILL, Tool
from stentor.domain.candidates import line_up, permitted
from stentor.domain.faults import StoreError
from stentor.domain.reasoning import without_reasoning
from stentor.domain.records import Preferences
from stentor.domain.replies import Reason
from stentor.domain.rulings import Hand
from stentor.domain.wishes import Wishes
from stentor.ports import Clock, Store
from stentor.services.agent_turns import Ended, Question, ServerDown
from stentor.services.briefing import Brief, Briefing, ReadsSkills
from stentor.services.cooldowns import Cooldowns
from stentor.services.errands import Errands, Result
from stentor.services.lineup import LineUp
from stentor.services.listening import Listening
from stentor.services.mcp_access import McpTurns
from stentor.services.outcomes import TurnFailed, TurnOutcome, TurnSkipped, both
from stentor.services.preflight import Preflight
from stentor.services.toolbox import Toolbox
from stentor.services.transcript import Transcript
from stentor.services.turn_clocks import TimeLeft, TurnClocks

# What a runner gets to put its things away once it is told to stop.
_CLEANUP_SECONDS = 20.0
_MOST_SWITCHES = 2
_ASK_AGAIN = (
    "Your last message only announces work, and nobody waits for more of it. Do the work now and answer with the "
    "complete result. If that message was the complete result, repeat it."
)
_GO_ON = (
    "Your work was cut off before you answered. What the tools above have done is done: do not do it again. Go on from "
    "there, and answer with the complete result."
)
_ERRANDS_DONE = "What you sent others to do is done. Here is what they say; answer with the complete result."
_STILL_INTERIM = f"{Reason.INTERIM}: the agent only announces work, also when it was asked again"
_REMARK = (
    f"{Reason.EMPTY}: the agent ended with no text; its answer is what it said beside its last call of a tool"
)


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes to ask anybody."""

    store: Store
    clock: Clock
    briefing: Briefing
    cooldowns: Cooldowns
    preflight: Preflight
    toolbox: Toolbox
    mcp_turns: McpTurns
    errands: Errands
    providers: Mapping[str, ProviderSettings]
    reveal: Callable[[SecretRef], str]
    clean: Callable[[str], str]
    boot: str
    setup_seconds: float
    stall_seconds: float


@dataclass
class Asking:
    """One question of one run."""

    means: Means
    question: Question
    _transcript: Transcript = field(init=False)
    _brief: Brief = field(init=False)
    _wishes: Preferences = field(init=False)
    # The first is the one that is to answer.
    _models: tuple[str | None, ...] = field(init=False)
    _began: float = field(init=False)
    _usage: Usage = field(init=False, default_factory=Usage)
    _notes: list[str] = field(init=False, default_factory=list[str])
    _switches: int = field(init=False, default=0)
    # Whether anybody was asked, and who was the last that is told of the conversation.
    _begun: bool = field(init=False, default=False)
    _listener: str | None = field(init=False, default=None)

    async def answer(self, tasks: asyncio.TaskGroup) -> TurnOutcome:
        """An agent that only announces its work is asked for the result, once and within the same time.

        A runner that does not end when told to is left behind in `tasks`.
        """
        await self._prepare()
        try:
            return await self._answer(tasks)
        except TurnFailed as failure:
            failure.usage = self._usage
            failure.messages = self._transcript.unwritten
            failure.remarks = tuple(self._notes)
            raise
        finally:
            await self.means.errands.recall(self.question.run.id)

    async def _answer(self, tasks: asyncio.TaskGroup) -> TurnOutcome:
        ended = await self._ask(self._brief.message, tasks)
        text = ended.text()
        asked_again = False
        while (more := await self._what_else(ended, asked_again=asked_again)) is not None:
            asked_again = asked_again or more == _ASK_AGAIN
            await self._transcript.answer(text)
            ended = await self._ask(more, tasks)
            text = ended.text()
        if asked_again and ended.announces_only:
            self._note(_STILL_INTERIM)
        if ended.remark:
            self._note(_REMARK)
        final, model = ended.heard.final, ended.heard.model
        return TurnOutcome(
            text,
            (*self._transcript.unwritten, Message("assistant", without_reasoning(text).strip())),
            final.attachments if final is not None else (),
            self._usage,
            model,
            tuple(self._notes),
            other_model=model != self._models[0],
        )

    async def _what_else(self, ended: Ended, *, asked_again: bool) -> str | None:
        """What the agent is told after its answer, if that is not the end of it."""
        if self._is_late:
            return None
        results = await self._results()
        if results:
            return _in_words(results)
        return _ASK_AGAIN if ended.announces_only and not asked_again else None

    async def _results(self) -> Sequence[Result]:
        """What the agent's errands came to that it has not been told: it is not done before they are."""
        errands, run_id = self.means.errands, self.question.run.id
        for child in errands.children(run_id):
            if await errands.wait(child, self._left if self.question.limit else None) is None:
                message = "what it sent others to do was not done within the time of the turn"
                raise TurnFailed("errands", "timeout", message)
        results = errands.untold(run_id)
        errands.told(results)
        return results

    async def _prepare(self) -> None:
        means, question = self.means, self.question
        self._began = means.clock.monotonic()
        self._transcript = Transcript(question.run, means.store, means.clock, means.boot, means.clean)
        try:
            self._wishes = await means.store.preferences(question.run.session.base_key) or Preferences()
            await self._transcript.open()
        except StoreError as error:
            raise TurnFailed("setup", "unavailable", f"the session cannot be read: {error}") from error
        self._models = self._line_up(question.turn.model or self._wishes.model or question.agent.model)
        self._brief = await means.briefing.of(
            question.job,
            question.turn,
            question.agent.workspace,
            session_kind=question.run.session.kind,
            may_send=question.messages is not None and question.messages.tool is not None,
            reads_skills=self._reads_skills(),
        )
        self._notes += self._brief.warnings

    def _reads_skills(self) -> ReadsSkills:
        if self.question.agent.runner.reads_files:
            return "files"
        return "by_tool" if SKILL in self._tools() else "not"

    def _line_up(self, first: str | None) -> tuple[str | None, ...]:
        """What a job names in place of the agent's fallbacks counts, also if that is none."""
        turn, agent = self.question.turn, self.question.agent
        if agent.runner.models == "none":
            self._say_that_no_model_is_asked(first)
            return (None,)
        models = line_up(first, agent.fallbacks if turn.fallbacks is None else turn.fallbacks)
        for model in models:
            if model is not None and not permitted(model, agent.allowed_models):
                allowed = ", ".join(agent.allowed_models)
                message = f"agent {agent.id!r} may not use the model {model!r}; allowed: {allowed}"
                raise TurnFailed("setup", "model_not_allowed", message, model=model)
        return models

    def _say_that_no_model_is_asked(self, model: str | None) -> None:
        """Nothing that somebody wants is passed over in silence."""
        turn = self.question.turn
        wanted = {
            "model": model,
            "fallbacks": turn.fallbacks or self.question.agent.fallbacks,
            "thinking": turn.thinking or self._wishes.thinking,
        }
        named = [name for name, value in wanted.items() if value]
        if named:
            runner = self.question.agent.runner.name
            self._note(
                f"the runner {runner} asks no model: what is said of {', '.join(named)} changes nothing"
            )

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    @property
    def _left(self) -> float:
        return self.question.limit - (self.means.clock.monotonic() - self._began)

    @property
    def _is_late(self) -> bool:
        return bool(self.question.limit) and self._left <= 0

    async def _ask(self, text: str, tasks: asyncio.TaskGroup) -> Ended:
        """Until somebody answers, or nobody is left. Each goes on where the one before was cut off."""
        await self._transcript.ask(text)
        candidates = LineUp(self.means.cooldowns, self.question.agent, self._models)
        while True:
            model = candidates.next()
            ended = await self._take(model, text, tasks, is_last=candidates.is_empty)
            self._usage = both(self._usage, ended.heard.usage)
            self._notes += ended.warnings
            if ended.heard.switched is not None:
                candidates = await self._switch(ended, ended.heard.switched)
            elif (error := ended.passed_on) is not None:
                self._pass_on(candidates, model, ended, error)
            else:
                for note in candidates.answered(model) if ended.heard.final is not None else ():
                    self._note(note)
                return ended
            if not self._transcript.is_asked:
                text = _GO_ON
                await self._transcript.ask(text)

    def _pass_on(self, candidates: LineUp, model: str | None, ended: Ended, error: RunnerError) -> None:
        """To whoever is next. Raise the last failure where nobody is, or no time is left."""
        if error.kind == "context" and self._transcript.tell_less():
            candidates.again(model)
            self._note(f"{candidates.name(model)} was told only a part of the conversation: {error}")
            return
        refused = candidates.failed(model, error)
        if not candidates.is_empty and not self._is_late:
            self._notes.append(refused)
            return
        if self._begun:
            failure = ended.failed(error.kind, str(error))
        else:
            # Nobody could even be asked.
            failure = TurnSkipped("setup", "preflight", "; ".join(candidates.refused), model=model)
        failure.quiet_seconds = candidates.quiet_seconds
        raise failure

    async def _switch(self, ended: Ended, model: str) -> LineUp:
        """The session goes on with another model, from now on."""
        if self._switches == _MOST_SWITCHES:
            raise ended.failed("model_switch", f"the model was switched {_MOST_SWITCHES} times already")
        self._switches += 1
        self._models = self._line_up(model)
        self._notes.append(f"the model was switched to {model}")
        hand = Hand(f"agent {self.question.agent.id}", self.means.clock.now_ms())
        await self.means.store.prefer(self.question.run.session.base_key, Wishes(model=model), hand)
        return LineUp(self.means.cooldowns, self.question.agent, self._models)

    async def _take(self, model: str | None, text: str, tasks: asyncio.TaskGroup, *, is_last: bool) -> Ended:
        means, question = self.means, self.question
        # While others may still be asked, nobody gets all of the time.
        time = TimeLeft(question.limit, max(self._left, 0.001) if question.limit else 0.0, shared=not is_last)
        clocks = TurnClocks(means.clock, time, means.setup_seconds, means.stall_seconds)
        listening = Listening(
            question.run, means.store, means.clock, means.boot, self._tools(), clocks, self._transcript
        )
        listening.model = model
        if model != self._listener:
            # That the conversation is too long for one says nothing of the others.
            self._transcript.tell_all()
        self._listener = model
        following = listening.follow(question.agent.runner, partial(self._request, listening, model, text))
        turn = tasks.create_task(following, name=f"turn {question.run.id}")
        turn.add_done_callback(lambda _: clocks.stop())
        try:
            alarm = await clocks.run_out(turn)
        except asyncio.CancelledError:
            await _stop(turn, listening)
            raise
        return Ended(question, listening, alarm, confirmed=await _stop(turn, listening))

    def _tools(self) -> Mapping[str, Tool]:
        """All there are, that for messages where the job lets its agent send any, of which those that it allows."""
        messages = self.question.messages
        tools = dict(self.means.toolbox.of(self.question.run, self.question.job))
        if messages is not None and messages.tool is not None:
            tools[messages.tool.name] = messages.tool
        allowed = self.question.turn.tools_allow
        return tools if allowed is None else {name: tools[name] for name in allowed if name in tools}

    async def _request(self, listening: Listening, model: str | None, text: str) -> TurnRequest:
        means, question, brief, wishes = self.means, self.question, self._brief, self._wishes
        run, agent, time = question.run, question.agent, listening.clocks.time
        request = TurnRequest(
            run_id=run.id,
            job_id=question.job.id,
            agent_id=agent.id,
            session_key=run.session.key,
            session_id=run.session.id,
            message=text,
            settings=agent.settings,
            call_tool=listening.call_tool,
            history=self._transcript.history,
            tools=tuple(listening.tools.values()),
            bootstrap=brief.bootstrap,
            model=model,
            thinking=question.turn.thinking or wishes.thinking,
            fast_mode=bool(wishes.fast_mode),
            light_context=question.turn.light_context,
            deadline=_moment(means.clock.now_ms() + round(time.left * 1000)) if time.left else None,
            scheduled_for=None if run.scheduled_ms is None else _moment(run.scheduled_ms),
            workspace=agent.workspace,
            question=brief.question if text == brief.message else text,
            instructions=brief.instructions,
            seconds=time.own or None,
            providers=means.providers,
            reveal=means.reveal,
            over_mcp=partial(means.mcp_turns.open, listening),
        )
        why = await means.preflight.obstacle(agent.runner, request)
        if why:
            raise ServerDown(why)
        self._begun = True
        return request


def _in_words(results: Sequence[Result]) -> str:
    """What an agent is told of its errands, in the order in which it sent them."""
    said = [f"## Run {result.run_id}: {result.status.value}\n\n{result.text}" for result in results]
    return "\n\n".join([_ERRANDS_DONE, *said])


async def _stop(turn: "asyncio.Task[None]", listening: Listening) -> bool:
    """From now on the run is over for its runner. Whether that has ended, too, at the latest after a while."""
    listening.over = True
    if turn.done():
        return True
    # Asked twice it would have no time to clean up, and a group that is stopped has asked already.
    if not turn.cancelling():
        turn.cancel()
    await asyncio.wait({turn}, timeout=_CLEANUP_SECONDS)
    return turn.done()


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
