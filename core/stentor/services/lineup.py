"""The models of one question: who is asked next, who did not answer, and who was left alone."""

from collections import deque
from dataclasses import dataclass, field

from stentor.contract.errors import RunnerError
from stentor.domain.candidates import quiet_seconds
from stentor.services.agent_turns import Agent
from stentor.services.cooldowns import Cooldowns, Rest


@dataclass
class LineUp:
    """In the order of `models`, but those that rest come last. The first of them is the one that is to answer."""

    cooldowns: Cooldowns
    agent: Agent
    models: tuple[str | None, ...]
    refused: list[str] = field(init=False, default_factory=list[str])
    _waiting: deque[str | None] = field(init=False)
    _resting: dict[str | None, Rest] = field(init=False)
    # Until when each that did not answer wants to be left alone; None where its provider does not say.
    _quiet_until: dict[str | None, float | None] = field(
        init=False, default_factory=dict[str | None, float | None]
    )

    def __post_init__(self) -> None:
        rests = ((model, self.cooldowns.resting(self._owner, model)) for model in self.models)
        self._resting = {model: rest for model, rest in rests if rest is not None}
        # None is left out: it may be the only one.
        self._waiting = deque(sorted(self.models, key=lambda model: model in self._resting))

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    def next(self) -> str | None:
        return self._waiting.popleft()

    def again(self, model: str | None) -> None:
        """The same once more, before anybody else."""
        self._waiting.appendleft(model)

    def name(self, model: str | None) -> str:
        return model or self.agent.runner.name

    def failed(self, model: str | None, error: RunnerError) -> str:
        """In words."""
        self.cooldowns.failed(self._owner, model, error)
        quiet = quiet_seconds(error.retry_after)
        self._quiet_until[model] = None if quiet is None else self.cooldowns.clock.monotonic() + quiet
        self.refused.append(f"{self.name(model)} did not answer: {error}")
        return self.refused[-1]

    def answered(self, model: str | None) -> list[str]:
        """Why those before it were not even asked."""
        self.cooldowns.answered(self._owner, model)
        before = self.models[: self.models.index(model)]
        return [
            f"{self.name(each)} was not asked: it is left alone until {self.cooldowns.ends(rest)}, because {rest.why}"
            for each, rest in self._resting.items()
            if each in before and each in self._waiting
        ]

    @property
    def quiet_seconds(self) -> float | None:
        """When the first of them may be asked again; None unless all of them say so."""
        said = [until for until in self._quiet_until.values() if until is not None]
        if self._waiting or len(said) < len(self._quiet_until):
            return None
        return max(0.0, min(said) - self.cooldowns.clock.monotonic())

    @property
    def _owner(self) -> str:
        return self.agent.owner_of_models
