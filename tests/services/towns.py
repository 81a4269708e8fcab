"""A home where things go wrong, and what people hear of it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.contract.errors import RunnerError, RunnerErrorKind
from stentor.contract.runners import TurnRequest
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Answer, Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation, Story, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.stories import JsonObject, TalkingRunner, adding, deliveries, job

EVERY_MINUTE = {"kind": "every", "everyMs": 60_000, "anchorMs": START_MS}
TURN = {"kind": "agentTurn", "message": "work"}
GLOBALLY = '[cron]\nfailure_destination = { to = "ops:global" }\n'


class Streak:
    """An agent that fails, and then is well again."""

    def __init__(self, failures: int = 10**6, error: str = "boom", kind: RunnerErrorKind = "crashed") -> None:
        self.left, self._error = failures, error
        self._kind: RunnerErrorKind = kind

    async def __call__(self, request: TurnRequest) -> str:
        self.left -= 1
        if self.left >= 0:
            raise RunnerError(self._kind, self._error)
        return "done"


@dataclass
class Town:
    """A home with two channels: `page`, where jobs announce, and `ops`, where people hear of trouble."""

    home: Path
    turn: Any = field(default_factory=Streak)
    config: str = ""
    page: Provider = field(default_factory=Provider)
    ops: Provider = field(default_factory=Provider)
    more: Sequence[ScriptedChannel] = ()

    def __post_init__(self) -> None:
        if self.config:
            (self.home / "stentor.toml").write_text(self.config)
        channels = [scripted_channel("page", self.page), scripted_channel("ops", self.ops), *self.more]
        self.world = Simulation(self.home, channels, [TalkingRunner(self.turn)])

    def live(self, *jobs: JsonObject, seconds: float) -> "Town":
        return self.told_to(adding(*jobs) if jobs else nothing, seconds=seconds)

    def told_to(self, story: Story, *, seconds: float) -> "Town":
        self.world.live(story, seconds=seconds)
        check(self.home, Witness({"page": self.page, "ops": self.ops}))
        return self

    @property
    def alerts(self) -> list[JsonObject]:
        return [found for found in deliveries(self.home) if found["purpose"] in ("failure", "recovery")]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Each message about trouble that people saw: where, and its first line."""
        seen = [*self.page.accepted, *self.ops.accepted]
        return [(part.target.canonical, part.text.splitlines()[0]) for part in seen if part.text[0] in "⚠✅"]

    @property
    def incidents(self) -> list[JsonObject]:
        with Reader.open(self.home / "stentor.db") as reader:
            return reader.incidents(100)


def failing(**changes: Any) -> JsonObject:
    return job(schedule=EVERY_MINUTE, payload=TURN) | changes


def scripted(*answers: BaseException) -> "deque[BaseException | Answer]":
    return deque(answers)
