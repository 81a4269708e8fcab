"""The process is ended at every point of a turn: the session goes on, and any model accepts what it remembers."""

from contextlib import suppress
from pathlib import Path

from tests.histories import flaws
from tests.services.stories import TalkingRunner

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.session_log import Asked
from stentor.app.operations import Operations
from stentor.contract.runners import TurnRequest
from stentor.domain.faults import AlreadyExists
from stentor.domain.transcripts import CUT_SHORT, UNANSWERED
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation

DIGEST = {
    "id": "digest",
    "name": "Digest",
    "schedule": {"kind": "every", "everyMs": 20_000},
    "sessionTarget": "session:digest",
    "payload": {"kind": "agentTurn", "message": "what is new?"},
    "delivery": {"to": "page:room1"},
    "onInterrupt": "report",
    "failureAlert": False,
}


async def add_digest(operations: Operations) -> None:
    with suppress(AlreadyExists):
        await operations.add_job(DIGEST)


async def digest(request: TurnRequest) -> str:
    await request.call_tool("message", {"to": "page:room1", "text": "two things"})
    await request.call_tool("message", {"to": "page:room1", "text": "a third"})
    return f"{request.run_id} is done"


def simulated(home: Path) -> tuple[Simulation, TalkingRunner]:
    runner = TalkingRunner(digest)
    return Simulation(home, [scripted_channel("page", Provider())], [runner]), runner


def test_a_session_survives_a_crash_at_any_point_of_a_turn_and_goes_on(fast_home: Path) -> None:
    calm, runner = simulated(fast_home / "calm")
    total = len(calm.live(add_digest, seconds=25).trail.names)
    assert len(runner.turns) == 1
    mended: set[str] = set()
    for point in range(1, total + 1):
        home = fast_home / str(point)
        simulation, runner = simulated(home)
        life = simulation.live(add_digest, seconds=25, crash_at=point)
        assert life.crashed
        simulation.live(add_digest, seconds=70)
        where = f"point {point}, {life.trail.names[-1]}"
        assert len(runner.turns) >= 3, where
        for turn in runner.turns:
            assert flaws(turn.history) == [], where
        mended |= {entry.text for turn in runner.turns for entry in turn.history}
        with Reader.open(home / "stentor.db") as reader:
            (session,), _ = reader.session_page(Asked(), limit=10, offset=0)
        assert session["key"] == "agent:main:session:digest", where
        last = runner.turns[-1]
        assert last.session_id == session["sessionId"], where
        assert [entry.text for entry in last.history][-1] == f"{runner.turns[-2].run_id} is done", where
    # Crashes between a call and its answer, and between a question and the end, were among them.
    assert {UNANSWERED, CUT_SHORT} <= mended
