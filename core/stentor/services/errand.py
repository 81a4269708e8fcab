"""One errand: what is to be done, for whom, and what led to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from pydantic import BaseModel, ConfigDict

from stentor.domain.behalf import OnBehalf
from stentor.domain.jobs import Job
from stentor.domain.records import ErrandSeed, RunSeed, SessionSeed


@dataclass(frozen=True, slots=True)
class Lineage:
    """What led to a run: the sessions of the runs above it, and whether a job's own run stands at the top."""

    sessions: tuple[str, ...] = ()
    from_job: bool = False

    @property
    def depth(self) -> int:
        return len(self.sessions)

    def below(self, session_key: str) -> "Lineage":
        """That of what is sent from this session."""
        return replace(self, sessions=(*self.sessions, session_key))


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done, in the words of a job, and in which session.

    A run may have `asked_by` for it. That run waits for it, and what is still under way when it ends is stopped; except
    for what `outlives` it, for which somebody may be `awaiting` an answer for a while. An errand that is not to be
    `kept` takes its session with it when the run that asked for it is over.
    """

    job: Job
    session: SessionSeed
    asked_by: str | None = None
    outlives: bool = False
    lineage: Lineage = Lineage()
    awaiting: bool = False
    kept: bool = True
    # The instant it stands for, if nobody asked for it just now.
    scheduled_ms: int | None = None

    @property
    def parent(self) -> str | None:
        """The run with which it ends."""
        return None if self.outlives else self.asked_by

    @property
    def nested(self) -> int:
        """How many runs wait for it, one for the other; 0 if nobody does."""
        return max(1, self.lineage.depth) if self.awaiting or self.parent is not None else 0

    def seed(self, clean: Callable[[str], str]) -> ErrandSeed | None:
        """As it is written down, for a later process that does not know what led to it."""
        turn = self.job.payload
        if self.asked_by is None or not isinstance(turn, OnBehalf):
            return None
        turn = turn.model_copy(update={"message": clean(turn.message)})
        paper = _Paper(
            job=self.job,
            turn=turn,
            above=self.lineage.sessions,
            from_job=self.lineage.from_job,
            kept=self.kept,
            awaiting=self.awaiting,
        )
        return ErrandSeed(self.asked_by, self.outlives, paper.model_dump_json(by_alias=True))

    @classmethod
    def of(cls, run: RunSeed, seed: ErrandSeed) -> Self:
        """What an earlier process wrote down. Raises `ValueError`."""
        paper = _Paper.model_validate_json(seed.doc)
        return cls(
            paper.job.model_copy(update={"payload": paper.turn}),
            run.session,
            seed.asked_by,
            seed.outlives,
            Lineage(paper.above, paper.from_job),
            kept=paper.kept,
        )


class _Paper(BaseModel):
    """A job says nothing of whom its agent works for: that stands beside it."""

    model_config = ConfigDict(frozen=True)

    job: Job
    turn: OnBehalf
    above: tuple[str, ...]
    from_job: bool
    kept: bool
    # For whoever tells people what nobody else hears: the next process waits for none.
    awaiting: bool = False
