"""A run on its way through the executor."""

import asyncio
from dataclasses import dataclass, field

from stentor.domain.jobs import FixedText, Job
from stentor.domain.records import RunSeed
from stentor.domain.states import Priority, Trigger


@dataclass(slots=True, eq=False)
class Ticket:
    """A run that is written down, and what this process knows of it beside that."""

    run: RunSeed
    job: Job
    # Tickets are numbered as they come.
    number: int
    # So many runs wait for this one, one for the other: it must not have to wait for the room that those take up.
    nested: int = 0
    # The job was changed since: whoever takes the ticket up looks at it again.
    stale: bool = False
    started: bool = False
    # Until when its lease lasts, once it has started; None means as long as it takes.
    deadline_ms: int | None = None
    cancelled: str = ""
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)

    @property
    def order(self) -> tuple[int, int, int]:
        """What people wait for goes first, then what was due first, then what was claimed first."""
        urgent = self.run.trigger is Trigger.MANUAL
        priority = Priority.INTERACTIVE if urgent else Priority[self.job.delivery.priority.upper()]
        return priority, self.run.scheduled_ms or self.run.queued_ms, self.number

    @property
    def needs_room(self) -> bool:
        """A fixed text is there already: no agent works on it, so it takes up no room."""
        return not isinstance(self.job.payload, FixedText)

    @property
    def resources(self) -> tuple[tuple[str, str], ...]:
        """What only so many runs may use at once: the job, a session they share, the agent."""
        session = (("session", self.run.session.key),) if self.run.session.shared else ()
        if self.nested:
            return session
        return (("job", self.job.id), *session, ("agent", self.job.agent_id))
