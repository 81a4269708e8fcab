"""Wakes the agent of the main session: when something has happened there, when somebody asks for it, and by and by."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from stentor.domain.background import Tasks
from stentor.domain.faults import StoreError
from stentor.domain.happenings import HEARTBEAT, NOBODY, NOBODY_MEND, Attendance, Happening, WakeMode
from stentor.domain.heartbeats import HEARTBEAT_FILE, HeartbeatPlan, Waking, heartbeat_job, tasks_in
from stentor.domain.instants import iso
from stentor.domain.jobs import DeliveryModel, Job
from stentor.domain.json_types import JsonObject
from stentor.domain.records import RunEnd, RunSeed, SessionSeed
from stentor.domain.refusals import Refused
from stentor.domain.session_resets import Resets
from stentor.domain.sessions import session_for
from stentor.ports import Clock, Store
from stentor.services.errand import Errand
from stentor.services.errands import Errands
from stentor.services.executor import Executor
from stentor.services.hearing import Hearing
from stentor.services.vigil import Vigil

log = logging.getLogger(__name__)
# A clock that is set anew is noticed within this time.
_LOOK_AGAIN_SECONDS = 60.0
_START_SECONDS = 1.0
_NOWHERE = DeliveryModel(mode="none")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why the last heartbeat did not take place; where nobody wants it so, with the mend."""

    why: str
    fix: str = ""


