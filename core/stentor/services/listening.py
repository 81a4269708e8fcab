"""Follows what a runner says: until its run is over it counts, afterwards it is refused and noted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import cast

from stentor.contract.runners import (
    AgentRunner,
    Denied,
    Final,
    ModelSwitched,
    Phase,
    RunnerEvent,
    TextDelta,
    ToolResult,
    TurnRequest,
    Usage,
)
from stentor.contract.tools import Tool, ToolRefused
from stentor.domain.faults import StoreError
from stentor.domain.plain_json import plain
from stentor.domain.plugin_words import PluginFault, named, said, shown, whole
from stentor.domain.records import RunSeed
from stentor.ports import Clock, Store
from stentor.services.outcomes import countable
from stentor.services.transcript import Transcript
from stentor.services.turn_clocks import TurnClocks

log = logging.getLogger(__name__)
# What some systems begin their texts with: no part of them.
_BYTE_ORDER_MARK = "\ufeff"
_MOST_LATE_NOTES = 20
_MOST_REFUSALS = 20
_LONGEST_REFUSAL = 500


@dataclass(frozen=True, slots=True)
class _Call:
    listening: "Listening"

    @property
    def run_id(self) -> str:
        return self.listening.run.id

    @property
    def job_id(self) -> str:
        return self.listening.run.job_id

    @property
    def session_key(self) -> str:
        return self.listening.run.session.key

    @property
    def over(self) -> bool:
        return self.listening.over


@dataclass
class Listening:
    """Phases are written down at once, the rest is kept until the end."""

    run: RunSeed
    store: Store
    clock: Clock
    boot: str
    tools: Mapping[str, Tool]
    clocks: TurnClocks
    transcript: Transcript
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    denied: Denied | None = None
    # Another model than the one that was asked: the turn is not to go on with that one.
    switched: str | None = None
    final: Final | None = None
    failure: BaseException | None = None
    over: bool = False
    refusals: list[str] = field(default_factory=list[str])
    # What the agent has said since its last call.
    _spoken: list[str] = field(default_factory=list[str])
    _late: set[str] = field(default_factory=set[str])
    _tells_context: bool = False

    async def follow(self, runner: AgentRunner, ask: Callable[[], Awaitable[TurnRequest]]) -> None:
        """The whole turn. Nothing that is raised escapes it but its own cancellation."""
        try:
            request = await ask()
            self.model = request.model
            await self._hear(runner, request)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - not even a runner that ends its process ends ours
            if not self.over:
                self.failure = error

    async def call_tool(self, name: str, arguments: Mapping[str, object]) -> ToolResult:
        """What a runner calls. A run that is over calls nothing any more."""
        if self.over:
            await self._note_late(f"a call of the tool {shown(name)}")
            return ToolResult(ok=False, result="fenced: the run is over, and the tool was not called")
        self.clocks.model_called()
        spoken = "".join(self._spoken)
        self._spoken.clear()
        call = await self.transcript.call(spoken, name, arguments)
        result = await self._run_tool(name, arguments)
        await self.transcript.answered(call, result)
        return result

    async def _run_tool(self, name: str, arguments: Mapping[str, object]) -> ToolResult:
        """Whatever a tool raises, the agent is told, and may do better: only our own cancellation gets through."""
        tool = self.tools.get(name)
        if tool is None:
            return self._no_such_tool(name)
        task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            given = await tool.handler(_Call(self), arguments)
        except ToolRefused as refusal:
            why = said(refusal)
            self._keep_refusal(f"the tool {name} refused: {why}")
            return ToolResult(ok=False, result=why)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and task.cancelling():
                raise
            return ToolResult(ok=False, result=named(error))
        try:
            return ToolResult(ok=True, result=plain(given))
        except PluginFault as fault:
            return ToolResult(ok=False, result=f"the result of {name} is not JSON: {fault}")

    def _no_such_tool(self, name: str) -> ToolResult:
        """It may be one that the job withholds: whoever looks at the run is to see that it was wanted."""
        self._keep_refusal(f"the tool {shown(name)} was called, and this run has none of that name")
        known = ", ".join(sorted(self.tools)) or "none"
        return ToolResult(ok=False, result=f"there is no tool {shown(name)}; available: {known}")

    def _keep_refusal(self, what: str) -> None:
        """What an agent was not let do belongs into the run log, once, and within bounds."""
        short = what if len(what) <= _LONGEST_REFUSAL else f"{what[:_LONGEST_REFUSAL]}…"
        if not self.over and short not in self.refusals and len(self.refusals) < _MOST_REFUSALS:
            self.refusals.append(short)

    async def _hear(self, runner: AgentRunner, request: TurnRequest) -> None:
        async with aclosing(runner.turn(request)) as events:
            async for event in events:
                if self.over:
                    await self._note_late(_in_words(event))
                    continue
                await self._take_in(event)
                if self.denied is not None or self.switched is not None:
                    return

    async def _take_in(self, event: RunnerEvent) -> None:
        if isinstance(event, Phase):
            self.clocks.enter(event.name)
            await note_phase(self.store, self.run, self.boot, event.name)
            return
        self.clocks.model_called()
        match event:
            case Usage(context=context):
                self._tells_context = self._tells_context or context is not None
                # Who never says what the last request took in tells of one request only.
                told = context if self._tells_context else event.input
                self.usage = countable(replace(event, context=told))
            case ModelSwitched(model=model):
                self.switched = model if model != self.model else None
            case Denied():
                self.denied = event
            case Final(text=text):
                self.final = replace(event, text=whole(text.removeprefix(_BYTE_ORDER_MARK)))
            case TextDelta(text=text):
                self._spoken.append(text)

    async def _note_late(self, what: str) -> None:
        if what in self._late or len(self._late) >= _MOST_LATE_NOTES:
            return
        self._late.add(what)
        run_id = self.run.id
        log.warning("run %s is over; refused: %s", run_id, what, extra={"event": "late_output"})
        try:
            await self.store.note_late(run_id, what, self.clock.now_ms())
        except StoreError as error:
            log.warning("not written down for run %s: %s", run_id, error, extra={"event": "note_lost"})


async def note_phase(store: Store, run: RunSeed, boot: str, phase: str) -> None:
    """A phase that cannot be written down is no reason to give up the work."""
    try:
        await store.note_phase(run.id, boot, phase)
    except StoreError as error:
        log.warning("phase %s of run %s is lost: %s", phase, run.id, error, extra={"event": "note_lost"})


def _in_words(event: RunnerEvent) -> str:
    match event:
        case Phase(name=name):
            return f"the phase {name}"
        case Final(text=text):
            return f"an answer of {len(text)} characters"
        case TextDelta():
            return "text"
        case Usage():
            return "usage"
        case ModelSwitched(model=model):
            return f"a switch to the model {model}"
        case Denied(code=code):
            return f"a denial, {code}"
