"""Sessions that have been paired once and are copied from then on."""

import shutil
from pathlib import Path

from .certificates import Authority
from .companion import companion
from .server import WhatsApp


async def paired(authority: Authority, path: Path, number: str) -> Path:
    """Put the session database of a device that belongs to the number's phone at the path."""
    ready = authority.folder / "sessions" / f"{number}.db"
    if not ready.exists():
        ready.parent.mkdir(exist_ok=True)
        await _pair(authority, ready, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ready, path)
    return path


async def _pair(authority: Authority, ready: Path, number: str) -> None:
    draft = ready.with_suffix(".draft")
    async with (
        WhatsApp(authority, number) as server,
        companion(draft, server.proxy_url, server.environment) as client,
    ):
        await server.scan((await client.event("qr"))["text"])
        await client.event("Connected")
        await client.ask("stop")
    draft.rename(ready)
