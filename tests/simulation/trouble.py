"""What strikes a process on the way of a delivery, and where."""

from collections.abc import Callable
from dataclasses import dataclass, field

import apsw

from stentor.app.operations import Operations
from stentor.testing.points import SimulatedCrash
from stentor.testing.simulation import Simulation, Story, nothing

POINTS = {
    "claimed": "store.claim.after",
    "result stored": "store.finish_runs.after",
    "sending committed": "transport.send.before",
    "provider accepted": "transport.send.after",
    "receipt committed": "store.settle.after",
}
FAULTS = ("killed", "stopped", "busy", "full")
# After which a disk is as it should be.
_TROUBLED_SECONDS = 60


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


def lived_through(world: Simulation, trouble: Trouble, begin: Story) -> None:
    """The trouble strikes while a process does as `begin` asks; what it leaves is found by the next one."""
    trouble.strike = world.ask_to_stop

    async def story(operations: Operations) -> None:
        await begin(operations)
        await operations.app.ground.seams.clock.sleep(_TROUBLED_SECONDS)
        trouble.disk.clear()

    try:
        world.live(story, seconds=300)
    finally:
        trouble.disk.clear()
    assert trouble.struck
    world.live(nothing, seconds=120)
