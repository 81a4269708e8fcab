"""A herd at the full hour: everything at once, in order, and on the disk.

The limits are ratios: to a scheduler that keeps nothing, in the same minute, and to the idle loop of the same run.
"""

import json
import os
import subprocess
import sys
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


def test_ten_thousand_jobs_of_one_second_take_few_times_what_a_scheduler_in_memory_takes(
    tmp_path: Path,
) -> None:
    ratios: list[float] = []
    for attempt in range(TRIES):
        in_memory = measured("herd_in_memory")["seconds"]
        ours = measured("herd", str(tmp_path / str(attempt)))
        assert ours["accepted"] == JOBS
        assert ours["in_order"]
        ratios.append(ours["seconds"] / in_memory)
        print(f"{in_memory:.2f} s in memory, {ours}")
        if min(ratios) <= TIMES_IN_MEMORY:
            break
    assert min(ratios) <= TIMES_IN_MEMORY, ratios


def test_nobody_waits_for_the_loop_while_ten_thousand_jobs_are_due(tmp_path: Path) -> None:
    ratios: list[float] = []
    for attempt in range(TRIES):
        ours = measured("herd", str(tmp_path / str(attempt)), "lag")
        assert ours["accepted"] == JOBS
        assert ours["in_order"]
        ratios.append(ours["worst_ms"] / ours["idle_p99_ms"])
        print(ours)
        if min(ratios) <= TIMES_IDLE:
            break
    assert min(ratios) <= TIMES_IDLE, ratios
