"""Trouble with one root is told once at each place, however many jobs meet it."""

from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError, RunnerErrorKind, Throttled
from stentor.contract.runners import TurnRequest
from stentor.testing.scripted import Provider
from stentor.testing.virtual_time import pass_time
from tests.services.stories import JsonObject
from tests.services.towns import GLOBALLY, Streak, Town, failing

KEY_GONE = '⚠️ Agent "main" fails: the key is not valid (last phase: model-call-started)'


def no_key(failures: int = 10**6) -> Streak:
    return Streak(failures, "the key is not valid", "auth")


def jobs(many: int, **changes: object) -> list[JsonObject]:
    return [failing(id=f"j{number}", name=f"J{number:02}", **changes) for number in range(many)]


def last_text(provider: Provider) -> str:
    return provider.accepted[-1].text


def test_what_an_agent_does_to_all_its_jobs_is_told_once_and_names_them(fast_home: Path) -> None:
    town = Town(fast_home, no_key(20), GLOBALLY).live(*jobs(20), seconds=90)
    assert town.told == [("ops:global", KEY_GONE)]
    assert 'Jobs concerned: "J00", "J01", ' in last_text(town.ops)
    assert '"J11" and 8 more' in last_text(town.ops)
    assert [(found["cause"], found["count"]) for found in town.incidents] == [("agent_failing", 20)]


def test_that_an_agent_is_good_again_is_told_once_when_one_of_its_jobs_is(fast_home: Path) -> None:
    town = Town(fast_home, no_key(12), GLOBALLY).live(*jobs(12), seconds=200)
    (_, failed), (_, recovered) = town.told
    assert failed == KEY_GONE
    assert recovered.startswith('✅ Agent "main" is good again; it failed 12 times since 2026-07-01T07:0')
    assert town.incidents == []


def test_each_audience_hears_of_its_own_jobs_alone(fast_home: Path) -> None:
    two = [failing(id=name, name=name, delivery={"to": f"page:{name}"}) for name in ("north", "south")]
    town = Town(fast_home, no_key()).live(*two, seconds=200)
    assert sorted(town.told) == [("page:north", KEY_GONE), ("page:south", KEY_GONE)]
    texts = {part.target.id: part.text for part in town.page.accepted}
    assert 'Jobs concerned: "north"\n' in texts["north"]
    assert 'Jobs concerned: "south"\n' in texts["south"]


def test_an_agent_that_fails_once_is_nothing_to_tell_where_a_job_waits_for_the_second_time(
    fast_home: Path,
) -> None:
    town = Town(fast_home, no_key(1)).live(failing(), seconds=300)
    assert (town.told, town.incidents) == ([], [])


@pytest.mark.parametrize("kind", ["auth", "network", "overloaded", "rate_limit", "unavailable"])
def test_errors_that_lie_in_the_agent_are_the_agents(fast_home: Path, kind: RunnerErrorKind) -> None:
    town = Town(fast_home, Streak(kind=kind), GLOBALLY).live(failing(), seconds=90)
    assert [found["cause"] for found in town.incidents] == ["agent_failing"]


@pytest.mark.parametrize("kind", ["crashed", "context", "filtered", "timeout", "bad_request"])
def test_errors_that_may_lie_in_the_job_are_the_jobs(fast_home: Path, kind: RunnerErrorKind) -> None:
    town = Town(fast_home, Streak(kind=kind), GLOBALLY).live(*jobs(2), seconds=90)
    assert {(found["cause"], found["root"]) for found in town.incidents} == {
        ("failing", "j0"),
        ("failing", "j1"),
    }


def test_a_job_with_trouble_of_its_own_goes_on_with_that(fast_home: Path) -> None:
    kinds: list[RunnerErrorKind] = ["crashed"]

    async def turn(request: TurnRequest) -> str:
        kind: RunnerErrorKind = kinds.pop() if kinds else "auth"
        raise RunnerError(kind, request.message)

    town = Town(fast_home, turn, GLOBALLY).live(failing(), seconds=250)
    assert [found["cause"] for found in town.incidents] == ["failing"]
    assert len(town.told) == 1


def test_an_agent_whose_jobs_are_gone_is_nobodys_trouble(fast_home: Path) -> None:
    town = Town(fast_home, no_key(), GLOBALLY).live(failing(), seconds=90)
    assert len(town.incidents) == 1

    async def remove(operations: Operations) -> None:
        await operations.remove_job("brief")

    town.told_to(remove, seconds=70)
    assert town.incidents == []
    assert len(town.told) == 1


class Slow:
    """An agent that is quick once, and then takes its time."""

    begun = 0

    async def __call__(self, request: TurnRequest) -> str:
        self.begun += 1
        if self.begun > 1:
            await pass_time(230)
        return request.message


def test_instants_that_find_the_last_run_unfinished_are_told_to_those_who_want_it(fast_home: Path) -> None:
    wanted = {"after": 2, "includeSkipped": True}
    town = Town(fast_home, Slow(), GLOBALLY).live(failing(failureAlert=wanted), seconds=260)
    assert town.told == [("ops:global", '⚠️ Job "Brief" was skipped 2 times in a row')]
    assert "Skip reason: overlap" in last_text(town.ops)


def test_nobody_else_hears_of_them(fast_home: Path) -> None:
    town = Town(fast_home, Slow(), GLOBALLY).live(failing(), seconds=260)
    assert (town.told, town.incidents) == ([], [])


def test_that_a_job_is_not_skipped_any_more_is_told_too(fast_home: Path) -> None:
    wanted = {"after": 2, "includeSkipped": True}
    town = Town(fast_home, Slow(), GLOBALLY).live(failing(failureAlert=wanted), seconds=370)
    assert [text.split(";")[0] for _, text in town.told] == [
        '⚠️ Job "Brief" was skipped 2 times in a row',
        '✅ Job "Brief" is good again',
    ]
    assert "it was skipped 3 times since" in last_text(town.ops)


def test_an_account_that_may_not_write_for_long_is_told_of_with_the_reason_and_when_it_may(
    fast_home: Path,
) -> None:
    town = Town(fast_home, config=GLOBALLY)
    town.page.script.append(Throttled(3600, scope="account", message="no writing to strangers"))
    announcing = failing(payload={"kind": "text", "text": "tea"}, delivery={"to": "page:room1"})
    town.live(announcing, seconds=1800)

    assert [found["cause"] for found in town.incidents] == ["account_down"]
    ((place, told),) = town.told
    assert place == "ops:global"
    assert "page" in told
    assert "no writing to strangers" in told

    town.live(seconds=3600)
    assert [line[:1] for _, line in town.told] == ["⚠", "✅"]
    assert town.incidents == []
