"""What the configuration says of the main session: whether anybody acts there, and when its heartbeat comes."""

from collections.abc import Callable
from functools import partial

from stentor.config import Config
from stentor.config.sections import DEFAULT_AGENT, ActiveHoursConfig
from stentor.domain.happenings import Attendance
from stentor.domain.heartbeats import PROMPT, ActiveHours, HeartbeatPlan, Rhythm
from stentor.domain.jobs import Job
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, Directory, RouteError, resolve
from stentor.services.errands import Errands
from stentor.services.heartbeat import Heartbeat
from stentor.services.jobbook import JobBook
from stentor.services.scheduler import Scheduler
from stentor.services.turns import Turns


def attendance_of(config: Config) -> Attendance:
    """The agent that is there without having been configured only repeats what it is told: it acts on nothing."""
    is_attended = bool(config.agents[DEFAULT_AGENT].model_fields_set)
    return Attendance(is_attended, beats=config.heartbeat.every > 0)


def heartbeat_of(
    config: Config,
    book: JobBook,
    scheduler: Scheduler,
    errands: Errands,
    turns: Turns,
    *,
    new_id: Callable[[str], str],
) -> Heartbeat:
    return Heartbeat(
        book.store,
        book.clock,
        plan_of(config),
        turns.attendance,
        book.resets,
        scheduler.vigil,
        turns.hearing,
        errands,
        scheduler.executor,
        partial(_addressed, book, scheduler),
        partial(turns.means.briefing.tasks, turns.agents[DEFAULT_AGENT].workspace),
        new_id,
    )


def plan_of(config: Config) -> HeartbeatPlan:
    section = config.heartbeat
    hours = section.active_hours
    return HeartbeatPlan(
        Rhythm(section.every, None if hours is None else _hours(hours, config)),
        section.target,
        section.prompt or PROMPT,
        section.light_context,
        section.model,
    )


def why_unusable(config: Config, directory: Directory) -> str:
    """What is wrong with where answers are to go; empty when that can be resolved, or only shows when they go."""
    try:
        for target in plan_of(config).delivery().to or ():
            resolve(Address(target), directory)
    except RouteError as error:
        return f"heartbeat.target: {'; '.join(filter(None, (error.message, error.hint)))}"
    return ""


def _hours(section: ActiveHoursConfig, config: Config) -> ActiveHours:
    return ActiveHours(_minutes(section.start), _minutes(section.end), section.timezone or config.zone()[0])


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _addressed(book: JobBook, scheduler: Scheduler, job: Job) -> Job:
    """The job as one that is stored would be; where it leads nowhere now, it is refused."""
    read = book.rules.resolved(job).job
    fatal = scheduler.executor.work.outgoings.plan(read).fatal
    if fatal is not None:
        raise Refused("no_route", fatal)
    return read
