"""What people are told of trouble: which events are one incident, and when it is worth a message.

Trouble is told once, when it is sure; again after a while, if it goes on; and once more when it is over.
"""

from dataclasses import dataclass
from enum import StrEnum

from stentor.domain.happenings import ANSWERED

FAILING = "failing"
AGENT_FAILING = "agent_failing"
SKIPPED = "skipped"
MISSED = "missed"
SWITCHED_OFF = "switched_off"
UNDELIVERED = "undelivered"
UNKNOWN = "unknown"
ACCOUNT_DOWN = "account_down"
ERRAND_FAILED = "errand_failed"
# Those of several jobs: each of them is named.
OF_MANY = frozenset({AGENT_FAILING, MISSED, UNKNOWN})

HOUR_MS = 3_600_000
DEFAULT_AFTER = 2
# What one outage does to many is told together: so long the first of them waits for the rest.
_GATHER_MS = 10_000
# Only runs have a cooldown of their own; people are reminded of everything else at most this often.
_REMINDER_MS = 6 * HOUR_MS
# By then even what happens once a week has had its turn.
_LONG_QUIET_MS = 8 * 24 * HOUR_MS
# An alert that has not left for so long is told elsewhere too: late and twice is better than late.
PATIENCE_MS = 15 * 60_000

