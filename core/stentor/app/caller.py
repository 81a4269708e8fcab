"""On whose behalf a tool acts: the agent of a run, or whoever owns the home."""

from dataclasses import dataclass

from stentor.domain.records import RunSeed
from stentor.domain.sessions import DEFAULT_AGENT


@dataclass(frozen=True)
class Caller:
    """`by` is what the history of jobs and sessions says. Without a run nobody is in any session."""

    by: str
    agent: str = DEFAULT_AGENT
    run: RunSeed | None = None

    @classmethod
    def of(cls, run: RunSeed) -> "Caller":
        agent = run.session.agent_id
        return cls(f"agent:{agent}", agent, run)

    @property
    def sees(self) -> str | None:
        """Whose jobs and sessions are there for it; None for those of all."""
        return None if self.agent == DEFAULT_AGENT else self.agent
