"""Long texts are rendered beside the loop, once for all targets of a channel; short ones at once, without a detour."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from stentor.app.operations import Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.contract.runners import TurnRequest
from stentor.services.outgoing import SHORT
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story
from tests.domain.dialects import PLACES, TELEGRAM
from tests.services.stories import TalkingRunner, adding, job, runs
from tests.services.tool_stories import Caller

T = TypeVar("T")
# Nothing is read from a workspace, which is beside the loop, too.
TURN = {"kind": "agentTurn", "message": "brief", "lightContext": True}
LONG = "**word** " * (SHORT // 9 + 1)
SHORT_TEXT = "**word** " * (SHORT // 40)


@dataclass
class Tally:
    """Does at once what a daemon does in a thread, and counts."""

    done: int = 0
    first: Callable[[], Awaitable[object]] | None = None

    async def do(self, work: Callable[[], T]) -> T:
        self.done += 1
        result = work()
        if self.first is not None:
            await self.first()
        return result


@dataclass
class World:
    home: Path
    provider: Provider = field(default_factory=Provider)
    mail: Provider = field(default_factory=Provider)
    tally: Tally = field(default_factory=Tally)

    def live(self, story: Story, agent: Callable[[TurnRequest], Any] | None = None) -> None:
        channels = [
            scripted_channel("page", self.provider, dialect=TELEGRAM),
            scripted_channel("mail", self.mail, dialect=PLACES["plain"].dialect),
        ]
        runners = [TalkingRunner(agent)] if agent is not None else []
        Simulation(self.home, channels, runners, aside=self.tally).live(story, seconds=30)

    @property
    def said(self) -> list[str]:
        return ["".join(part.text for part in self.provider.accepted)]


@pytest.fixture
def world(fast_home: Path) -> World:
    return World(fast_home)


@pytest.mark.parametrize(("text", "detours"), [(SHORT_TEXT, 0), (LONG, 1)], ids=["short", "long"])
def test_a_long_fixed_text_is_rendered_beside_the_loop(world: World, text: str, detours: int) -> None:
    world.live(adding(job(payload={"kind": "text", "text": text})))
    assert world.said[0].count("<b>") == text.count("word")
    assert world.tally.done == detours


@pytest.mark.parametrize(("text", "detours"), [(SHORT_TEXT, 0), (LONG, 2)], ids=["short", "long"])
def test_so_is_what_an_agent_says(world: World, text: str, detours: int) -> None:
    async def turn(request: TurnRequest) -> str:
        del request
        return text

    world.live(adding(job(payload=TURN)), turn)
    assert world.said[0].count("<b>") == text.count("word")
    assert world.tally.done == detours


@pytest.mark.parametrize(("text", "detours"), [(SHORT_TEXT, 0), (LONG, 1)], ids=["short", "long"])
def test_so_is_what_an_agent_sends_itself(world: World, text: str, detours: int) -> None:
    world.live(adding(job(payload=TURN)), Caller({"to": "page:room1", "text": text}))
    assert world.said[0].count("<b>") == text.count("word")
    assert world.tally.done == detours


@pytest.mark.parametrize(("text", "detours"), [(SHORT_TEXT, 0), (LONG, 1)], ids=["short", "long"])
def test_so_is_what_somebody_sends(world: World, text: str, detours: int) -> None:
    async def story(operations: Operations) -> None:
        await operations.send({"to": "page:room1", "text": text})

    world.live(story)
    assert world.said[0].count("<b>") == text.count("word")
    assert world.tally.done == detours


@pytest.mark.parametrize(("text", "detours"), [(SHORT_TEXT, 0), (LONG, 2)], ids=["short", "long"])
def test_so_is_what_is_sent_again_by_another_channel(world: World, text: str, detours: int) -> None:
    async def story(operations: Operations) -> None:
        sent = await operations.send({"to": "page:room1", "text": text})
        await operations.app.ground.seams.clock.sleep(5)
        await OutboxOperations(operations.app, "cli:ann").resend(sent["id"], {"to": "mail:ann"})

    world.live(story)
    assert "".join(part.text for part in world.mail.accepted).count("word") == text.count("word")
    assert world.tally.done == detours


def test_a_run_that_is_cancelled_while_its_text_is_rendered_sends_nothing(world: World) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(payload={"kind": "text", "text": LONG}))

        async def cancel() -> None:
            await operations.cancel_run(runs(world.home)[-1]["runId"])

        world.tally.first = cancel

    world.live(story)
    assert [run["status"] for run in runs(world.home)] == ["cancelled"]
    assert world.provider.requests == []


def test_a_text_for_which_there_is_no_thread_is_a_run_that_failed(world: World) -> None:
    async def refuse() -> None:
        raise RuntimeError("can't start new thread")

    world.tally.first = refuse
    world.live(adding(job(payload={"kind": "text", "text": LONG})))
    assert {(run["status"], run["error"]) for run in runs(world.home)} == {
        ("error", "RuntimeError: can't start new thread")
    }


class Escapes(dict[str, str]):
    """Counts how often it is asked."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)


@pytest.mark.parametrize("text", [LONG, SHORT_TEXT], ids=["long", "short"])
def test_what_is_said_to_many_targets_of_a_channel_is_rendered_once(fast_home: Path, text: str) -> None:
    def asked(home: Path, targets: list[str]) -> int:
        provider, escapes = Provider(), Escapes()
        dialect = replace(TELEGRAM, escapes=escapes, verbatim=escapes)
        to_many = job(payload={"kind": "text", "text": text}, delivery={"to": targets})
        Simulation(home, [scripted_channel("page", provider, dialect=dialect)]).live(
            adding(to_many), seconds=30
        )
        assert sorted(part.target.canonical for part in provider.accepted) == targets
        return escapes.asked

    (fast_home / "one").mkdir()
    (fast_home / "many").mkdir()
    many = [f"page:room{number}" for number in range(5)]
    assert asked(fast_home / "many", many) == asked(fast_home / "one", many[:1]) > 0
