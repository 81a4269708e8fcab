"""The heartbeat of the main session: when it comes, and what the agent is asked then."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stentor.domain.happenings import HEARTBEAT, Happening
from stentor.domain.instants import iso
from stentor.domain.jobs import AgentTurn, DeliveryModel, Job
from stentor.domain.jobs.fields import Flag
from stentor.domain.offsets import first_change, offset_at
from stentor.domain.prompts import short_time
from stentor.domain.routing import LAST
from stentor.domain.schedules import At
from stentor.domain.zones import zone

NAME = "Heartbeat"
# In the workspace of the agent: what it is to look after.
HEARTBEAT_FILE = "HEARTBEAT.md"
NOWHERE = "none"
PROMPT = (
    "This is your heartbeat: nobody has written to you. Look after what you were asked to keep an eye on, and tell "
    "what needs attention. Do not repeat what was told before."
)
# One turn is told of so many; another one follows for the rest.
MOST_EVENTS = 50

_MINUTE_MS = 60_000
_DAY_MS = 1440 * _MINUTE_MS
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# A heading, or an item of a list that nobody has filled in.
_NO_TASK = re.compile(r"\s*(?:#.*|[-*+]?\s*(?:\[[ xX]?\])?\s*)")


@dataclass(frozen=True, slots=True)
class ActiveHours:
    """In minutes of the day; where the end is before the start, the night between them belongs to it."""

    start: int
    end: int
    tz: str

    def begin(self, at_ms: int) -> int:
        """An instant within the hours, else when they begin next: as clocks show it, also while they are changed."""
        place = zone(self.tz)
        while True:
            of_day_ms = (at_ms + offset_at(place, at_ms)) % _DAY_MS
            if self._includes(of_day_ms // _MINUTE_MS):
                return at_ms
            begin_ms = at_ms + (self.start * _MINUTE_MS - of_day_ms) % _DAY_MS
            change_ms = first_change(place, at_ms, begin_ms)
            if change_ms is None:
                return begin_ms
            # By then clocks show another time: it may be within the hours, or their beginning may come once more.
            at_ms = change_ms

    def _includes(self, minute: int) -> bool:
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Counted from 1970 on, so that it stays the same over restarts. Without `every_ms` it never comes by itself."""

    every_ms: int = 0
    hours: ActiveHours | None = None

    def __bool__(self) -> bool:
        return self.every_ms > 0

    def after(self, at_ms: int) -> int:
        """The first instant after this one. What falls outside of the hours waits for their beginning."""
        return self.held_back((at_ms // self.every_ms + 1) * self.every_ms)

    def held_back(self, at_ms: int) -> int:
        return at_ms if self.hours is None else self.hours.begin(at_ms)

    def newest(self, due_ms: int, now_ms: int) -> int:
        """The instant that a heartbeat stands for which was due then and comes now: all in between are over with it."""
        return max(due_ms, now_ms - now_ms % self.every_ms)


@dataclass(frozen=True, slots=True)
class HeartbeatPlan:
    """What the configuration says of heartbeats. `target` is a target, `last` or `none`."""

    rhythm: Rhythm = Rhythm()
    target: str = LAST
    prompt: str = PROMPT
    light_context: bool = False
    model: str | None = None

    def delivery(self) -> DeliveryModel:
        if self.target == NOWHERE:
            return DeliveryModel(mode="none")
        return DeliveryModel(channel=LAST) if self.target == LAST else DeliveryModel(to=(self.target,))


class Waking(AgentTurn):
    """A turn of the main session; what the agent is asked is put together when it begins.

    One that `beats` comes by itself, and any other because somebody wants it. `notes` are warnings for the run log.
    """

    beats: Flag = False
    notes: tuple[str, ...] = ()
    has_events: Flag = False


def heartbeat_job(waking: Waking, delivery: DeliveryModel, now_ms: int) -> Job:
    """What the run does, in the words of a job. It is none that could be stored: its agent acts in the main session."""
    return Job.model_construct(
        id=HEARTBEAT,
        name=NAME,
        schedule=At(at=iso(now_ms)),
        session_target="main",
        payload=waking,
        delivery=delivery,
    )


def asked(
    waking: Waking, events: Sequence[Happening], tasks: str, zone_name: str, *, more: int = 0
) -> Waking:
    """The turn with its question: what has happened, and where it came by itself or nothing has, what is to be done.

    Of so many `more` events the next turn tells.
    """
    parts = [_in_words(events, zone_name, more)] if events else []
    if waking.beats or not events:
        parts.append(waking.message)
        if tasks:
            parts.append(f"## {HEARTBEAT_FILE}\n\n{tasks}")
    return waking.model_copy(update={"message": "\n\n".join(parts), "has_events": bool(events)})


def tasks_in(text: str) -> str:
    """What a `HEARTBEAT.md` asks for; nothing where there are only headings, comments and empty lists."""
    said = _COMMENT.sub("", text).strip()
    return "" if all(_NO_TASK.fullmatch(line) for line in said.splitlines()) else said


def _in_words(events: Sequence[Happening], zone_name: str, more: int) -> str:
    """Each with its time."""
    lines = [f"[{short_time(event.at_ms, zone_name)}] {event.text}" for event in events]
    if more:
        later = "1 later event is" if more == 1 else f"{more} later events are"
        lines.append(f"({later} told to you right after these)")
    return "\n".join(lines)
