"""An agent that only announces its work is asked for the result once; one that was refused has failed."""

from collections.abc import Callable

import pytest

from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    AttachmentRef,
    Final,
    Message,
    RunnerEvent,
    TextDelta,
    TurnRequest,
    Usage,
)
from stentor.services.outcomes import TurnOutcome
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.scenes import CALLED, Scene, SpeakingRunner, Speech, acted
from tests.services.stories import adding, job, runs

MESSAGE = "[cron:brief Brief] daily brief"
ANNOUNCED = Final("On it!")


Line = RunnerEvent | float | Exception | str


class Talk:
    """A runner that answers its turns one after the other; a number is a pause in seconds, a word a tool it calls."""

    def __init__(self, *turns: list[Line]) -> None:
        self._turns = list(turns)
        self.requests: list[TurnRequest] = []

    async def __call__(self, request: TurnRequest) -> Speech:
        self.requests.append(request)
        for line in self._turns.pop(0):
            if isinstance(line, float):
                await pass_time(line)
            elif isinstance(line, Exception):
                raise line
            elif isinstance(line, str):
                await request.call_tool(line, {})
            else:
                yield line


async def answering(scene: Scene) -> TurnOutcome:
    return await scene.take()


def test_an_announcement_is_followed_by_a_second_turn_that_knows_the_first(fast_home) -> None:
    talk = Talk([CALLED, ANNOUNCED], [CALLED, Final("Three items.")])

    async def play(scene: Scene) -> tuple[TurnOutcome, tuple[Message, ...]]:
        return await scene.take(), await scene.said()

    outcome, said = acted(fast_home, talk, play)
    assert outcome.text == "Three items."
    assert outcome.warnings == ()
    first, second = talk.requests
    assert first.question == MESSAGE
    assert first.message.startswith(
        f"{MESSAGE}\n\nCurrent time: Wednesday, 1 July 2026, 07:00 (UTC, UTC+00:00)\n"
    )
    assert second.message.startswith("Your last message only announces work")
    assert [(entry.role, entry.text) for entry in second.history] == [
        ("user", first.message),
        ("assistant", "On it!"),
    ]
    # The last is written down with the end of the run.
    assert (*said, *outcome.messages) == (
        Message("user", first.message),
        Message("assistant", "On it!"),
        Message("user", second.message),
        Message("assistant", "Three items."),
    )


def test_an_agent_is_asked_again_once_and_what_it_then_says_is_sent_with_a_warning(fast_home) -> None:
    talk = Talk([ANNOUNCED], [Final("Still working on it.")])
    outcome = acted(fast_home, talk, answering)
    assert outcome.text == "Still working on it."
    assert outcome.warnings == ("interim: the agent only announces work, also when it was asked again",)


@pytest.mark.parametrize(
    ("turn", "text", "warned"),
    [
        pytest.param(
            [TextDelta("Three "), TextDelta("items."), "page", Final("")], "Three items.", 1, id="said once"
        ),
        pytest.param(
            [TextDelta("Looking."), "page", TextDelta("Three items."), "page", "page", Final("\u200b")],
            "Three items.",
            1,
            id="the last of several",
        ),
        pytest.param(
            [TextDelta("Looking."), "page", Final("Three items.")], "Three items.", 0, id="an answer"
        ),
        pytest.param([TextDelta("Looking."), "page", Final("NO_REPLY")], "NO_REPLY", 0, id="silence"),
        pytest.param(["page", Final("")], "", 0, id="nothing was said"),
        pytest.param([TextDelta("<think>hm</think>"), "page", Final("")], "", 0, id="only thoughts"),
        pytest.param(
            [TextDelta("Here."), "page", Final("", (AttachmentRef("report.pdf"),))],
            "",
            0,
            id="the answer is a file",
        ),
    ],
)
def test_what_is_said_beside_a_call_is_the_answer_where_nothing_else_is(
    fast_home, turn, text, warned
) -> None:
    outcome = acted(fast_home, Talk([CALLED, *turn]), answering)
    assert outcome.text == text
    assert [warning.partition(":")[0] for warning in outcome.warnings] == ["empty"] * warned


def test_an_announcement_beside_a_call_is_no_answer_either(fast_home) -> None:
    talk = Talk([TextDelta("On it!"), "page", Final("")], [Final("Three items.")])
    outcome = acted(fast_home, talk, answering)
    assert (outcome.text, outcome.warnings) == ("Three items.", ())


def test_a_refusal_beside_a_call_is_a_failure_where_nothing_else_is_said(fast_home) -> None:
    talk = Talk([TextDelta("SYSTEM_RUN_DENIED: no"), "page", Final("")])
    assert acted(fast_home, talk, lambda scene: scene.failure()).kind == "denied"


