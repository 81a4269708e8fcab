"""What the core needs from the world. Everything here can be replaced, counted and stopped from outside."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from stentor.contract.payloads import Attachment
from stentor.contract.runners import Message
from stentor.contract.settings import SecretRef
from stentor.contract.targets import Target
from stentor.domain.alert_texts import About
from stentor.domain.alerts import Incident, Mark, News
from stentor.domain.background import Background, Tasks
from stentor.domain.faults import StoreError
from stentor.domain.happenings import Beats, Happening, WakeMode
from stentor.domain.job_changes import JobChange
from stentor.domain.records import (
    AccountRow,
    Arrival,
    Claim,
    DeliverySeed,
    DueJob,
    Finished,
    IncidentStep,
    JobRow,
    Outgoing,
    Preferences,
    Recovery,
    RunEnd,
    RunSeed,
    SessionSeed,
    Settlement,
)
from stentor.domain.retention import Limits, Position, Pruned, Removed
from stentor.domain.rulings import Cancelled, Hand, KnownTarget, Resend, Ruling, StoredDelivery
from stentor.domain.sessions import SourceSession
from stentor.domain.stalls import Stall
from stentor.domain.wishes import Wishes

T = TypeVar("T")


class Clock(Protocol):
    """Wall time says what is due; waiting is measured on the monotonic clock."""

    def now_ms(self) -> int: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, event: "Event", seconds: float | None) -> bool:
        """Wait for `event`, at most `seconds`; whether it was set."""
        ...


class Event(Protocol):
    """The part of `asyncio.Event` that waiting needs."""

    def is_set(self) -> bool: ...

    async def wait(self) -> bool: ...


class Chance(Protocol):
    """The only source of randomness."""

    def token(self, length: int) -> str:
        """`length` characters of [0-9a-z], sortable order not implied."""
        ...

    def jitter(self) -> float:
        """A number between -1 and 1."""
        ...


class Points(Protocol):
    """Numbered places where a simulation may stop the world; in production reaching one does nothing."""

    def reach(self, name: str) -> None: ...


class Spool(Protocol):
    """Keeps the product's own copy of what a run wants sent."""

    async def take(self, path: str, name: str | None, root: Path | None) -> Attachment:
        """Copy a file from inside `root`; raises `AttachmentLost`."""
        ...

    async def look(self, path: str, name: str | None, root: Path | None) -> Attachment:
        """The file as it lies there, where it could be taken; raises `AttachmentLost` where not."""
        ...


class Aside(Protocol):
    """Where work is done that would keep the loop from turning."""

    async def do(self, work: Callable[[], T]) -> T: ...


class Workspaces(Protocol):
    """Where agents have what they are to know."""

    def background(self, workspace: Path | None, *, isolated: bool) -> Background:
        """What there is for an agent with this workspace. It takes its time, and never raises."""
        ...

    def skill(self, workspace: Path | None, name: str, *, isolated: bool) -> str | None:
        """The text of one of the skills there are; None where none has that name, or it cannot be read."""
        ...

    def tasks(self, workspace: Path | None) -> Tasks:
        """What its agent is to look after at each heartbeat. The same holds of it."""
        ...


class Conversations(Protocol):
    """What is known of where agents talked to people."""

    def last(self, session: SourceSession) -> Target | None:
        """The last place outside that was sent to in the name of a session."""
        ...


class StallNote(Protocol):
    """What a watchdog could write down about a loop that did not answer."""

    def read(self) -> Stall | None:
        """The last stall nobody has been told of."""
        ...

    def clear(self) -> None: ...


class Vault(Protocol):
    """Where the secrets are that the configuration only refers to."""

    def reveal(self, ref: SecretRef) -> str:
        """The text behind a reference. Raises `CredentialsRejected` where there is none."""
        ...

    def glance(self, ref: SecretRef) -> str | None:
        """The same where looking is cheap and harmless; None where it is not, or there is nothing."""
        ...


class AttachmentLost(Exception):
    """A file cannot be sent; the text says which and why."""


