"""What services hand to the store and get back: plain values, times in milliseconds."""

from dataclasses import field

from stentor.contract.inbox import Incoming
from stentor.contract.payloads import Manner
from stentor.contract.runners import Message, Usage
from stentor.contract.targets import Target
from stentor.contract.traits import Rate
from stentor.domain.happenings import UNCONCERNED, Attention
from stentor.domain.manners import USUAL
from stentor.domain.outbox import Verdict
from stentor.domain.states import DeliveryState, Priority, Purpose, RunStatus, Trigger
from stentor.domain.values import value


@value
class JobRow:
    """A stored job: its canonical document, and the columns the scheduler works with."""

    id: str
    name: str
    agent_id: str
    doc: str
    preview: str
    schedule_kind: str
    enabled: bool
    revision: int
    next_at_ms: int | None
    accounted_ms: int
    created_ms: int
    updated_ms: int
    finished: str | None = None
    blocked: str | None = None


@value
class DueJob:
    """A job with an instant to account for. `running` counts its runs that could be under way.

    After errors it waits until `not_before_ms`; what falls due meanwhile is skipped.
    """

    row: JobRow
    running: int
    not_before_ms: int | None = None


@value
class Freshness:
    """A session that is older than this, or in which nobody has spoken since, is not gone on with."""

    born_ms: int = 0
    spoken_ms: int = 0


@value
class SessionSeed:
    """The session a run gets. A shared session is found by its key; any other is made anew."""

    id: str
    key: str
    base_key: str
    kind: str
    agent_id: str
    label: str
    shared: bool
    # The session whose run made this one: it is in use as long as this one is.
    parent_id: str | None = None
    fresh: Freshness | None = None


@value
class ErrandSeed:
    """What a run does that another one asked for: no stored job says it."""

    asked_by: str
    # Whether it goes on when that one is over.
    outlives: bool
    doc: str


@value
class RunSeed:
    """A run as it is first written down: queued, leased to this boot, its session beside it."""

    id: str
    job_id: str
    job_name: str
    trigger: Trigger
    queued_ms: int
    boot: str
    session: SessionSeed
    scheduled_ms: int | None = None
    attempt: int = 1
    # A retry, or a late run among many: it waits its turn.
    not_before_ms: int | None = None
    errand: ErrandSeed | None = None

    @property
    def due_ms(self) -> int:
        """When it may begin."""
        return max(self.scheduled_ms or 0, self.not_before_ms or 0)


@value
class OccurrenceRow:
    """One accounted instant, or with `last_ms` and `count` a range of instants with one outcome."""

    instant_ms: int
    outcome: str
    reason: str = ""
    run_id: str | None = None
    last_ms: int | None = None
    count: int = 1


@value
class Claim:
    """Everything that becomes true when a job is accounted for up to an instant; all of it or nothing."""

    job_id: str
    revision: int
    from_ms: int
    until_ms: int
    next_at_ms: int | None
    now_ms: int
    occurrences: tuple[OccurrenceRow, ...] = ()
    runs: tuple[RunSeed, ...] = ()
    finished: str | None = None


@value
class PartSeed:
    id: str
    n: int
    of: int
    text: str
    format: str = "plain"
    attachment: str | None = None
    # The same without markup, where it is sent with any.
    plain: str | None = None


@value
class DeliverySeed:
    """A delivery as it is first written down, with the parts rendered for it."""

    id: str
    purpose: Purpose
    target: Target
    source: str
    created_ms: int
    expires_ms: int
    priority: Priority = Priority.ANNOUNCE
    required: bool = True
    on_unknown: str = "hold"
    run_id: str | None = None
    job_id: str | None = None
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""
    parts: tuple[PartSeed, ...] = ()
    on_thread_gone: str = "fail"
    # How it belongs to another delivery: it repeats it (`resend`) or stands in for it (`fallback`).
    link: str | None = None
    linked_to: str | None = None
    # The target as it was meant, where that has another address now.
    meant_for: str | None = None
    # Why its parts are rejected from the start.
    given_up: str = ""
    manner: Manner = USUAL


