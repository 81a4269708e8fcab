"""Parts to send."""

from pathlib import Path

from stentor import Part, TargetHints
from stentor.contract.payloads import Attachment, Manner
from stentor_discord import DiscordChannel

CHANNEL = DiscordChannel()
QUIET_MANNER = Manner()


def part(
    target: str = "discord:channel:555",
    text: str = "Good **morning**",
    *,
    files: tuple[Attachment, ...] = (),
    manner: Manner = QUIET_MANNER,
) -> Part:
    return Part(
        id="d1-1",
        delivery_id="d1",
        target=CHANNEL.parse_target(target, TargetHints()),
        n=1,
        of=1,
        text=text,
        attempt=1,
        format="markdown",
        attachment=files[0] if files else None,
        album=files[1:],
        manner=manner,
    )


def attachment(folder: Path, name: str, content: bytes = b"content") -> Attachment:
    path = folder / f"{len(list(folder.iterdir()))}.bin"
    path.write_bytes(content)
    return Attachment(name, path, "application/octet-stream", len(content))
