"""What comes in: messages that people write to an account."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stentor.contract.targets import Target


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as it came in. `target` is where an answer to it goes, thread and all.

    `sender` is the provider's id of who wrote it. `direct` says that nobody else reads along, and `addressed` that in
    company we were named or answered. `files` are the names of what came with it.
    """

    target: Target
    message_id: str
    sender: str
    text: str
    at: datetime
    sender_name: str = ""
    direct: bool = False
    addressed: bool = False
    reply_to: str = ""
    files: tuple[str, ...] = ()


class Inbox(Protocol):
    """Takes in what people write."""

    async def put(self, message: Incoming) -> None:
        """Keep a message. Only when this has returned may the provider be told that it was taken."""
        ...
