"""Where a product lives. Apart from the configuration, because every command asks and few read it."""

import sys
from collections.abc import Mapping
from pathlib import Path


def home_dir(explicit: str | None, env: Mapping[str, str], *, platform: str = sys.platform) -> Path:
    """As told, else `STENTOR_HOME`, else the platform's place for user data."""
    chosen = explicit or env.get("STENTOR_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    user = Path(env.get("HOME") or Path.home())
    if platform == "darwin":
        return user / "Library" / "Application Support" / "stentor"
    data = Path(env.get("XDG_DATA_HOME", ""))
    # The XDG rules say that a relative path is to be ignored.
    return (data if data.is_absolute() else user / ".local" / "share") / "stentor"
