"""The clocks of an agent's turn: until its runner begins, until a model is called, and for the whole of it."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final

from stentor.domain.durations import in_seconds
from stentor.domain.jobs import AgentTurn, Command, Job
from stentor.ports import Clock

_AGENT_SECONDS: Final = 3600.0
_COMMAND_SECONDS: Final = 600.0
SETUP_SECONDS: Final = 60.0
STALL_SECONDS: Final = 60.0
_SHORTEST_STALL_SECONDS: Final = 1.0

MODEL_CALL_STARTED: Final = "model-call-started"
PROCESS_SPAWNED: Final = "process-spawned"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What it means when a clock runs out at `at`, on the monotonic clock.

    After most of them the turn is over. One that `passes_on` only ends the part of it that one model may have.
    """

    at: float
    kind: str
    message: str
    passes_on: bool = False


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How much of a turn's time there still is, in seconds; 0 where there is no limit. `granted` is all it had."""

    granted: float = 0.0
    left: float = 0.0
    # Others wait to be asked: whoever is asked now gets a part of it.
    shared: bool = False

    @property
    def own(self) -> float:
        """What one model may take of it: at most half, while another one waits."""
        return self.left / 2 if self.shared else self.left


@dataclass
class TurnClocks:
    """Started when somebody is asked. One clock times the phase, if any does, and others what is left of the turn.

    Every phase that is new has the stall clock to itself, until the model is called. A program that has been
    given the turn owes nothing before its end, unless it begins to tell its phases.
    """

    clock: Clock
    time: TimeLeft
    setup: float
    stall: float
    phase: str = "setup"
    _of_phase: Alarm | None = field(init=False)
    _of_turn: Alarm | None = field(init=False, default=None)
    _phases: set[str] = field(init=False, default_factory=set[str])
    _model_called: bool = field(init=False, default=False)
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._of_phase = self._alarm(self.setup, "setup_timeout", "setup timed out before runner start")
        time = self.time
        if not time.left:
            return
        if time.shared:
            part = (
                f"it was not done within {in_seconds(time.own)}, which is half of what was left of the turn"
            )
            self._of_turn = replace(self._alarm(time.own, "timeout", part), passes_on=True)
        else:
            whole = f"the turn took longer than {in_seconds(time.granted)}"
            self._of_turn = self._alarm(time.left, "timeout", whole)

    def enter(self, phase: str) -> None:
        """The runner reports a phase."""
        self.phase = phase
        if self._model_called or phase in self._phases:
            return
        self._phases.add(phase)
        if phase == MODEL_CALL_STARTED:
            self.model_called()
        elif phase == PROCESS_SPAWNED:
            self._time_phase(None)
        else:
            stalled = self._alarm(self._patience(), "stalled", "stalled before first model call")
            self._time_phase(stalled)

    def model_called(self) -> None:
        """The real work has begun: it may take as long as the whole turn."""
        self._model_called = True
        if self._of_phase is not None:
            self._time_phase(None)

    def stop(self) -> None:
        """The turn is over: nobody has to wait any longer."""
        self._changed.set()

    async def run_out(self, turn: "asyncio.Task[None]") -> Alarm | None:
        """Wait until the first clock runs out, or the turn is over: then there is no alarm."""
        while not turn.done():
            self._changed.clear()
            alarm = self._next()
            seconds = None if alarm is None else alarm.at - self.clock.monotonic()
            if not await self.clock.wait(self._changed, seconds) and not turn.done():
                return alarm
        return None

    def _next(self) -> Alarm | None:
        """Where two run out together, the one that says more, unless somebody else may still be asked."""
        alarms = [alarm for alarm in (self._of_phase, self._of_turn) if alarm is not None]
        return min(alarms, key=lambda alarm: (alarm.at, not alarm.passes_on), default=None)

    def _time_phase(self, alarm: Alarm | None) -> None:
        self._of_phase = alarm
        self._changed.set()

    def _patience(self) -> float:
        longest = min(self.stall, self.time.left / 2) if self.time.left else self.stall
        return max(longest, _SHORTEST_STALL_SECONDS)

    def _alarm(self, seconds: float, kind: str, message: str) -> Alarm:
        return Alarm(self.clock.monotonic() + seconds, kind, message)


def limit_seconds(job: Job) -> float:
    """How long the work of a run may take; 0 for as long as it takes."""
    match job.payload:
        case AgentTurn(timeout_seconds=seconds):
            return _AGENT_SECONDS if seconds is None else seconds
        case Command(timeout_seconds=seconds):
            return _COMMAND_SECONDS if seconds is None else seconds
        case _:
            return 0.0
