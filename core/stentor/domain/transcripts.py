"""What a session remembers, made into a history that any model accepts: whatever was cut off has an end in it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from stentor.contract.runners import Message

UNANSWERED = "interrupted: the run ended before this call was answered; it may have had its effect"
CUT_SHORT = "(interrupted: there is no answer to this)"
UNPROMPTED = "(nobody asked)"
# Of one entry no more is told in a later turn.
LONGEST_TOLD = 50_000


def mended(entries: Sequence[Message]) -> tuple[Message, ...]:
    """It begins with the user, the user and the assistant take turns, and every call is answered at once.

    Events of the system may stand anywhere but between a call and its answers.
    """
    return tuple(_taking_turns(_answered(entries)))


def _answered(entries: Sequence[Message]) -> Iterator[Message]:
    """Each call with its answer behind it, and no answer without a call."""
    for at, entry in enumerate(entries):
        if entry.role == "tool":
            continue
        yield entry
        if entry.calls:
            given = _answers_after(entries, at)
            for call in entry.calls:
                yield given.get(call.id) or Message("tool", UNANSWERED, call_id=call.id)


def _answers_after(entries: Sequence[Message], at: int) -> dict[str, Message]:
    """What was answered in this turn: of calls at a time, one may be answered when others have begun."""
    given: dict[str, Message] = {}
    for entry in entries[at + 1 :]:
        if entry.role == "user":
            break
        if entry.role == "tool":
            given.setdefault(entry.call_id, entry)
    return given


def _taking_turns(entries: Iterator[Message]) -> Iterator[Message]:
    said: Message | None = None  # the last that was no event
    for entry in entries:
        if entry.role == "system":
            yield entry
            continue
        open_question = said is not None and not _is_answer(said)
        if entry.role == "user" and open_question:
            yield Message("assistant", CUT_SHORT)
        if entry.role == "assistant" and not open_question:
            yield Message("user", UNPROMPTED)
        yield entry
        said = entry
    if said is not None and not _is_answer(said):
        yield Message("assistant", CUT_SHORT)


def _is_answer(entry: Message) -> bool:
    return entry.role == "assistant" and not entry.calls


def within(entries: Sequence[Message], most: int) -> tuple[Message, ...]:
    """The end of a history that is not longer than so many characters, and begins with the user."""
    left = most
    begin = len(entries)
    for at in range(len(entries) - 1, -1, -1):
        left -= size(entries[at])
        if left < 0:
            break
        if entries[at].role == "user":
            begin = at
    return tuple(entries[begin:])


def shortened(entry: Message, most: int) -> Message:
    """An entry that says no more than that: a large one must not push out all the others."""
    text = entry.text if len(entry.text) <= most else f"{entry.text[: most - 1]}…"
    calls = tuple(
        call
        if len(str(call.args)) <= most
        else replace(call, args={"leftOut": "the arguments were too long"})
        for call in entry.calls
    )
    return replace(entry, text=text, calls=calls)


def size(entry: Message) -> int:
    return len(entry.text) + sum(len(call.name) + len(str(call.args)) for call in entry.calls)
