"""The product's own copies of files that runs want sent. A later edit of the original changes nothing."""

import asyncio
import hashlib
import mimetypes
import shutil
from pathlib import Path

from stentor.contract.payloads import Attachment
from stentor.ports import AttachmentLost

_LARGEST = 50 * 1024 * 1024


class FileSpool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def take(self, path: str, name: str | None, root: Path | None) -> Attachment:
        return await asyncio.to_thread(self._take, path, name, root)

    def _take(self, path: str, name: str | None, root: Path | None) -> Attachment:
        if root is None:
            raise AttachmentLost(
                f"{path}: the agent has no workspace to send files from; set agents.NAME.workspace"
            )
        source = (root / path).resolve()
        if not source.is_relative_to(root.resolve()):
            raise AttachmentLost(f"{path}: lies outside the agent's workspace")
        if not source.is_file():
            raise AttachmentLost(f"{path}: not found in the agent's workspace")
        size = source.stat().st_size
        if size > _LARGEST:
            raise AttachmentLost(f"{path}: {size} bytes, more than the {_LARGEST} allowed")
        return self._keep(source, name or source.name, size)

    def _keep(self, source: Path, name: str, size: int) -> Attachment:
        with source.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self._folder / digest
        if not kept.exists():
            shutil.copyfile(source, kept)
            kept.chmod(0o600)
        return Attachment(name, kept, mimetypes.guess_type(name)[0] or "application/octet-stream", size)
