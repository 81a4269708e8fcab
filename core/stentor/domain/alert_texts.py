"""The words of alerts: what happened to whom, how often, when, and what to do about it.

Names, errors, targets and payloads are other people's words. They are shown as they are, whatever they would mean as
Markdown.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from stentor.domain import alerts
from stentor.domain.alerts import Incident
from stentor.domain.happenings import HEARTBEAT
from stentor.domain.instants import iso, local

_ERROR_CHARACTERS = 200
_TEXT_CHARACTERS = 80
# What means something inside a line; no line begins with words from outside, so nothing else can. Text with many open
# brackets is taken as it was typed, also where they are escaped, so these go by their number.
_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\`*_<&~"} | {"[": "&#91;"})


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The run an alert is about."""

    id: str
    status: str
    phase: str
    error: str | None
    started_ms: int | None
    ended_ms: int


@dataclass(frozen=True, slots=True)
class About:
    """What an alert can say beside its incident: the job and its latest run, the latest delivery, who else suffers."""

    job_name: str | None = None
    next_at_ms: int | None = None
    run: RunFacts | None = None
    delivery_id: str | None = None
    target: str | None = None
    text: str = ""
    # The jobs concerned: some by name, and how many there are.
    names: tuple[str, ...] = ()
    jobs: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """An alert to be written. `clean` keeps secrets out of every word of it.

    Without `markdown` it is for readers who see it as it was written.
    """

    incident: Incident
    about: About
    clean: Callable[[str], str]
    tz: str
    reminder: bool = False
    recovery: bool = False
    markdown: bool = True

    def quoted(self, words: str, characters: int = _ERROR_CHARACTERS) -> str:
        """Words from outside in one line. They are cleaned before anything else is done to them."""
        line = _head(self.clean(words), characters)
        return line.translate(_ESCAPED) if self.markdown else line

    @property
    def name(self) -> str:
        return f'"{self.quoted(self.about.job_name or self.incident.job_id or "?")}"'

    @property
    def whose(self) -> str:
        """The job, or what goes on without one."""
        return "The heartbeat" if self.incident.job_id == HEARTBEAT else f"Job {self.name}"

    @property
    def job(self) -> str:
        return self.quoted(f"{self.incident.job_id}")

    @property
    def root(self) -> str:
        return self.quoted(self.incident.root)

    @property
    def target(self) -> str:
        return self.quoted(f"{self.about.target}")

    @property
    def error(self) -> str:
        """The last error in one line."""
        run = self.about.run
        return self.quoted((run.error or run.status) if run is not None else self.incident.message)

    @property
    def why(self) -> str:
        incident = self.incident
        return self.quoted(incident.message.removeprefix(f"{incident.root} is down: "))

    @property
    def names(self) -> str:
        about = self.about
        more = about.jobs - len(about.names)
        listed = ", ".join(f'"{self.quoted(name)}"' for name in about.names)
        return f"{listed} and {more} more" if more > 0 else listed


def text_of(telling: Telling) -> str:
    """The alert as people read it."""
    if telling.recovery:
        return f"✅ {telling.clean(_recovered(telling))}"
    lines = [f"⚠️ {_headline(telling)}", *_details(telling)]
    return telling.clean("\n".join(lines))


def event_of(telling: Telling) -> Mapping[str, object]:
    """The alert as webhooks post it."""
    telling = replace(telling, markdown=False)
    incident, about, run = telling.incident, telling.about, telling.about.run
    started = run.started_ms if run is not None else None
    return {
        "type": "recovery" if telling.recovery else "alert",
        "cause": incident.cause,
        "jobId": incident.job_id,
        "jobName": None if about.job_name is None else telling.clean(about.job_name),
        "runId": None if run is None else run.id,
        "message": text_of(telling),
        "status": None if run is None else run.status,
        "error": None if telling.recovery else telling.error,
        "count": _times(incident),
        "runAtMs": started,
        "durationMs": None if run is None or started is None else run.ended_ms - started,
        "nextRunAtMs": about.next_at_ms,
        "since": iso(incident.opened_ms),
    }


