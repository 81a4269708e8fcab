"""A small model of what a store must say about its jobs: dictionaries, and no idea of how it is done.

All its jobs are beats that fall on half seconds, and everything that happens to them happens on whole ones.
"""

from dataclasses import dataclass, field

RUN, MISSED = frozenset({"run"}), frozenset({"missed"})
# A daemon looks at its clock this often; until then it does not know that somebody has set it.
_LOOK_MS = 11_000


@dataclass
class ModelJob:
    """`since`: everything up to then is accounted for, or owed by nobody."""

    every_ms: int
    policy: str
    grace_ms: int
    name: str
    since: int
    enabled: bool = True
    revision: int = 1

    def due(self, until: int) -> list[int]:
        """Its instants up to `until` that nobody has thought of yet."""
        first = self.since - (self.since - 500) % self.every_ms + self.every_ms
        return list(range(first, until + 1, self.every_ms)) if self.enabled else []


@dataclass
class Model:
    """`now` is what the wall shows, `latest` the most it ever showed.

    `outcomes` is what each instant may have become, and those of `owed` have become something. Nobody can tell what
    happens up to `unsure_until`.
    """

    now: int
    latest: int = 0
    unsure_until: int = 0
    manual_runs: int = 0
    jobs: dict[str, ModelJob] = field(default_factory=dict[str, ModelJob])
    outcomes: dict[tuple[str, int], frozenset[str]] = field(
        default_factory=dict[tuple[str, int], frozenset[str]]
    )
    owed: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    @property
    def is_sure(self) -> bool:
        return self.now > self.unsure_until

    def add(self, job_id: str, every_ms: int, policy: str, grace_ms: int) -> None:
        self.jobs[job_id] = ModelJob(every_ms, policy, grace_ms, job_id, self.now)

    def rename(self, job_id: str, name: str) -> None:
        job = self.jobs[job_id]
        if job.name != name:
            job.name, job.revision = name, job.revision + 1

    def reschedule(self, job_id: str, every_ms: int) -> None:
        if self.jobs[job_id].every_ms != every_ms:
            self._start_anew(job_id)
            self.jobs[job_id].every_ms = every_ms

    def switch(self, job_id: str, *, enabled: bool) -> None:
        if self.jobs[job_id].enabled != enabled:
            self._start_anew(job_id)
            self.jobs[job_id].enabled = enabled

    def remove(self, job_id: str) -> None:
        self._start_anew(job_id)
        del self.jobs[job_id]

    def watch(self, seconds: float) -> None:
        """The daemon was there all the time: what fell due has run, as soon as it knows what time it is."""
        self.now += round(seconds * 1000)
        self.latest = max(self.latest, self.now)
        for job_id, job in self.jobs.items():
            for at in job.due(self.now):
                self._expect(job_id, at, RUN)
            self._account(job)

    def come_back(self, now: int) -> None:
        """A daemon starts. What fell due since the last one is made up for as the job wants it."""
        died, self.now = self.now, now
        if now < self.latest:
            # It does not trust a clock that the store has seen ahead of itself.
            self.unsure_until = max(self.unsure_until, self.latest + _LOOK_MS)
        for job_id, job in self.jobs.items():
            due = job.due(now)
            for at in due:
                in_time = job.policy != "skip" and now - at <= job.grace_ms
                runs = in_time and (job.policy == "all" or at == due[-1])
                # In the second of its death, nobody knows what the last one still did.
                self._expect(job_id, at, RUN | MISSED if at < died + 1000 else RUN if runs else MISSED)
            self._account(job)

    def set_clock(self, seconds: int) -> None:
        """Somebody sets the clock under the daemon's hands, and perhaps again before the daemon has seen it."""
        self.now += seconds * 1000
        self.unsure_until = max(self.unsure_until, self.now + _LOOK_MS)
        self.watch(0)

    def _start_anew(self, job_id: str) -> None:
        """The account of the old schedule is closed, whatever the daemon knows; the new one owes what comes after now."""
        self.watch(0)
        job = self.jobs[job_id]
        self.owed.update((job_id, at) for at in job.due(self.now))
        job.since, job.revision = self.now, job.revision + 1

    def _account(self, job: ModelJob) -> None:
        if self.is_sure:
            job.since = max(job.since, self.now)

    def _expect(self, job_id: str, at: int, outcomes: frozenset[str]) -> None:
        unsure = at <= self.unsure_until
        self.outcomes.setdefault((job_id, at), RUN | MISSED if unsure else outcomes)
        if self.is_sure:
            self.owed.add((job_id, at))