@dataclass
class Heartbeat:
    """All that nobody has answered is answered by one turn; while one waits to begin, no other is sent."""

    store: Store
    clock: Clock
    plan: HeartbeatPlan
    attendance: Attendance
    resets: Resets
    vigil: Vigil
    hearing: Hearing
    errands: Errands
    executor: Executor
    # A job with its targets read, as those of stored jobs are. Raises `Refused`.
    addressed: Callable[[Job], Job]
    tasks: Callable[[], Awaitable[Tasks]]
    new_id: Callable[[str], str]
    left_out: LeftOut | None = None
    # Up to where heartbeats are accounted for.
    _until_ms: int = 0
    _is_wanted: bool = False
    # Also what waits for a heartbeat, because one turn could not be told of everything.
    _rest_is_wanted: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until cancelled. By a clock that is not set yet nobody is woken."""
        while not self.vigil.awake_ms:
            await self.clock.sleep(_START_SECONDS)
        has_begun = False
        while True:
            self._changed.clear()
            try:
                if not has_begun:
                    await self._begin()
                    has_begun = True
                seconds = await self._look()
            except StoreError as error:
                seconds = _LOOK_AGAIN_SECONDS
                log.warning(
                    "the heartbeat waits for the store: %s", error, extra={"event": "heartbeat_waits"}
                )
            await self.clock.wait(self._changed, seconds)

    def finished(self, end: RunEnd) -> None:
        """A run is over: what it leaves in the main session may have to be answered at once."""
        self.hearing.over(end)
        if end.attention.wake == "now" or end.attention.more:
            self._is_wanted = True
            self._rest_is_wanted = self._rest_is_wanted or end.attention.more
            self._changed.set()

    async def leave(self, text: str, wake: WakeMode) -> None:
        """Write an event down. It is answered when its time comes, also by a later process."""
        session = session_for(self._job(Waking(message=text), _NOWHERE), self.new_id("s"))
        await self.store.happen(session, text, wake, self.clock.now_ms())

    async def wake(self) -> RunSeed:
        """The run that will look after everything that has happened so far."""
        async with self.hearing.lock:
            return self.executor.waiting(HEARTBEAT) or self.hearing.about_to_look or await self._send(None)

    async def see_to_events(self, *, all_of_them: bool = False) -> RunSeed:
        """The run that answers what is open and does not wait for a heartbeat, or all there is.

        If one is being told of that already, or has answered it meanwhile, it is that one.
        """
        async with self.hearing.lock:
            waiting = self.executor.waiting(HEARTBEAT)
            if waiting is not None:
                return waiting
            events = [each for each in await self._unanswered() if all_of_them or self._is_for_now(each)]
            is_known = not events or self.executor.is_busy_with(HEARTBEAT)
            return (self.hearing.answering(events) if is_known else None) or await self._send(None)

    def job_of(self, run: RunSeed) -> Job | None:
        """What a run does that an earlier process left, if it is one of these."""
        return self._to_be_sent(run.scheduled_ms) if run.job_id == HEARTBEAT else None

    def standing(self, job_id: str) -> Job | None:
        """What these runs do, as things are now, for whoever looks for their job among those that are stored."""
        return self._to_be_sent(None) if job_id == HEARTBEAT else None

    def following_ms(self) -> int | None:
        """When one comes by itself again."""
        return self.plan.rhythm.after(self.clock.now_ms()) if self.attendance.beats else None

    def outlook(self) -> JsonObject:
        """When it comes by itself, and why it did not the last time."""
        left_out, following = self.left_out, self.following_ms()
        return {
            "everyMs": self.plan.rhythm.every_ms,
            "nextHeartbeatAt": None if following is None else iso(following),
            "leftOut": None if left_out is None else {"why": left_out.why, "fix": left_out.fix or None},
        }

    async def _begin(self) -> None:
        """What an earlier process left: an event that nobody has begun to answer, and when the last heartbeat was."""
        beats, now = await self.store.beats(HEARTBEAT), self.clock.now_ms()
        self._until_ms = now if beats.last_ms is None else beats.last_ms
        # What a turn has failed at waits for the next one: it must not bring down one process after the other.
        untried = any(
            self._is_for_now(event) and (beats.is_good or event.at_ms > beats.queued_ms)
            for event in await self._unanswered()
        )
        self._is_wanted = self._is_wanted or (untried and self.attendance.is_attended)

    async def _unanswered(self) -> Sequence[Happening]:
        return await self.store.unanswered(self._session().key)

    def _is_for_now(self, event: Happening) -> bool:
        """Where no heartbeat comes any more, nothing waits for one."""
        return event.wake == "now" or not self.attendance.beats

    async def _look(self) -> float | None:
        """Do what is to be done now; how long until there may be something again."""
        if self._is_wanted:
            await self._wake_at_last()
        if not self.attendance.beats:
            return None
        now = self.clock.now_ms()
        due = self._due(now)
        if due <= now:
            if self.executor.is_busy_with(HEARTBEAT):
                return _LOOK_AGAIN_SECONDS
            await self._beat(self.plan.rhythm.newest(due, now))
            self._until_ms = now
            due = self._due(now)
        return min((due - now) / 1000, _LOOK_AGAIN_SECONDS)

    async def _wake_at_last(self) -> None:
        rest = self._rest_is_wanted
        self._is_wanted = self._rest_is_wanted = False
        try:
            await self.see_to_events(all_of_them=rest)
        except StoreError:
            self._is_wanted, self._rest_is_wanted = True, self._rest_is_wanted or rest
            raise

    def _due(self, now: int) -> int:
        """The first instant that is not accounted for. After a clock was put back, what it shows now counts."""
        self._until_ms = min(self._until_ms, now)
        due = self.plan.rhythm.after(self._until_ms)
        held_back = self.plan.rhythm.held_back(now)
        return due if due > now or held_back == now else held_back

    async def _beat(self, instant_ms: int) -> None:
        """A heartbeat that comes by itself takes place where it can come to something."""
        self.left_out = await self._obstacle()
        if self.left_out is not None:
            if not self.attendance.is_attended or not await self._unanswered():
                return
            self.left_out = None
        async with self.hearing.lock:
            if self.executor.waiting(HEARTBEAT) is None:
                await self._send(instant_ms)

    async def _obstacle(self) -> LeftOut | None:
        if not self.attendance.is_attended:
            return LeftOut(NOBODY, NOBODY_MEND)
        delivery, why = self._destination()
        if delivery is _NOWHERE and why:
            return LeftOut(f"its answer could be sent to nobody: {why}", "set target under [heartbeat]")
        found = await self.tasks()
        if found.text is not None and not tasks_in(found.text):
            return LeftOut(f"{HEARTBEAT_FILE} asks for nothing")
        return None

    async def _send(self, instant_ms: int | None) -> RunSeed:
        return await self.errands.send(
            Errand(self._to_be_sent(instant_ms), self._session(), scheduled_ms=instant_ms)
        )

    def _to_be_sent(self, instant_ms: int | None) -> Job:
        """Without a place to go the turn is taken all the same: what somebody wants done is done."""
        delivery, why = self._destination()
        notes = (f"nobody is sent the answer: {why}; set target under [heartbeat]",) if why else ()
        waking = Waking(
            message=self.plan.prompt,
            model=self.plan.model,
            light_context=self.plan.light_context,
            beats=instant_ms is not None,
            notes=notes,
        )
        return self._job(waking, delivery)

    def _destination(self) -> tuple[DeliveryModel, str]:
        """Where answers go now, or nowhere and why."""
        try:
            job = self.addressed(self._job(Waking(message=self.plan.prompt), self.plan.delivery()))
        except Refused as error:
            return _NOWHERE, "; ".join(filter(None, (error.message, error.hint)))
        return job.delivery, ""

    def _session(self) -> SessionSeed:
        job = self._job(Waking(message=self.plan.prompt), _NOWHERE)
        return self.resets.applied(session_for(job, self.new_id("s")), self.clock.now_ms())

    def _job(self, waking: Waking, delivery: DeliveryModel) -> Job:
        return heartbeat_job(waking, delivery, self.clock.now_ms())