def _headline(telling: Telling) -> str:
    incident, again = telling.incident, " still" if telling.reminder else ""
    times = _times(incident)
    match incident.cause:
        case alerts.FAILING:
            return f"{telling.whose} failed" + (
                f" {times} times in a row" if times > 1 else f": {telling.error}"
            )
        case alerts.AGENT_FAILING:
            return f'Agent "{_agent(telling)}"{again} fails: {telling.error}'
        case alerts.SKIPPED:
            return f"{telling.whose} was skipped {times} times in a row"
        case alerts.MISSED:
            return f"Missed: {telling.names or telling.name}"
        case alerts.SWITCHED_OFF:
            return f"Job {telling.name} was switched off"
        case alerts.UNDELIVERED:
            return f"Deliveries to {telling.target} do{again} not arrive: {telling.why}"
        case alerts.UNKNOWN:
            said = "1 delivery" if times == 1 else f"{times} deliveries"
            return f"{said} may or may not have arrived"
        case alerts.ACCOUNT_DOWN:
            return f"Account {telling.root} is{again} down: {telling.why}"
        case alerts.ERRAND_FAILED:
            return f"What an agent said in {telling.root} was not answered: {telling.error}"
        case cause:
            return f"{cause.replace('_', ' ').capitalize()}: {telling.why}"


def _details(telling: Telling) -> Iterator[str]:
    incident, about = telling.incident, telling.about
    if incident.cause == alerts.FAILING and _times(incident) > 1:
        yield f"Last error: {telling.error}"
    elif incident.cause == alerts.SKIPPED:
        yield f"Skip reason: {telling.error}"
    elif incident.cause in (alerts.MISSED, alerts.SWITCHED_OFF, alerts.UNKNOWN):
        yield f"Last: {telling.why}"
    if incident.cause in (alerts.UNDELIVERED, alerts.UNKNOWN) and about.text:
        name = f"{telling.name} to " if incident.job_id is not None else "To "
        yield f"{name}{telling.target}: {telling.quoted(about.text, _TEXT_CHARACTERS)}"
    if about.names and incident.cause != alerts.MISSED:
        yield f"Jobs concerned: {telling.names}"
    if about.run is not None and alerts.concerns_audience(incident.cause):
        yield f"Run {about.run.id}, phase {about.run.phase}, {_when(about.run.ended_ms, telling.tz)}"
    else:
        yield f"At {_when(incident.last_ms, telling.tz)}"
    yield f"Next: {_remedy(telling)}"


def _remedy(telling: Telling) -> str:
    match telling.incident.cause:
        case alerts.FAILING | alerts.SKIPPED | alerts.ERRAND_FAILED:
            return f"stentor cron runs --id {telling.job}"
        case alerts.AGENT_FAILING:
            return f"mend what the agent needs; stentor cron runs --id {telling.job} shows what it said"
        case alerts.MISSED:
            return "stentor status; a job's missed.policy says which instants are made up for"
        case alerts.SWITCHED_OFF:
            return f"mend it, then stentor cron enable {telling.job}"
        case alerts.UNDELIVERED:
            return f"stentor deliveries show {telling.about.delivery_id}"
        case alerts.UNKNOWN:
            return "stentor deliveries list --state unknown"
        case alerts.ACCOUNT_DOWN:
            return f"mend that; stentor channels test {telling.root} tries it, and what waits for it is sent then"
        case _:
            return "stentor status"


def _recovered(telling: Telling) -> str:
    incident = telling.incident
    match incident.cause:
        case alerts.UNDELIVERED:
            return f"Deliveries to {telling.target} arrive again"
        case alerts.ACCOUNT_DOWN:
            return f"Account {telling.root} is open again"
        case alerts.AGENT_FAILING:
            return f'Agent "{_agent(telling)}" is good again; it failed {_since(telling)}'
        case cause:
            word = "was skipped" if cause == alerts.SKIPPED else "failed"
            return f"{telling.whose} is good again; it {word} {_since(telling)}"


def _since(telling: Telling) -> str:
    incident = telling.incident
    often = "once" if incident.count == 1 else f"{incident.count} times"
    return f"{often} since {_when(incident.opened_ms, telling.tz)}"


def _agent(telling: Telling) -> str:
    return telling.quoted(alerts.agent_of(telling.incident.root))


def _times(incident: Incident) -> int:
    return max(1, incident.streak)


def _when(at_ms: int, tz: str) -> str:
    """To the second, where the job lives and in UTC."""
    at_ms -= at_ms % 1000
    here = local(at_ms, tz)
    return iso(at_ms) if here.endswith("+00:00") else f"{here} ({iso(at_ms)})"


def _head(text: str, characters: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[: characters - 1]}…"
