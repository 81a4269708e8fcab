"""Time zone databases for the tests of schedules."""

import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.requirements import lacking
from tests.simulation.conftest import seed  # noqa: F401 - a fixture

from stentor.adapters.tz_database import choose_tz_database
from stentor.domain.cron import forget_zones

_HOST = Path("/usr/share/zoneinfo")


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """What one test has computed must not answer for another."""
    forget_zones()


@pytest.fixture(scope="module", params=["host", "package"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """One of the databases at hand, in use; its version and source name it."""
    folder = {"host": str(_HOST), "package": ""}[request.param]
    if folder and not _HOST.is_dir():
        lacking("a time zone database of the machine's own")
    before = zoneinfo.TZPATH
    yield str(choose_tz_database({"PYTHONTZPATH": folder}))
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()
    forget_zones()
