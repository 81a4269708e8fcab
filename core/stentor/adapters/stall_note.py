"""A small file in the home that outlives a process whose loop could not write anything down itself."""

import json
from pathlib import Path

from stentor.domain.stalls import Stall


class StallFile:
    def __init__(self, home: Path) -> None:
        self._path = home / "stentor.stall"

    def write(self, stall: Stall) -> None:
        document = {"atMs": stall.at_ms, "seconds": stall.seconds, "ended": stall.ended}
        self._path.write_text(json.dumps(document))

    def read(self) -> Stall | None:
        """The last stall nobody has been told of. A file cut short by a power failure tells nothing."""
        if not self._path.exists():
            return None
        try:
            document = json.loads(self._path.read_text())
            return Stall(int(document["atMs"]), int(document["seconds"]), bool(document["ended"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)