def test_half_characters_of_two_pieces_are_one_and_others_are_marked(fast_home) -> None:
    talk = Talk(
        [TextDelta("Hi \ud83d"), TextDelta("\ude00 \ud83d"), "page", Final("\ufeffx \ud83d\ude00 \ude00")]
    )

    async def play(scene: Scene) -> None:
        outcome = await scene.take()
        assert outcome.text == "x \U0001f600 \ufffd"
        assert [entry.text for entry in await scene.said()][1] == "Hi \U0001f600 \ufffd"

    acted(fast_home, talk, play)


@pytest.mark.parametrize(
    "final",
    [
        pytest.param(Final("Based on itinerary 7"), id="a result"),
        pytest.param(
            Final("On it.", attachments=(AttachmentRef("report.pdf"),)), id="an announcement with a file"
        ),
        pytest.param(Final("On it. NO_REPLY"), id="silence"),
    ],
)
def test_an_agent_that_has_answered_is_not_asked_again(fast_home, final) -> None:
    talk = Talk([CALLED, final])
    assert acted(fast_home, talk, answering).text == final.text
    assert len(talk.requests) == 1


def test_a_runner_that_had_to_be_stopped_is_not_asked_again(fast_home) -> None:
    talk = Talk([CALLED, ANNOUNCED, 60.0])

    async def play(scene: Scene) -> TurnOutcome:
        return await scene.take(timeoutSeconds=20)

    assert acted(fast_home, talk, play).text == "On it!"
    assert len(talk.requests) == 1


def test_both_turns_share_the_time_of_one(fast_home) -> None:
    talk = Talk([CALLED, 12.0, ANNOUNCED], [CALLED, 60.0, Final("late")])

    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=20)
        assert (failure.kind, scene.seconds) == ("timeout", 20)
        assert [entry.role for entry in await scene.said()] == ["user", "assistant", "user"]

    acted(fast_home, talk, play)
    first, second = talk.requests
    assert second.deadline == first.deadline


def test_a_turn_without_limit_has_none_the_second_time_either(fast_home) -> None:
    talk = Talk([CALLED, 7000.0, ANNOUNCED], [CALLED, 7000.0, Final("done")])

    async def play(scene: Scene) -> TurnOutcome:
        return await scene.take(timeoutSeconds=0)

    assert acted(fast_home, talk, play).text == "done"


@pytest.mark.parametrize(
    ("first", "second", "sum_of_both"),
    [
        (Usage(10, 2, None, 0.25), Usage(20, 3, None, 0.5), Usage(30, 5, None, 0.75, context=20)),
        (Usage(10, None), Usage(None, 3), Usage(10, 3, context=10)),
    ],
    ids=["both told", "one told"],
)
def test_the_run_pays_for_both_turns(fast_home, first, second, sum_of_both) -> None:
    assert acted(fast_home, Talk([first, ANNOUNCED], [second, Final("done")]), answering).usage == sum_of_both


def test_a_second_turn_that_fails_is_the_failure_of_the_run_and_the_first_one_is_paid_for(fast_home) -> None:
    talk = Talk([Usage(10, 2), ANNOUNCED], [Usage(20, 3), RunnerError("overloaded", "too busy")])

    async def play(scene: Scene) -> None:
        failure = await scene.failure()
        assert (failure.kind, failure.usage) == ("overloaded", Usage(30, 5, context=20))

    acted(fast_home, talk, play)


def test_a_refusal_in_place_of_an_answer_is_a_failure(fast_home) -> None:
    async def play(scene: Scene) -> None:
        failure = await scene.failure()
        assert failure.kind == "denied"
        assert str(failure).startswith("SYSTEM_RUN_DENIED: approval required")

    acted(fast_home, Talk([Final("SYSTEM_RUN_DENIED: approval required")]), play)


def speaking(final: Final) -> Callable[[TurnRequest], Speech]:
    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        yield final

    return speech


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Report attached.", "Report attached.\n\nFile not sent: x.png"),
        ("NO_REPLY", "File not sent: x.png"),
    ],
    ids=["beside a text", "instead of silence"],
)
def test_a_file_that_is_missing_is_named_in_the_text(fast_home, text, sent) -> None:
    provider = Provider()
    runner = SpeakingRunner(speaking(Final(text, (AttachmentRef("out/x.png"),))))
    asked = job(payload={"kind": "agentTurn", "message": "go"})
    Simulation(fast_home, [scripted_channel("page", provider)], [runner]).live(adding(asked), seconds=60)
    assert [run["status"] for run in runs(fast_home)] == ["ok"]
    assert [part.text for part in provider.accepted] == [sent]
