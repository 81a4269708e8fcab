"""What strikes a process on the way of a delivery, and where."""

from collections.abc import Callable
from dataclasses import dataclass, field

import apsw

from stentor.testing.points import SimulatedCrash

POINTS = {
    "claimed": "store.claim.after",
    "result stored": "store.finish_runs.after",
    "sending committed": "transport.send.before",
    "provider accepted": "transport.send.after",
    "receipt committed": "store.settle.after",
}
FAULTS = ("killed", "stopped", "busy", "full")


@dataclass
class Trouble:
    """Strikes when a point is reached for the first time."""

    point: str
    fault: str
    strike: Callable[[], None] = lambda: None
    struck: bool = False
    disk: list[Exception] = field(default_factory=list[Exception])

    def __call__(self, name: str) -> None:
        if name == self.point and not self.struck:
            self.struck = True
            self._begin()
        if self.disk and name == "commit.before":
            raise self.disk[0]

    def _begin(self) -> None:
        match self.fault:
            case "killed":
                raise SimulatedCrash(self.point)
            case "stopped":
                self.strike()
            case "busy":
                self.disk.append(apsw.BusyError("database is locked"))
            case _:
                self.disk.append(apsw.FullError("database or disk is full"))
