"""Which packages of a pip extra of ours are not installed."""

import re
from importlib.metadata import PackageNotFoundError, requires, version

_REQUIREMENT = re.compile(r"""(?P<package>[A-Za-z0-9._-]+)[^;]*;.*extra\s*==\s*["'](?P<extra>[^"']+)["']""")


def missing(extra: str) -> list[str]:
    """Their names; nothing is imported."""
    found = [_REQUIREMENT.match(line) for line in requires("stentor") or ()]
    wanted = [match["package"] for match in found if match is not None and match["extra"] == extra]
    return [package for package in wanted if not _is_installed(package)]


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
