"""Ten thousand jobs due in the same second, as a program: `python -m tests.bench.herd JOBS HOME` prints what it took.

Every job sends a fixed text to one of a thousand targets; the channel accepts at once. What is measured is the product.
With a third word, `lag`, it is measured too for how long the loop was kept; that takes a sixth of the time for itself.
"""

import asyncio
import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stentor.adapters.registry import Registry
from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.agents.echo import EchoRunner
from stentor.app import tuning
from stentor.app.assembly import App
from stentor.app.operations import Operations
from stentor.testing.scripted import Provider, scripted_channel

TARGETS = 1000
_ADDING_AT_ONCE = 200
_JOBS_ADDED_PER_SECOND = 700
_QUIET_SECONDS = 3
_DUE_IN_SECONDS = 0.001


@dataclass
class Lag:
    """How late a callback that is due in a millisecond is called tells how long the loop was kept from turning.

    While its threads could go on and the system has given the processors to others, or one of two to both, nobody
    here keeps it from anything: for how long that was the system tells, and it does not count.
    """

    samples: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    async def watch(self) -> None:
        processor, loop = _Processor(), asyncio.get_running_loop()
        begin, waited = time.perf_counter(), processor.seconds_waited_for()
        due: asyncio.TimerHandle

        def called() -> None:
            nonlocal begin, waited, due
            late, before = time.perf_counter() - begin - _DUE_IN_SECONDS, waited
            waited = processor.seconds_waited_for()
            self.samples.append((time.time(), late - (waited - before)))
            begin = time.perf_counter()
            due = loop.call_later(_DUE_IN_SECONDS, called)

        due = loop.call_later(_DUE_IN_SECONDS, called)
        try:
            await loop.create_future()
        finally:
            due.cancel()

    def idle_p99(self, until: float) -> float:
        quiet = sorted(late for at, late in self.samples if at < until)
        return quiet[int(len(quiet) * 0.99)] * 1000

    def worst(self, since: float) -> float:
        return max(late for at, late in self.samples if at >= since) * 1000


class _Processor:
    """How long the threads of this process were ready to go on and had to wait for a processor, in all."""

    def __init__(self) -> None:
        self._files: dict[int | None, int] = {}

    def seconds_waited_for(self) -> float:
        waited = 0
        for thread in threading.enumerate():
            with suppress(OSError):
                waited += int(os.pread(self._file(thread.native_id), 100, 0).split()[1])
        return waited / 1e9

    def _file(self, thread: int | None) -> int:
        if thread not in self._files:
            self._files[thread] = os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY)
        return self._files[thread]


@dataclass(frozen=True)
class Result:
    seconds: float
    accepted: int
    in_order: bool
    idle_p99_ms: float | None
    worst_ms: float | None


async def herd(jobs: int, home: Path, *, watched: bool = False) -> Result:
    provider = Provider()
    registry = Registry.of(channels=[scripted_channel("page", provider)], runners=[EchoRunner()])
    app = App.open(home, role="bench", registry=registry)
    due = int(time.time()) + _QUIET_SECONDS + jobs // _JOBS_ADDED_PER_SECOND
    await app.prepare()
    await _add(Operations(app), jobs, due)
    due = max(due, int(time.time()) + _QUIET_SECONDS)
    clock = app.ground.seams.clock
    lag = Lag()
    stop = asyncio.Event()

    async def done() -> None:
        await asyncio.to_thread(_accepted, home)  # its thread is there before the instant
        await clock.sleep(max(0.0, due - time.time()))
        while len(provider.accepted) < jobs and time.time() < due + 120:
            await clock.sleep(0.02)
        # The last receipts are still on their way to the disk.
        while await asyncio.to_thread(_accepted, home) < jobs and time.time() < due + 120:
            await clock.sleep(0.02)
        stop.set()

    with tuning.tuned():
        await app.run(stop, done, *([lag.watch] if watched else []))
    ended = _value(home, "SELECT max(at) FROM receipts")
    order = fetch(read_only(str(home / "stentor.db")), "SELECT job_id FROM runs ORDER BY started_at, rowid")
    await app.close()
    return Result(
        ended / 1000 - due,
        _accepted(home),
        [job for (job,) in order] == [f"job-{n:05}" for n in range(jobs)],
        lag.idle_p99(due - 1) if watched else None,
        lag.worst(due - 0.5) if watched else None,
    )


async def _add(operations: Operations, jobs: int, due: int) -> None:
    at = time.gmtime(due)
    schedule = {"kind": "cron", "expr": f"{at.tm_sec} {at.tm_min} {at.tm_hour} * * *", "tz": "UTC"}
    for begin in range(0, jobs, _ADDING_AT_ONCE):
        some = range(begin, min(begin + _ADDING_AT_ONCE, jobs))
        await asyncio.gather(*(operations.add_job(_job(n, schedule)) for n in some))


def _job(number: int, schedule: dict[str, str]) -> dict[str, object]:
    return {
        "id": f"job-{number:05}",
        "name": f"Job {number}",
        "schedule": schedule,
        "payload": {"kind": "text", "text": "The same procedure as every day."},
        "delivery": {"to": f"page:room{number % TARGETS}"},
    }


def _accepted(home: Path) -> int:
    return _value(home, "SELECT count(*) FROM receipts")


def _value(home: Path, query: str) -> int:
    connection = read_only(str(home / "stentor.db"))
    try:
        return int(fetch(connection, query)[0][0] or 0)
    finally:
        connection.close()


if __name__ == "__main__":
    print(
        json.dumps(
            asdict(tuning.run(herd(int(sys.argv[1]), Path(sys.argv[2]), watched="lag" in sys.argv[3:])))
        )
    )
