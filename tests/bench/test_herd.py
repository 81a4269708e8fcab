"""A herd at the full hour: everything at once, in order, and on the disk.

The limits are ratios: to a scheduler that keeps nothing, in the same minute, and to the idle loop of the same run.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
JOBS = 10_000
TIMES_IN_MEMORY = 3.0
TIMES_IDLE = 10.0
# Other work on the machine makes a measurement worse, never better: the best of a few counts.
TRIES = 6


def measured(module: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.bench.{module}", str(JOBS), *arguments]
    search = os.pathsep.join([str(ROOT), str(ROOT / "core"), str(ROOT / "plugins")])
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": search}, capture_output=True, check=True
    )
    return dict(json.loads(done.stdout))


def best(ratio: Callable[[Path], float], homes: Path, enough: float) -> float:
    """The lowest of a few measurements, or the first that is low enough."""
    found: list[float] = []
    for attempt in range(TRIES):
        found.append(ratio(homes / str(attempt)))
        if found[-1] <= enough:
            break
    return min(found)


def herd(home: Path, *more: str) -> dict[str, Any]:
    ours = measured("herd", str(home), *more)
    print(ours)
    assert ours["accepted"] == JOBS
    assert ours["in_order"]
    return ours


def test_ten_thousand_jobs_of_one_second_take_few_times_what_a_scheduler_in_memory_takes(
    tmp_path: Path,
) -> None:
    def ratio(home: Path) -> float:
        in_memory: float = measured("herd_in_memory")["seconds"]
        print(f"{in_memory:.2f} s in memory")
        return float(herd(home)["seconds"]) / in_memory

    assert best(ratio, tmp_path, TIMES_IN_MEMORY) <= TIMES_IN_MEMORY


def test_nobody_waits_for_the_loop_while_ten_thousand_jobs_are_due(tmp_path: Path) -> None:
    def ratio(home: Path) -> float:
        ours = herd(home, "lag")
        return float(ours["worst_ms"]) / float(ours["idle_p99_ms"])

    assert best(ratio, tmp_path, TIMES_IDLE) <= TIMES_IDLE
