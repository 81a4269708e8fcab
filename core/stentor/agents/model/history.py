"""The conversation so far, as the models' library writes it down."""

from collections.abc import Iterable, Iterator

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from stentor.contract.runners import BootstrapFile, Message, TurnRequest
from stentor.domain.halves import sound


def conversation(request: TurnRequest) -> list[ModelMessage]:
    """All that was said, and what is asked now."""
    asked = Message("user", request.message)
    instructions = instructions_of(request.instructions, request.bootstrap)
    return list(_messages((*request.history, asked), instructions or None))


def instructions_of(instructions: str, bootstrap: Iterable[BootstrapFile]) -> str:
    """What comes before the conversation: what is asked of the agent, then each file under its path."""
    files = (f"## {file.path}\n\n{file.text}" for file in bootstrap)
    return sound("\n\n".join(part.strip() for part in (instructions, *files) if part.strip()))


def _messages(entries: Iterable[Message], instructions: str | None) -> Iterator[ModelMessage]:
    """Neighbours on our side of the conversation are one message."""
    names: dict[str, str] = {}
    waiting: list[ModelRequestPart] = []
    for entry in entries:
        if entry.role != "assistant":
            waiting.append(_said_to_it(entry, names))
        elif entry.text or entry.calls:
            yield ModelRequest(parts=waiting)
            waiting = []
            names |= {call.id: call.name for call in entry.calls}
            yield _said_by_it(entry)
    # The library looks for them from the end.
    yield ModelRequest(parts=waiting, instructions=instructions)


def _said_to_it(entry: Message, names: dict[str, str]) -> ModelRequestPart:
    if entry.role == "tool":
        return ToolReturnPart(names.get(entry.call_id, "tool"), sound(entry.text), entry.call_id)
    return UserPromptPart(sound(entry.text))


def _said_by_it(entry: Message) -> ModelResponse:
    text = [TextPart(sound(entry.text))] if entry.text else []
    calls = [ToolCallPart(call.name, dict(call.args), call.id) for call in entry.calls]
    return ModelResponse(parts=[*text, *calls])
