"""Parts to send, and files to send with them."""

from pathlib import Path
from typing import Any

from stentor import Part, Target, TargetHints
from stentor.contract.payloads import Attachment, Manner
from stentor_telegram import TelegramChannel

CHANNEL = TelegramChannel()
CHAT = "-1001234567890"
TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "mp4": "video/mp4", "mp3": "audio/mpeg"}


def target(text: str, thread: str | None = None) -> Target:
    return CHANNEL.parse_target(text, TargetHints(thread=thread)).on("default")


def part(to: str = CHAT, text: str = "Good morning", markup: str = "plain", **other: Any) -> Part:
    files = tuple(other.pop("files", ()))
    manner = Manner(**{name: other.pop(name) for name in list(other) if name in Manner.__slots__})
    return Part(
        id="d1-1",
        delivery_id="d1",
        target=target(to),
        n=1,
        of=1,
        text=text,
        attempt=1,
        format=markup,
        attachment=files[0] if files else None,
        album=files[1:],
        manner=manner,
        **other,
    )


def file(folder: Path, name: str, content: bytes = b"content", size: int | None = None) -> Attachment:
    path = folder / f"copy-of-{name}"
    path.write_bytes(content)
    kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return Attachment(name, path, kind, len(content) if size is None else size)
