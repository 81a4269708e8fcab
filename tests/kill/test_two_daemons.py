"""Two daemons on one store, as if there were no lock: the store alone decides who runs what.

The lock lies in the home. Two homes whose store is one file are two daemons that do not see each other.
"""

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

from stentor.adapters.sqlite.rows import number
from stentor.adapters.sqlite.snapshot import read_only
from tests.kill.house import House
from tests.kill.processes import Daemon
from tests.kill.waiting import eventually

INSTANTS, JOBS = 4, 25


def serve_by_the_side_door(house: House) -> Daemon:
    """A second daemon, whose home is another and whose store is the same."""
    home = house.folder / "again"
    home.mkdir(mode=0o700)
    for name in ("stentor.db", "stentor.toml"):
        (home / name).symlink_to(house.home / name)
    daemon = house.launch(sys.executable, "-m", "stentor.cli.main", "serve", "--home", str(home))
    daemon.heard("serving ")
    return daemon


def add_jobs(house: House) -> None:
    """Each fires once; always so many of them at the same instant."""
    first = datetime.now(UTC) + timedelta(seconds=4)
    for n in range(INSTANTS * JOBS):
        at = first + timedelta(seconds=0.5 * (n // JOBS))
        job = {
            "id": f"j{n}",
            "schedule": {"kind": "at", "at": at.isoformat(timespec="milliseconds")},
            "payload": {"kind": "text", "text": "hello"},
            "delivery": {"to": f"plain:room{n}"},
        }
        house.request("POST", "jobs", job)


def test_a_hundred_instants_run_a_hundred_times(house: House) -> None:
    house.serve()
    add_jobs(house)
    serve_by_the_side_door(house)

    eventually(lambda: len(house.runs) >= INSTANTS * JOBS and house.at_rest(), "the end of all runs")
    for daemon in house.daemons:
        daemon.stop()

    assert house.runs == ["ok"] * INSTANTS * JOBS
    assert list(house.provider.counts("plain").values()) == [1] * INSTANTS * JOBS
    with closing(read_only(str(house.home / "stentor.db"))) as connection:
        assert number(connection, "SELECT count(*) FROM occurrences") == INSTANTS * JOBS
        assert number(connection, "SELECT count(*) FROM occurrences WHERE outcome = 'run'") == INSTANTS * JOBS
    house.check()