_OF_RUNS = frozenset({"error", "timeout", "interrupted"})
# Errors that lie in the agent, its settings or its provider: what one of its jobs meets, the others meet too.
_OF_AGENTS = frozenset({"auth", "agent_missing", "unavailable", "network", "overloaded", "rate_limit"})
_OF_DELIVERIES = frozenset({"failed", "partial", "rejected", "expired"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be told about a job, or about everything that is no job's."""

    runs: bool = True
    deliveries: bool = True
    after: int = DEFAULT_AFTER
    cooldown_ms: int = HOUR_MS
    include_skipped: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as far as alerts are concerned. Of a delivery: where it went, and whether that account is shut.

    Of a run: the kind of its error, how many its job has had in a row, whether no run will follow, and whether the job
    has an open incident of its own. Of an errand: in which session it was, if nobody waits to hear of it.
    """

    at_ms: int
    cause: str
    message: str = ""
    job_id: str | None = None
    channel: str = ""
    account: str = ""
    target: str = ""
    shut: bool = False
    # The delivery is an alert itself.
    of_alert: bool = False
    # The incident that is over by it.
    ends: int | None = None
    kind: str = ""
    streak: int = 0
    final: bool = False
    apart: bool = False
    of_errand: bool = False
    unheard_in: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What happened since the cursor, where the cursor is to go next, and the newest of all that happened."""

    after: int
    until: int
    newest: int
    happenings: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A happening as it counts for its incident."""

    cause: str
    root: str
    at_ms: int
    message: str
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Incident:
    """An open incident, and how matters stand with what it is about.

    `streak` counts in a row, `final` says that nothing will come to make it longer, `stands` that the trouble is there
    whether or not anything happens, `stranded` that the alert about it does not get through. One that is `closed` has a
    notice under way that it is over.
    """

    id: int
    cause: str
    root: str
    job_id: str | None
    opened_ms: int
    last_ms: int
    count: int
    message: str
    told_ms: int | None = None
    told: int = 0
    over: bool = False
    gone: bool = False
    streak: int = 1
    final: bool = False
    stands: bool = False
    stranded: bool = False
    closed: bool = False


class Step(StrEnum):
    """What is to be done about an incident now."""

    WAIT = "wait"
    TELL = "tell"
    REMIND = "remind"
    REROUTE = "reroute"
    RECOVER = "recover"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How incidents of a cause go. Those of a job may be told where the job announces."""

    of_job: bool = False
    gather_ms: int = 0
    least_quiet_ms: int = _REMINDER_MS
    # It is over by a fact that people want to hear of.
    recovers: bool = False
    # Its end may never be seen: when all has been quiet for so long it is over.
    passes_ms: int | None = None


_KINDS = {
    FAILING: _Kind(of_job=True, least_quiet_ms=0, recovers=True),
    AGENT_FAILING: _Kind(
        of_job=True, gather_ms=_GATHER_MS, least_quiet_ms=0, recovers=True, passes_ms=_LONG_QUIET_MS
    ),
    SKIPPED: _Kind(of_job=True, least_quiet_ms=0, recovers=True),
    MISSED: _Kind(of_job=True, gather_ms=_GATHER_MS, passes_ms=_REMINDER_MS),
    SWITCHED_OFF: _Kind(of_job=True),
    UNDELIVERED: _Kind(recovers=True, passes_ms=_LONG_QUIET_MS),
    UNKNOWN: _Kind(gather_ms=_GATHER_MS),
    ACCOUNT_DOWN: _Kind(gather_ms=_GATHER_MS, recovers=True, passes_ms=_REMINDER_MS),
    ERRAND_FAILED: _Kind(gather_ms=_GATHER_MS, passes_ms=_REMINDER_MS),
}
_ANY_OTHER = _Kind(passes_ms=_REMINDER_MS)


def filed(happening: Happening, wish: Wish, place: str, agent: str = "") -> Mark | None:
    """The incident a happening belongs to; what nobody wants is none.

    `place` is where its job's trouble is told, `agent` whom the job asks, if it asks any.
    """
    cause, job = happening.cause, happening.job_id
    if cause == ACCOUNT_DOWN:
        return _mark(happening, cause, account_root(happening.channel, happening.account))
    if happening.of_alert:
        return None  # whether an alert gets through is looked at where its incident is
    if cause == UNKNOWN or cause in _OF_DELIVERIES:
        return _of_delivery(happening, place) if wish.deliveries else None
    if not wish.runs:
        return None
    if happening.of_errand:
        return _of_errand(happening)
    if cause == SKIPPED and not _counts(happening, wish):
        return None
    if cause in _OF_RUNS:
        return _of_run(happening, wish, place, agent)
    if cause == "auto_disabled":
        return _mark(happening, SWITCHED_OFF, job or "")
    return _mark(happening, cause, place if cause == MISSED else job or "")


def _counts(skip: Happening, wish: Wish) -> bool:
    """Whether people want to hear of what was skipped. What another run has done already is no trouble."""
    return wish.include_skipped and skip.kind != ANSWERED


def decide(incident: Incident, wish: Wish, now_ms: int) -> Step:
    """One step. Trouble that was over before it was sure is never mentioned."""
    kind = _KINDS.get(incident.cause, _ANY_OTHER)
    if incident.closed:
        return _of_notice(incident)
    if incident.gone or (kind.of_job and not wish.runs):
        return Step.CLOSE
    if incident.over:
        return Step.RECOVER if incident.told and kind.recovers else Step.CLOSE
    if incident.told_ms is None:
        return Step.TELL if _sure(incident, kind, wish, now_ms) else Step.WAIT
    if incident.stranded:
        return Step.REROUTE
    quiet_ms = now_ms - incident.told_ms
    if quiet_ms < max(wish.cooldown_ms, kind.least_quiet_ms):
        return Step.WAIT
    if incident.stands or incident.last_ms > incident.told_ms:
        return Step.REMIND
    return Step.CLOSE if kind.passes_ms is not None and quiet_ms >= kind.passes_ms else Step.WAIT


def concerns_audience(cause: str) -> bool:
    """Whether it may be told where the job announces: a job's own trouble may, that of its mail is not theirs."""
    return cause in _OF_RUNS or _KINDS.get(cause, _ANY_OTHER).of_job


def account_root(channel: str, account: str) -> str:
    return f"{channel}:{account}"


def place_root(account: str, target: str) -> str:
    return f"{account}@{target}"


def agent_root(agent: str, place: str) -> str:
    return f"{agent}@{place}"


def agent_of(root: str) -> str:
    """Whom an incident of an agent is about."""
    return root.partition("@")[0]


def _of_run(happening: Happening, wish: Wish, place: str, agent: str) -> Mark | None:
    """What an agent does to all its jobs is one trouble at each place where it is told.

    It begins with a job of which it is sure. A job that has trouble of its own already goes on with that.
    """
    if not agent or happening.kind not in _OF_AGENTS or happening.apart:
        return _mark(happening, FAILING, happening.job_id or "")
    if not happening.final and happening.streak < wish.after:
        return None
    return _mark(happening, AGENT_FAILING, agent_root(agent, place))


def _of_errand(happening: Happening) -> Mark | None:
    """Whoever waits for something hears that it failed, and decides what that means. People do where nobody waits."""
    if happening.cause not in (*_OF_RUNS, SKIPPED) or not happening.unheard_in:
        return None
    return _mark(happening, ERRAND_FAILED, happening.unheard_in)


def _of_notice(incident: Incident) -> Step:
    """The notice that it is over gets through like an alert, unless it is of use to nobody any more."""
    if incident.over:
        return Step.CLOSE
    return Step.REROUTE if incident.stranded else Step.WAIT


def _of_delivery(happening: Happening, place: str) -> Mark:
    """What a dead account does to its deliveries is the trouble of the account."""
    if happening.cause == UNKNOWN:
        return _mark(happening, UNKNOWN, place)
    if happening.shut:
        return _mark(happening, ACCOUNT_DOWN, account_root(happening.channel, happening.account))
    return _mark(happening, UNDELIVERED, place_root(happening.account, happening.target))


def _mark(happening: Happening, cause: str, root: str) -> Mark:
    return Mark(cause, root, happening.at_ms, happening.message, happening.job_id)


def _sure(incident: Incident, kind: _Kind, wish: Wish, now_ms: int) -> bool:
    if incident.cause in (FAILING, SKIPPED):
        return incident.final or incident.streak >= wish.after
    return now_ms >= incident.opened_ms + kind.gather_ms
