"""What Telegram takes: lengths, paces, and which files it shows as what. And how long we wait for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stentor import Limits
from stentor.contract.payloads import Attachment
from stentor.contract.traits import Rate

FileKind = Literal["photo", "animation", "video", "audio", "document"]

LIMITS = Limits(
    text=4096,
    unit="utf16",
    counted="shown",
    stretches=100,
    caption=1024,
    attachment_bytes=50_000_000,
    album=10,
)
AT_ONCE = 8
MESSAGES_PER_SECOND = 30.0

_PHOTO_BYTES = 10_000_000
_KINDS: dict[str, FileKind] = {
    "image/jpeg": "photo",
    "image/png": "photo",
    "image/webp": "photo",
    "image/gif": "animation",
    "video/mp4": "video",
    "audio/mpeg": "audio",
    "audio/mp3": "audio",
    "audio/mp4": "audio",
    "audio/m4a": "audio",
    "audio/x-m4a": "audio",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. The first four are for single steps of a request, the others for the whole of it."""

    connect: float = 10
    write: float = 30
    read: float = 30
    pool: float = 5
    message: float = 60
    files: float = 280
    poll: float = 50


def rates(messages_per_second: float) -> tuple[Rate, ...]:
    """The pace of one account, and of each chat: short bursts are borne, then it is a message a second."""
    return (
        Rate(messages_per_second, burst=max(1, int(messages_per_second))),
        Rate(1, burst=5, scope="target"),
    )


def kinds_of(files: Sequence[Attachment]) -> list[FileKind]:
    """How the files of one message are sent. Pictures and films may be mixed, and nothing else."""
    kinds: list[FileKind] = [_kind(file) for file in files]
    together = set(kinds)
    alike = len(files) == 1 or together <= {"photo", "video"} or together == {"audio"}
    return kinds if alike else as_documents(files)


def as_documents(files: Sequence[Attachment]) -> list[FileKind]:
    return ["document"] * len(files)


def _kind(file: Attachment) -> FileKind:
    kind = _KINDS.get(file.media_type.partition(";")[0].strip().lower(), "document")
    return "document" if kind == "photo" and file.size > _PHOTO_BYTES else kind
