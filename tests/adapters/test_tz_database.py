import os
import shutil
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import tzdata

from stentor.adapters.tz_database import choose_tz_database, tz_database
from stentor.domain.cron import forget_zones
from stentor.domain.instants import from_iso, iso
from stentor.domain.refusals import Refused
from stentor.domain.schedules import Cron, next_after
from stentor.domain.tz_databases import TzDatabase

PACKAGED = Path(tzdata.__path__[0]) / "zoneinfo"
NEWER, OLDER = "2099a", "1999z"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = zoneinfo.TZPATH
    yield
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()
    forget_zones()


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A database that knows a few zones, and takes Berlin for Tokyo."""
    folder = tmp_path / "zoneinfo"
    for name, source in (("Etc/UTC", "Etc/UTC"), ("Europe/Berlin", "Asia/Tokyo")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGED / source, folder / name)
    return folder


def note(folder: Path, text: str, name: str = "tzdata.zi") -> None:
    (folder / name).write_text(text)


def berlin() -> timedelta | None:
    return datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset()


def test_a_newer_database_of_the_host_is_used(host: Path) -> None:
    note(host, f"# version {NEWER}\n# This zic input file is in the public domain.\n")

    assert choose_tz_database({}, [str(host)]) == TzDatabase(NEWER, "host", (str(host),))
    assert berlin() == timedelta(hours=9)
    # A name that it lacks is still found.
    assert zoneinfo.ZoneInfo("America/New_York").key == "America/New_York"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"# version {OLDER}\n", id="older"),
        pytest.param("# version unknown\n", id="of no known version"),
        pytest.param(None, id="without a note"),
    ],
)
def test_the_package_is_used_instead_of_a_host_that_may_be_older(host: Path, text: str | None) -> None:
    if text is not None:
        note(host, text)

    chosen = choose_tz_database({}, [str(host)])

    assert (chosen.source, chosen.path) == ("package", (str(PACKAGED),))
    assert chosen.version == tzdata.IANA_VERSION
    assert berlin() == timedelta(hours=1)


@pytest.mark.parametrize("name", ["+VERSION", "version"])
def test_a_host_may_note_its_version_elsewhere(host: Path, name: str) -> None:
    note(host, f"{NEWER}\n", name)
    assert tz_database({}, [str(host)]).version == NEWER


def test_of_several_folders_the_newest_counts_and_of_equals_the_first(host: Path, tmp_path: Path) -> None:
    twin, older, empty = tmp_path / "twin", tmp_path / "older", tmp_path / "empty"
    shutil.copytree(host, twin)
    shutil.copytree(host, older)
    for folder, version in ((host, NEWER), (twin, NEWER), (older, OLDER)):
        note(folder, f"# version {version}\n")
    empty.mkdir()
    note(empty, "# version 2100a\n")

    chosen = tz_database({}, [str(folder) for folder in (tmp_path / "nowhere", empty, older, host, twin)])

    assert chosen.path == (str(host),)


@pytest.mark.parametrize("made", [True, False], ids=["no zones in it", "no such folder"])
def test_a_host_without_zones_has_no_database(tmp_path: Path, made: bool) -> None:
    if made:
        note(tmp_path, f"# version {NEWER}\n")

    assert tz_database({}, [str(tmp_path) if made else "/nowhere/zoneinfo"]).source == "package"


def test_a_path_that_the_user_has_chosen_is_respected_however_old(host: Path) -> None:
    note(host, f"# version {OLDER}\n")
    environ = {"PYTHONTZPATH": os.pathsep.join(("relative", str(host)))}

    assert choose_tz_database(environ) == TzDatabase(OLDER, "PYTHONTZPATH", (str(host),))
    assert berlin() == timedelta(hours=9)


@pytest.mark.parametrize(
    ("path", "searched"), [("", ()), ("/nowhere", ("/nowhere",))], ids=["empty", "nowhere"]
)
def test_a_path_without_zones_means_the_package(path: str, searched: tuple[str, ...]) -> None:
    chosen = choose_tz_database({"PYTHONTZPATH": path})

    assert chosen == TzDatabase(tzdata.IANA_VERSION, "PYTHONTZPATH", searched)
    assert berlin() == timedelta(hours=1)


def test_an_upgrade_of_the_host_counts_once_it_is_chosen_again(host: Path) -> None:
    note(host, f"# version {NEWER}\n")
    schedule = Cron(expr="0 9 * * *", tz="Europe/Berlin")
    now = from_iso("2026-01-01")

    before = choose_tz_database({}, [str(host)])
    assert choose_tz_database({}, [str(host)]) == before
    assert iso(next_after(schedule, now)) == "2026-01-02T00:00:00Z"

    shutil.copy(PACKAGED / "Africa/Nairobi", host / "Europe/Berlin")
    note(host, "# version 2099b\n")
    assert tz_database({}, [str(host)]) != before
    assert iso(next_after(schedule, now)) == "2026-01-02T00:00:00Z"

    assert choose_tz_database({}, [str(host)]).version == "2099b"
    assert iso(next_after(schedule, now)) == "2026-01-01T06:00:00Z"


def test_a_machine_without_any_database_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "tzdata")

    with pytest.raises(Refused) as refusal:
        tz_database({}, ["/nowhere"])

    assert refusal.value.code == "no_time_zones"
    assert "pip install tzdata" in refusal.value.hint


def test_looking_loads_no_zones() -> None:
    code = (
        "import sys; from stentor.adapters.tz_database import tz_database; tz_database(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert not {"zoneinfo", "pydantic", "croniter"} & set(done.stdout.split())


def test_this_machine_has_a_database() -> None:
    found = tz_database({})

    assert found.version >= tzdata.IANA_VERSION
    assert found.source in ("host", "package")
