"""A secret that only a reader would see, because markup stands inside it, is sent to nobody and written down nowhere."""

from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.contract.runners import TurnRequest
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from tests.domain.dialects import DISCORD
from tests.services.stories import TalkingRunner, job, runs

SECRET = "bear.tok_FILE-77aa88"
SAID = {
    "escaped": "so bear.tok\\_FILE-77aa88 is it",
    "with emphasis inside": "so bear.tok_**FILE-77aa88** is it",
    "with an entity inside": "so bear.tok&#95;FILE-77aa88 is it",
    "with a control character inside": "so bear.tok_\x07FILE-77aa88 is it",
}


@pytest.mark.parametrize("said", list(SAID.values()), ids=list(SAID))
def test_what_an_agent_hides_in_markup_is_not_sent(fast_home: Path, said: str) -> None:
    provider = Provider()

    async def turn(request: TurnRequest) -> str:
        del request
        return said

    async def story(operations: Operations) -> None:
        operations.app.ground.redactor.learn(SECRET)
        await operations.add_job(job(payload={"kind": "agentTurn", "message": "brief"}))

    channel = scripted_channel("page", provider, dialect=DISCORD)
    Simulation(fast_home, [channel], [TalkingRunner(turn)]).live(story, seconds=30)

    assert [part.text.replace("\\", "").replace("*", "") for part in provider.accepted] == [
        "so [redacted] is it"
    ]
    check(fast_home, Witness({"page": provider}, [SECRET]))


def test_the_run_log_does_not_repeat_the_secret_of_a_fixed_text(fast_home: Path) -> None:
    provider = Provider()

    async def story(operations: Operations) -> None:
        operations.app.ground.redactor.learn(SECRET)
        await operations.add_job(job(payload={"kind": "text", "text": f"the key is {SECRET}"}))

    Simulation(fast_home, [scripted_channel("page", provider)]).live(story, seconds=30)

    assert [part.text for part in provider.accepted] == ["the key is [redacted]"]
    assert [run["summary"] for run in runs(fast_home)] == ["the key is [redacted]"]
