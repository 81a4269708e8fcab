"""What a session remembers of a turn: everything, as it is said, in a form that can be kept, and no secrets."""

from pathlib import Path

from stentor.contract.runners import Final, Message, TextDelta, ToolUse, TurnRequest
from stentor.domain.redaction import Redactor
from tests.services.scenes import CALLED, Scene, Speech, acted

SECRET = "hunter2-hunter2"


def test_what_was_said_before_a_call_the_call_and_its_answer_stand_in_order(fast_home: Path) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield TextDelta("Let me ")
        yield TextDelta("page them.")
        await request.call_tool("page", {"who": "ops"})
        await request.call_tool("fax", {})
        yield Final("Done.")

    async def play(scene: Scene) -> None:
        outcome = await scene.take()
        assert outcome.messages == (Message("assistant", "Done."),)
        _, *said = await scene.said()
        assert said == [
            Message("assistant", "Let me page them.", (ToolUse("r-1-1", "page", {"who": "ops"}),)),
            Message("tool", "paged for r-1", call_id="r-1-1"),
            Message("assistant", "", (ToolUse("r-1-2", "fax", {}),)),
            Message("tool", "failed: there is no tool 'fax'; available: page", call_id="r-1-2"),
        ]

    acted(fast_home, speech, play)


def test_a_call_is_on_record_before_its_tool_runs(fast_home: Path) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        await request.call_tool("look", {})
        yield Final("Done.")

    async def play(scene: Scene) -> None:
        await scene.take()
        (entries,) = scene.tool_calls
        assert [entry.role for entry in entries] == ["user", "assistant"]

    acted(fast_home, speech, play, looks=True)


def test_what_cannot_be_stored_is_marked_and_stops_nothing(fast_home: Path) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield TextDelta("\ud800\x00")
        await request.call_tool("page", {"\udfff": [float("nan"), {"b": "\ud800"}]})
        yield Final("done \ud800")

    async def play(scene: Scene) -> None:
        assert (await scene.take()).text == "done �"
        call = (await scene.said())[1]
        assert (call.text, call.calls[0].args) == ("��", {"�": ["NaN", {"b": "�"}]})

    acted(fast_home, speech, play)


def test_no_secret_is_kept(fast_home: Path) -> None:
    redactor = Redactor()
    redactor.learn(SECRET)

    async def speech(request: TurnRequest) -> Speech:
        yield TextDelta(f"I use {SECRET}")
        await request.call_tool(SECRET, {SECRET: [SECRET]})
        yield Final("Done.")

    async def play(scene: Scene) -> None:
        await scene.take()
        assert SECRET not in str(await scene.said())

    acted(fast_home, speech, play, clean=redactor.clean)
