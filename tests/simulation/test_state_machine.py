"""Whatever is done to a store, in whatever order: after each step it says what a small model says."""

import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.simulation.conftest import LONG
from tests.simulation.model import Model

from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.app.missing import NotFound
from stentor.contract.errors import Ambiguous, NotSent, Rejected, Throttled, Unavailable
from stentor.domain.faults import AlreadyExists, StaleRevision
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story
from stentor.testing.virtual_time import START_MS

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
IDS = st.sampled_from(["tea", "rain", "news"])
BEATS = st.sampled_from([7_000, 60_000, 600_000])
# None that a beat gets by itself: a grace that nobody chose follows the schedule.
GRACES = st.sampled_from([0, 30, 900])
POLICIES = st.sampled_from(["latest", "all", "skip"])
ANSWERS = st.sampled_from(
    [
        NotSent("connection refused"),
        Throttled(30),
        Rejected("blocked"),
        Ambiguous("no answer"),
        Unavailable("not connected"),
    ]
)


class StoreMachine(RuleBasedStateMachine):
    """Between two steps there is always a daemon, and no time passes for it."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="stentor-", dir=MEMORY))
        self.provider = Provider()
        self.world = Simulation(self.home, [scripted_channel("page", self.provider)])
        self.model = Model(START_MS)
        self.living = self.world.begin()
        self.living.pass_time(0.999)
        self.model.watch(1)

    def teardown(self) -> None:
        self.living.kill()
        shutil.rmtree(self.home)

    @rule(job=IDS, every_ms=BEATS, policy=POLICIES, grace=GRACES)
    def add(self, job: str, every_ms: int, policy: str, grace: int) -> None:
        document = {
            "id": job,
            "name": job,
            "schedule": schedule(every_ms),
            "payload": {"kind": "text", "text": "hello"},
            "delivery": {"to": f"page:{job}"},
            "missed": {"policy": policy, "graceSeconds": grace},
            "overlap": "queue",
        }
        if job in self.model.jobs:
            with pytest.raises(AlreadyExists):
                self.living.tell(lambda operations: operations.add_job(document))
        else:
            self.living.tell(lambda operations: operations.add_job(document))
            self.model.add(job, every_ms, policy, grace * 1000)

    @rule(job=IDS, name=st.sampled_from(["One", "Another"]))
    def rename(self, job: str, name: str) -> None:
        if self.finds(job, lambda operations: operations.edit_job(job, {"name": name})):
            self.model.rename(job, name)

    @rule(job=IDS, every_ms=BEATS)
    def reschedule(self, job: str, every_ms: int) -> None:
        patch = {"schedule": schedule(every_ms)}
        if self.finds(job, lambda operations: operations.edit_job(job, patch)):
            self.model.reschedule(job, every_ms)

    @rule(job=IDS, enabled=st.booleans())
    def switch(self, job: str, enabled: bool) -> None:
        if self.finds(job, lambda operations: operations.set_enabled(job, enabled=enabled)):
            self.model.switch(job, enabled=enabled)

    @rule(job=IDS)
    def edit_what_somebody_else_has_edited(self, job: str) -> None:
        if job in self.model.jobs:
            patch = {"name": "Late", "revision": self.model.jobs[job].revision - 1}
            with pytest.raises(StaleRevision):
                self.living.tell(lambda operations: operations.edit_job(job, patch))

    @rule(job=IDS)
    def remove(self, job: str) -> None:
        if self.finds(job, lambda operations: operations.remove_job(job)):
            self.model.remove(job)

    @rule(job=IDS)
    def run_by_hand(self, job: str) -> None:
        if self.finds(job, lambda operations: operations.run_job(job, due=False)):
            self.model.manual_runs += 1

    @rule(answers=st.lists(ANSWERS, min_size=1, max_size=3))
    def provider_will_answer(self, answers: list[Exception]) -> None:
        self.provider.script.extend(answers)

    @rule(seconds=st.integers(1, 900))
    def let_time_pass(self, seconds: int) -> None:
        self.living.pass_time(seconds)
        self.model.watch(seconds)

    @rule(seconds=st.integers(-1800, 7200))
    def set_clock(self, seconds: int) -> None:
        self.world.jump(seconds)
        self.model.set_clock(seconds)

    @rule(away=st.integers(0, 7200))
    def restart(self, away: int) -> None:
        self.living.stop()
        self.come_back(away)

    @rule(away=st.integers(0, 7200))
    def die(self, away: int) -> None:
        self.living.kill()
        self.come_back(away)

    @rule(seconds=st.integers(1, 900), points=st.integers(1, 400), away=st.integers(0, 7200))
    def die_somewhere(self, seconds: int, points: int, away: int) -> None:
        if self.living.pass_time(seconds, crash_after=points):
            self.model.watch(seconds)
            return
        self.model.watch((self.world.now_ms - self.model.now) // 1000)
        self.come_back(away)

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        check(self.home, Witness({"page": self.provider}))
        model = self.model
        with closing(read_only(str(self.home / "stentor.db"))) as connection:
            jobs = fetch(connection, "SELECT id, name, enabled, revision FROM jobs ORDER BY id")
            rows = fetch(
                connection, "SELECT job_id, instant, ifnull(last_instant, instant), outcome FROM occurrences"
            )
            ((manual,),) = fetch(connection, "SELECT count(*) FROM runs WHERE trigger = 'manual'")
        assert jobs == [
            (name, job.name, job.enabled, job.revision) for name, job in sorted(model.jobs.items())
        ]
        assert manual == model.manual_runs
        found = {
            (job, at): outcome for job, first, last, outcome in rows for at in self.told(job, first, last)
        }
        wrong = {key: outcome for key, outcome in found.items() if outcome not in model.outcomes.get(key, ())}
        assert wrong == {}
        if model.is_sure:
            assert model.owed - found.keys() == set()

    def told(self, job: str, first: int, last: int) -> list[int]:
        """The instants a row tells of: one, or as many as the job had in a long time."""
        if first == last:
            return [first]
        return [at for name, at in self.model.outcomes if name == job and first <= at <= last]

    def finds(self, job: str, story: Story) -> bool:
        """Whether there is such a job; if not, whoever asks for it is told."""
        if job in self.model.jobs:
            self.living.tell(story)
            return True
        with pytest.raises(NotFound):
            self.living.tell(story)
        return False

    def come_back(self, away: int) -> None:
        """On the next whole second, and some more."""
        self.world.now_ms = -(-self.world.now_ms // 1000 - away) * 1000
        self.model.come_back(self.world.now_ms)
        self.living = self.world.begin()
        self.living.pass_time(0.999)
        self.model.watch(1)


def schedule(every_ms: int) -> dict[str, object]:
    return {"kind": "every", "everyMs": every_ms, "anchorMs": 500}


def test_after_each_step_the_store_says_what_a_small_model_says(seed: int) -> None:
    run_state_machine_as_test(
        seeded(seed)(StoreMachine),
        settings=settings(
            max_examples=3_000 if LONG else 200,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
