"""An alert that does not get through goes the next way, and not to where it was before."""

from pathlib import Path

import pytest

from stentor.contract.errors import Ambiguous, Rejected, RunnerError
from stentor.contract.runners import TurnRequest
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from tests.services.stories import TalkingRunner, adding, deliveries, job

CONFIG = '[cron]\nfailure_destination = { to = "ops:global" }\n'
TURN = {"kind": "agentTurn", "message": "work"}


async def failing(request: TurnRequest) -> str:
    raise RunnerError("crashed", f"boom: {request.message}")


@pytest.mark.parametrize(
    "answer",
    [Rejected("refused_by_receiver", "not like this"), Ambiguous("cut")],
    ids=["refused, though the place is of use", "it may have arrived"],
)
def test_an_alert_is_not_repeated_where_it_did_not_get_through(fast_home: Path, answer: Exception) -> None:
    (fast_home / "stentor.toml").write_text(CONFIG)
    page, ops = Provider(), Provider()
    ops.script.append(answer)
    channels = [scripted_channel("page", page), scripted_channel("ops", ops)]
    once = job(payload=TURN, retry={"maxAttempts": 0})
    Simulation(fast_home, channels, [TalkingRunner(failing)]).live(adding(once), seconds=60)

    told = [found for found in deliveries(fast_home) if found["purpose"] == "failure"]
    assert [found["target"] for found in told] == ["ops:global", "page:room1"]
    assert (told[1]["state"], told[1]["link"], told[1]["linkedTo"]) == ("accepted", "fallback", told[0]["id"])
    assert (len(ops.requests), len(page.accepted)) == (1, 1)
    check(fast_home, Witness({"page": page, "ops": ops}))
