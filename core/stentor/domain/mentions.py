"""Takes the power to call people from a text that an agent wrote."""

import re
from collections.abc import Sequence
from itertools import pairwise

from stentor.domain.styled import Run, shown

# Seen by nobody, and no word with it in it is a name.
_INVISIBLE = "\N{ZERO WIDTH SPACE}"


class Mentions:
    """What would call people in one dialect."""

    def __init__(self, patterns: Sequence[str]) -> None:
        together = "|".join(f"(?:{pattern})" for pattern in patterns)
        self._start = re.compile(f"(?={together})(.)", re.DOTALL) if patterns else None

    def silenced(self, runs: Sequence[Run]) -> Sequence[Run]:
        """`runs` with an invisible character in each mention, also in one that was put together of several runs."""
        if self._start is None:
            return runs
        text = shown(runs)
        places = [found.end() for found in self._start.finditer(text)]
        return _interrupted(runs, places) if places else runs

    def silenced_address(self, url: str) -> str:
        """An address that still leads to the same place."""
        if self._start is None:
            return url
        return self._start.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[1].encode()), url)


def _interrupted(runs: Sequence[Run], places: Sequence[int]) -> list[Run]:
    found: list[Run] = []
    upcoming = iter(places)
    place = next(upcoming, -1)
    end = 0
    for run in runs:
        start, end = end, end + len(run.text)
        cuts = [0]
        while start < place <= end:
            cuts.append(place - start)
            place = next(upcoming, -1)
        pieces = [run.text[first:last] for first, last in pairwise([*cuts, len(run.text)])]
        found.append(run._replace(text=_INVISIBLE.join(pieces)))
    return found
