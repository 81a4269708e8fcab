"""The time zone databases on this machine: the host's, and the one installed as the package tzdata.

zoneinfo takes the host's wherever there is one, however old it is. Two machines, or one before and after an upgrade,
would then run the same job at different times.
"""

import os
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from stentor.domain.tz_databases import UNKNOWN, Source, TzDatabase, newest, release_in

_CHOICE: Source = "PYTHONTZPATH"
_NOTES = ("tzdata.zi", "+VERSION", "version")


def tz_database(environ: Mapping[str, str] = os.environ, host: Iterable[str] | None = None) -> TzDatabase:
    """The newest database present, unless the environment chooses another. Only looks."""
    packaged = list(_databases(_package_folders(), "package"))
    if _CHOICE in environ:
        found = _chosen(environ[_CHOICE].split(os.pathsep), packaged)
    else:
        found = newest([*_databases(_host_folders() if host is None else host, "host"), *packaged])
    if found is None:
        raise _nothing_found()
    return found


def choose_tz_database(
    environ: Mapping[str, str] = os.environ, host: Iterable[str] | None = None
) -> TzDatabase:
    """Make every zone of this process come from that database, from now on."""
    import zoneinfo  # noqa: PLC0415 - who only looks needs no zones

    from stentor.domain.cron import forget_zones  # noqa: PLC0415 - nor what computes with them

    database = tz_database(environ, host)
    zoneinfo.reset_tzpath(database.path)
    zoneinfo.ZoneInfo.clear_cache()
    forget_zones()
    return database


def _chosen(folders: Iterable[str], packaged: list[TzDatabase]) -> TzDatabase | None:
    """The user's own search path. Where it leads to no zones, zoneinfo turns to the package."""
    path = tuple(folder for folder in folders if Path(folder).is_absolute())
    first = next(iter([*_databases(path, _CHOICE), *packaged]), None)
    return None if first is None else TzDatabase(first.version, _CHOICE, path)


def _databases(folders: Iterable[str], source: Source) -> Iterator[TzDatabase]:
    for folder in folders:
        if Path(folder, "Etc", "UTC").is_file():
            yield TzDatabase(_release_of(Path(folder)), source, (folder,))


def _release_of(folder: Path) -> str:
    for name in _NOTES:
        with suppress(OSError), (folder / name).open(encoding="latin-1") as note:
            release = release_in(note.readline(80))
            if release != UNKNOWN:
                return release
    return UNKNOWN


def _host_folders() -> list[str]:
    return str(sysconfig.get_config_var("TZPATH") or "").split(os.pathsep)


def _package_folders() -> list[str]:
    package = find_spec("tzdata")
    folders = package.submodule_search_locations if package else None
    return [str(Path(folder, "zoneinfo")) for folder in folders or ()]


def _nothing_found() -> Exception:
    from stentor.domain.refusals import Refused  # noqa: PLC0415 - costs a lot, and nearly nobody gets to see it

    return Refused(
        "no_time_zones",
        "this machine has no time zone database, so no local time can be told",
        hint="install it: `pip install tzdata`, or the tzdata package of the system",
    )