class Store(Protocol):
    """The durable truth. Each method is one transaction, grouped with whatever else is waiting.

    Those that take many items answer each in its place; an item that cannot be done has its error there.
    """

    # jobs
    async def add_job(self, job: JobRow, *, by: str = "") -> None: ...
    async def change_jobs(self, changes: Sequence[JobChange]) -> None:
        """All of them, or none: one that was decided on something older raises `StaleRevision`."""
        ...

    async def job(self, job_id: str) -> JobRow | None: ...
    async def jobs(self) -> Sequence[JobRow]: ...
    async def jobs_after(self, job_id: str, limit: int) -> Sequence[JobRow]: ...
    async def block_jobs(self, blocked: Mapping[str, str]) -> None: ...

    # schedule
    async def due(self, before_ms: int, limit: int) -> Sequence[DueJob]: ...
    async def next_due(self) -> int | None: ...
    async def claim(self, claims: Sequence[Claim]) -> Sequence[Sequence[RunSeed] | StoreError | None]: ...
    async def tz_version(self) -> str | None: ...
    async def retime(self, moved: Mapping[str, int | None], version: str, *, at_ms: int) -> None: ...
    async def schedule_failed(
        self, job_id: str, why: str, *, at_ms: int, look_again_ms: int, most: int
    ) -> None: ...
    async def switch_off(self, job_id: str, reason: str, why: str, *, at_ms: int) -> bool: ...

    # runs
    async def queue_run(self, run: RunSeed) -> RunSeed: ...
    async def start_run(self, run_id: str, boot: str, at_ms: int, deadline_ms: int | None) -> bool: ...
    async def note_phase(self, run_id: str, boot: str, phase: str) -> None: ...
    async def note_late(self, run_id: str, what: str, at_ms: int) -> None: ...
    async def finish_runs(self, ends: Sequence[RunEnd]) -> Sequence[Finished | StoreError]: ...
    async def remember(self, run_id: str, boot: str, messages: Sequence[Message], at_ms: int) -> bool:
        """What was said in a run so far; False when it is over or somebody else's."""
        ...

    async def history(self, session_id: str, most: int | None = None) -> Sequence[Message]:
        """What a session remembers; of more characters than `most` the end."""
        ...

    # the main session
    async def happen(self, session: SessionSeed, text: str, wake: WakeMode, at_ms: int) -> None:
        """Write an event down that no run brings; a session that is not there is made."""
        ...

    async def unanswered(self, session_key: str) -> Sequence[Happening]:
        """The events that no turn has answered, oldest first, also those of sessions that are over."""
        ...

    async def beats(self, job_id: str) -> Beats: ...

    # outbox
    async def enqueue(self, delivery: DeliverySeed) -> None: ...
    async def enqueue_of_run(self, delivery: DeliverySeed, boot: str) -> bool:
        """What a run sends while it is under way; False, and noted, when it is over or somebody else's."""
        ...

    async def begin_sends(self, now_ms: int, limit: int, boot: str) -> Sequence[Outgoing]: ...
    # No part may be named twice.
    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool | StoreError]: ...
    async def later_receipt(
        self, channel: str, account: str, message_id: str, level: str, at_ms: int, part_id: str = ""
    ) -> bool:
        """News about a message. `part_id` names the part it is, where that may be news too."""
        ...

    async def take_in(self, arrival: Arrival) -> bool:
        """Keep what somebody wrote; False when it is there already."""
        ...

    async def next_send(self) -> int | None: ...
    async def expire(self, now_ms: int) -> int: ...
    async def flag_unconfirmed(self, now_ms: int) -> int:
        """Flag what was accepted and never confirmed, a slice of it; how much that was."""
        ...

    async def set_accounts(self, accounts: Sequence[AccountRow], now_ms: int) -> None: ...
    async def shut(self, channel: str, account: str, reason: str, now_ms: int) -> None:
        """An account is down: what is addressed to it waits, and people are told."""
        ...

    async def reopen(self, channel: str, account: str, now_ms: int) -> None:
        """An account that was down has other credentials now."""
        ...

    # by hand
    async def delivery(self, delivery_id: str) -> StoredDelivery | None: ...
    async def resend(self, delivery: DeliverySeed, again: Resend) -> bool:
        """Write down a delivery that repeats another; False while parts of that one are about to be sent."""
        ...

    async def rule(self, rulings: Sequence[Ruling]) -> Sequence[bool]:
        """Say of unknown parts whether they arrived; False for a delivery that has none."""
        ...

    async def cancel(self, delivery_id: str, hand: Hand) -> Cancelled: ...
    async def over(self, states: Sequence[str], before_ms: int, limit: int) -> Sequence[str]:
        """The oldest deliveries in these states that were made before an instant and are not dropped yet."""
        ...

    async def drop(self, delivery_ids: Sequence[str], hand: Hand) -> Sequence[str]:
        """Remove deliveries of which nothing is still to be sent; gives those that are gone."""
        ...

    async def clear_target(self, known: KnownTarget, hand: Hand) -> bool: ...

    # sessions
    async def reset_session(self, session_id: str, hand: Hand) -> bool:
        """The next run of its key begins another; False where that was so already."""
        ...

    async def remove_session(self, session_id: str) -> bool:
        """With all that was said in it; False where it is in use, pinned, or not there."""
        ...

    async def preferences(self, base_key: str) -> Preferences | None: ...
    async def prefer(self, base_key: str, wishes: Wishes, hand: Hand) -> Preferences: ...

    # alerts
    async def incident_news(self, now_ms: int, most: int) -> News:
        """What happened since the last filing that people may want to be told."""
        ...

    async def file_news(self, marks: Sequence[Mark], found: News, now_ms: int) -> bool:
        """Count it for its incidents, once: False if that was done already."""
        ...

    async def incidents(self, after: int, most: int, now_ms: int) -> Sequence[Incident]:
        """Open incidents beyond one, as matters stand."""
        ...

    async def incident_facts(self, incident: int) -> About: ...
    async def take_step(self, step: IncidentStep) -> bool:
        """Tell of an incident or close it, once; whether there is something to send now."""
        ...

    # life
    async def recover(self, boot: str) -> Recovery: ...
    async def beat(self, boot: str, now_ms: int) -> None: ...
    async def note(self, kind: str, data: Mapping[str, object], at_ms: int) -> None:
        """Write down something that happened to no job in particular; of kind `alert`, with `cause` and `message`."""
        ...

    async def prune(self, limits: Limits, now_ms: int, begin: Position) -> Pruned:
        """One slice of a sweep through the run log."""
        ...

    async def give_back(self) -> bool:
        """Return some unused space to the disk; whether there is more of it."""
        ...

    async def swept(self, removed: Removed, at_ms: int) -> None:
        """What the last sweep came to of sessions, for whoever asks how the store is doing."""
        ...

    async def newest_ms(self) -> int: ...
    async def append(
        self, channel: str, account: str, key: str, target: str, body: Mapping[str, object], at_ms: int
    ) -> str: ...
    async def close(self) -> None: ...
