"""The time zone of the machine, for jobs that name none."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_ZONE_FOLDER = "zoneinfo/"


def host_timezone(env: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str | None:
    """The IANA name of the host's zone: `TZ`, else the link /etc/localtime, else /etc/timezone."""
    return next((name for name in _zone_candidates(env, root) if is_zone(name)), None)


def _zone_candidates(env: Mapping[str, str], root: Path) -> Iterator[str]:
    told = env.get("TZ", "").removeprefix(":")
    yield _zone_behind(Path(told)) if told.startswith("/") else told
    yield _zone_behind(root / "etc" / "localtime")
    try:
        yield (root / "etc" / "timezone").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return


def _zone_behind(path: Path) -> str:
    """The zone a path means. The first link says it best: the end of the chain may be another zone's file."""
    link = path.readlink() if path.is_symlink() else path
    for text in (str(path), str(link), os.path.realpath(path)):
        _, folder, name = text.partition(_ZONE_FOLDER)
        if folder:
            return name.removeprefix("posix/").removeprefix("right/")
    return ""


def is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - most starts need no time zone

    if not name or name == "localtime":
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
