"""The product's own copies of files that runs want sent. A later edit of the original changes nothing."""

import asyncio
import hashlib
import mimetypes
import shutil
from dataclasses import replace
from pathlib import Path

from stentor.contract.payloads import Attachment
from stentor.ports import AttachmentLost

_LARGEST = 50 * 1024 * 1024


class FileSpool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def take(self, path: str, name: str | None, root: Path | None) -> Attachment:
        return await asyncio.to_thread(self._take, path, name, root)

    async def look(self, path: str, name: str | None, root: Path | None) -> Attachment:
        return await asyncio.to_thread(_found, path, name, root)

    def _take(self, path: str, name: str | None, root: Path | None) -> Attachment:
        found = _found(path, name, root)
        with found.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self._folder / digest
        if not kept.exists():
            shutil.copyfile(found.path, kept)
            kept.chmod(0o600)
        return replace(found, path=kept)


def _found(path: str, name: str | None, root: Path | None) -> Attachment:
    """A file inside `root` that can be read."""
    if root is None:
        raise AttachmentLost(
            f"{path}: the agent has no workspace to send files from; set agents.NAME.workspace"
        )
    try:
        return _inside(root, path, name)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise AttachmentLost(f"{path}: cannot be read ({why or 'not a path'})") from error


def _inside(root: Path, path: str, name: str | None) -> Attachment:
    source = (root / path).resolve()
    if not source.is_relative_to(root.resolve()):
        raise AttachmentLost(f"{path}: lies outside the agent's workspace")
    if not source.is_file():
        raise AttachmentLost(f"{path}: not found in the agent's workspace")
    with source.open("rb"):
        size = source.stat().st_size
    if size > _LARGEST:
        raise AttachmentLost(f"{path}: {size} bytes, more than the {_LARGEST} allowed")
    name = name or source.name
    return Attachment(name, source, mimetypes.guess_type(name)[0] or "application/octet-stream", size)
