"""Whatever is left of a transcript, the next turn gets a history that any model accepts."""

from hypothesis import given
from hypothesis import strategies as st
from tests.histories import flaws

from stentor.contract.runners import Message, ToolUse
from stentor.domain.transcripts import CUT_SHORT, UNANSWERED, UNPROMPTED, mended, within

USER, ANSWER = Message("user", "What is new?"), Message("assistant", "Nothing.")
EVENT = Message("system", "the disk is full")


def calling(*ids: str) -> Message:
    return Message("assistant", "", tuple(ToolUse(name, "message", {"to": "a"}) for name in ids))


def answering(call_id: str, text: str = "sent") -> Message:
    return Message("tool", text, call_id=call_id)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    """Turns as they are written down: each call before its tool runs, events whenever they come."""
    said: list[Message] = []
    number = 0
    for _ in range(draw(st.integers(1, 4))):
        said.append(USER)
        for _ in range(draw(st.integers(0, 3))):
            ids = [str(number := number + 1) for _ in range(draw(st.integers(1, 3)))]
            said.append(calling(*ids))
            said += [answering(name) for name in draw(st.permutations(ids))]
            if draw(st.booleans()):
                said.append(EVENT)
        said.append(ANSWER)
    return said


@given(turns())
def test_a_transcript_that_is_whole_stays_as_it_is_but_for_the_place_of_events(said: list[Message]) -> None:
    assert flaws(mended(said)) == []
    answers = sorted(entry.call_id for entry in said if entry.role == "tool")
    kept = mended(said)
    assert [entry for entry in kept if entry.role != "tool"] == [
        entry for entry in said if entry.role != "tool"
    ]
    assert sorted(entry.call_id for entry in kept if entry.role == "tool") == answers


@given(turns(), turns(), st.data())
def test_a_transcript_that_was_cut_anywhere_is_accepted_and_so_is_what_follows(first, second, data) -> None:
    cut = data.draw(st.integers(0, len(first)))
    history = mended([*first[:cut], *second])
    assert flaws(history) == []
    assert history[-1] == ANSWER
    assert mended(history) == history


@given(
    st.lists(st.sampled_from([USER, ANSWER, EVENT, calling("1"), answering("1"), answering("2")])), st.data()
)
def test_whatever_stands_there_becomes_a_history(said: list[Message], data) -> None:
    assert flaws(mended(said)) == []
    tail = within(said, data.draw(st.integers(0, 60)))
    assert flaws(mended(tail)) == []
    assert not tail or tail[0].role == "user"


def test_a_call_that_nobody_answered_is_answered_as_interrupted() -> None:
    history = mended([USER, calling("1", "2"), answering("1")])
    assert history == (
        USER,
        calling("1", "2"),
        answering("1"),
        Message("tool", UNANSWERED, call_id="2"),
        Message("assistant", CUT_SHORT),
    )


def test_a_question_without_an_answer_says_so() -> None:
    assert mended([USER, USER, ANSWER]) == (USER, Message("assistant", CUT_SHORT), USER, ANSWER)


def test_what_nobody_asked_for_has_a_user_in_front_of_it() -> None:
    assert mended([ANSWER]) == (Message("user", UNPROMPTED), ANSWER)


def test_only_the_end_of_a_long_history_is_told_and_it_begins_with_a_question() -> None:
    long = Message("assistant", "x" * 100)
    assert within([USER, long, USER, ANSWER], 50) == (USER, ANSWER)
    assert within([USER, long], 50) == ()
    assert within([USER, ANSWER], 10**6) == (USER, ANSWER)
