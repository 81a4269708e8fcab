"""What a strict provider refuses of a history: written down apart from the code that avoids it."""

from collections.abc import Sequence

from stentor.contract.runners import Message


def flaws(history: Sequence[Message]) -> list[str]:
    """Why it is not accepted with a question of the user behind it."""
    found: list[str] = []
    owed: list[str] = []
    before = "assistant"
    for entry in history:
        if entry.role == "tool":
            if entry.call_id in owed:
                owed.remove(entry.call_id)
            else:
                found.append(f"an answer to {entry.call_id}, which nobody called")
            before = "tool"
            continue
        if owed:
            found.append(f"{entry.role} speaks before {owed} is answered")
        if entry.role == "system":
            continue
        if entry.role == "user" and before != "assistant":
            found.append(f"the user after {before}")
        if entry.role == "assistant" and before not in ("user", "tool"):
            found.append(f"the assistant after {before}")
        owed = [call.id for call in entry.calls]
        before = "call" if entry.calls else entry.role
    if owed or before != "assistant":
        found.append(f"the user cannot go on after {before}")
    return found