@value
class RunEnd:
    """Everything that becomes true when a run ends. `boot` fences: only the lease holder may write it.

    Without a `phase` the run keeps the one it was in: that is where it was cut short.
    """

    run_id: str
    boot: str
    status: RunStatus
    phase: str | None
    ended_ms: int
    started_ms: int | None = None
    error: str | None = None
    error_kind: str | None = None
    summary: str | None = None
    model: str | None = None
    # It is not the model that was to be asked.
    other_model: bool = False
    usage: Usage = Usage()
    warnings: tuple[str, ...] = ()
    suppression: str | None = None
    routes: str = "[]"
    # What the session is to remember and does not know yet.
    messages: tuple[Message, ...] = ()
    attention: Attention = UNCONCERNED
    deliveries: tuple[DeliverySeed, ...] = ()
    # A one-shot is retired by the run that used up its only instant, never by a manual one.
    retire: str | None = None
    # The same work once more, queued in the very transaction that gives this run up.
    successor: RunSeed | None = None
    # That is only wanted while nothing of this run has left; once something has, the job may be retired instead.
    unless_sent: bool = False
    retire_if_sent: str | None = None
    # After this many errors in a row the job is switched off; 0 means never.
    most_errors: int = 0


@value
class Finished:
    """Whether the end of a run was taken, its successor as queued, and whether the job's next instant moved."""

    kept: bool
    successor: RunSeed | None = None
    rescheduled: bool = False


@value
class OpenRun:
    """A run that a dead process left behind."""

    seed: RunSeed
    started: bool
    sent_something: bool


@value
class Outgoing:
    """A part whose `sending` is committed, or was when its process died."""

    part_id: str
    delivery_id: str
    run_id: str | None
    target: Target
    n: int
    of: int
    text: str
    format: str
    attachment: str | None
    attempt: int
    refusals: int
    started_ms: int
    first_sent_ms: int
    expires_ms: int
    on_unknown: str
    on_thread_gone: str = "fail"
    has_plain: bool = False
    readdressed: bool = False
    # Why it waited, if it may have arrived already.
    doubt: str = ""
    manner: Manner = USUAL
    # The conversation that an earlier part of its delivery has begun.
    opened: Target | None = None

    @property
    def address(self) -> Target:
        """Where the part itself goes; its lane is that of its target."""
        return self.opened or self.target


@value
class Settlement:
    """The verdict on one attempt of a part."""

    part_id: str
    attempt: int
    at_ms: int
    verdict: Verdict


@value
class AccountRow:
    """What the outbox knows of an account. A shut account keeps its parts pending."""

    channel: str
    account: str
    state: str
    reason: str = ""
    rates: tuple[Rate, ...] = ()
    # One part goes ahead alone, to see what has become of the account.
    gated: bool = False
    # How long that one is waited for before another one goes: it may take so long to send.
    patience_ms: int = 60_000
    # More parts than this are never begun and unanswered.
    at_once: int | None = None


@value
class Arrival:
    """A message that came in. `held` is from somebody who may not write to the account, or not yet; `known` is who is
    listed by name, and not only let in with everybody.
    """

    message: Incoming
    at_ms: int
    received_ms: int
    held: bool
    known: bool


@value
class Preferences:
    """What somebody wants of a conversation; None leaves it to the agent. A pinned one is never tidied away."""

    model: str | None = None
    thinking: str | None = None
    fast_mode: bool | None = None
    pinned: bool = False


@value
class Recovery:
    """What a start found of the process before it."""

    runs: tuple[OpenRun, ...] = ()
    parts: tuple[Outgoing, ...] = field(default=())


@value
class IncidentStep:
    """An incident is told of, or closed, unless that was done since `told_ms`. The first choice that can go is sent.

    An alert `instead` of one that did not get through goes where none about this went before.
    """

    incident: int
    told_ms: int | None
    at_ms: int
    choices: tuple[DeliverySeed, ...] = ()
    closes: bool = False
    instead: bool = False
