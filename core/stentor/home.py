"""Where a product lives. Apart from the configuration, because every command asks and few read it."""

import os
import sys
from collections.abc import Mapping

TYPE_CHECKING = False  # not imported from typing: `cron list` starts through here

if TYPE_CHECKING:
    from pathlib import Path


def home_dir(explicit: str | None, env: Mapping[str, str], *, platform: str = sys.platform) -> "Path":
    """As told, else `STENTOR_HOME`, else the platform's place for user data."""
    from pathlib import Path  # noqa: PLC0415 - see above

    return Path(home_path(explicit, env, platform=platform))


def home_path(explicit: str | None, env: Mapping[str, str], *, platform: str = sys.platform) -> str:
    chosen = explicit or env.get("STENTOR_HOME")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    user = env.get("HOME") or os.path.expanduser("~")
    if platform == "darwin":
        return os.path.join(user, "Library", "Application Support", "stentor")
    data = env.get("XDG_DATA_HOME", "")
    # The XDG rules say that a relative path is to be ignored.
    return os.path.join(data if os.path.isabs(data) else os.path.join(user, ".local", "share"), "stentor")
