"""Takes the power to call people from a text that an agent wrote."""

import re
from collections.abc import Sequence
from itertools import pairwise

from stentor.domain.styled import Run, shown

# Seen by nobody, and no word with it in it is a name.
_INVISIBLE = "\N{ZERO WIDTH SPACE}"


# No mention is longer.
_LONGEST = 64


class Mentions:
    """What would call people in one dialect."""

    def __init__(self, patterns: Sequence[str]) -> None:
        together = "|".join(f"(?:{pattern})" for pattern in patterns)
        self._start = re.compile(f"(?={together})(.)", re.DOTALL) if patterns else None

    def silenced(self, runs: Sequence[Run]) -> Sequence[Run]:
        """`runs` with an invisible character in each mention, also in one that was put together of several runs.

        Markup may stand where a run begins or ends, so a word may begin or end there.
        """
        if self._start is None:
            return runs
        text = shown(runs)
        places = {found.end() for found in self._start.finditer(text)}
        end = 0
        for run in runs:
            start, end = end, end + len(run.text)
            places.update(found.end() for found in self._start.finditer(text, max(end - _LONGEST, 0), end))
            places.update(start + found.end() for found in self._start.finditer(run.text))
        return _interrupted(runs, sorted(places)) if places else runs

    def before(self, text: str, start: int, place: int) -> int:
        """The last place up to `place` where a cut makes no mention of what was none. `text` is silenced already."""
        while self._start is not None:
            found = self._start.search(text, max(place - _LONGEST, start), place)
            if found is None:
                break
            if found.start() == start:
                return found.end()
            place = found.start()
        return place

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
