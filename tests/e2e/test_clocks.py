"""Programs that take their time, timed by a real daemon."""

import json
import sys
from collections.abc import Iterator
from textwrap import dedent

import pytest
from tests.outside import JsonObject, Stentor, serving

from stentor.testing.invariants import Witness, check

HESITANT = """
    import signal
    print('{"type": "phase", "name": "context-engine"}', flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    """A daemon with an agent that never gets to its model, and one that prints its answer at the end."""
    home = tmp_path_factory.mktemp("house") / "home"
    home.mkdir()
    hesitant = home.parent / "hesitant.py"
    hesitant.write_text(dedent(HESITANT))
    (home / "stentor.toml").write_text(
        f"[agents.hesitant]\nrunner = 'command'\ncommand = {json.dumps([sys.executable, str(hesitant)])}\n"
        f"[agents.silent]\nrunner = 'command'\ncommand = ['sh', '-c', 'sleep 1.5; echo done']\n"
    )
    stentor = Stentor(home)
    with serving(stentor):
        yield stentor
    check(home, Witness())


def turn_of(house: Stentor, agent: str, *, seconds: float, code: int) -> JsonObject:
    job: JsonObject = {
        "id": agent,
        "agentId": agent,
        "schedule": {"kind": "every", "everyMs": 3_600_000},
        "payload": {"kind": "agentTurn", "message": "go", "timeoutSeconds": seconds},
        "delivery": {"mode": "none"},
        "retry": {"maxAttempts": 0},
    }
    house.add(job)
    run: JsonObject = house.ask("cron", "run", agent, "--wait", code=code)["run"]
    return run


def test_an_agent_that_does_not_get_to_its_model_is_given_up_with_its_phase(house: Stentor) -> None:
    run = turn_of(house, "hesitant", seconds=3, code=6)

    assert (run["status"], run["errorKind"], run["phase"]) == ("timeout", "stalled", "context-engine")
    assert run["error"] == "stalled before first model call (last phase: context-engine)"
    assert 1500 <= run["durationMs"] < 3000


def test_a_program_that_prints_its_answer_at_the_end_may_use_the_whole_time(house: Stentor) -> None:
    run = turn_of(house, "silent", seconds=2.5, code=0)

    assert (run["status"], run["summary"]) == ("ok", "done")
