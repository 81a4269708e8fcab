"""Stored jobs as they were read: the herd of a full hour is there before its instant."""

from dataclasses import dataclass, field

from stentor.domain.jobs import Job
from stentor.domain.records import JobRow

_MOST_JOBS = 20_000


@dataclass
class JobMemory:
    """Reading a job takes as long as everything else that is done until its run is claimed."""

    _known: dict[str, tuple[str, Job]] = field(default_factory=dict[str, tuple[str, Job]])

    def read(self, row: JobRow) -> Job:
        """The job of a row, read once for as long as it says the same. Raises `ValueError` where it cannot be read."""
        known = self._known.get(row.id)
        if known is not None and known[0] == row.doc:
            return known[1]
        job = Job.model_validate_json(row.doc)
        if len(self._known) >= _MOST_JOBS:
            self._known.clear()
        self._known[row.id] = (row.doc, job)
        return job
