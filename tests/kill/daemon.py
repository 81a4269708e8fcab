"""The daemon, but for one thing: it kills itself when it reaches a point for the first time.

python daemon.py HOME POINT
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from stentor.adapters.sqlite.store import SqliteStore
from stentor.app.seams import Seams
from stentor.cli.serve import live
from stentor.contract.channel import Connection
from stentor.ports import Points, Store
from stentor.testing.points import PointedConnection, pointed_store

POINTS = {
    "claimed": "store.claim.after",
    "result stored": "store.finish_runs.after",
    # The store is asked for sends at every turn; a connection sees those that were committed, and before any byte.
    "sending committed": "transport.send.before",
    "provider accepted": "transport.send.after",
    "receipt committed": "store.settle.after",
}


class DeadlyPoint:
    """Nothing is flushed, closed or told: the process is gone."""

    def __init__(self, name: str) -> None:
        self._name = name

    def reach(self, name: str) -> None:
        if name == self._name:
            os.kill(os.getpid(), signal.SIGKILL)


def deadly(point: str) -> Seams:
    points = DeadlyPoint(POINTS[point])

    def open_store(path: Path, unwatched: Points) -> Store:
        return pointed_store(SqliteStore.open(path, unwatched), points)

    def around(connection: Connection) -> Connection:
        return PointedConnection(connection, points)

    return Seams(open_store=open_store, around_connection=around)


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), "info", as_json=False, seams=deadly(sys.argv[2])))
