"""`cron list` is asked for by prompts and scripts all day: it must start like a small tool, however many jobs there are.

The limit is a ratio to an interpreter that does nothing, measured in the same minute on the same machine.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tests.outside import Stentor
from tests.samples import JOB

from stentor.app.assembly import App
from stentor.app.operations import Operations

JOBS = 1000
RUNS = 21
RATIO = 6.0


async def _fill(home: Path) -> None:
    app = App.open(home, role="bench")
    operations = Operations(app)
    try:
        await asyncio.gather(*(operations.add_job({**JOB, "id": f"job-{n}"}) for n in range(JOBS)))
    finally:
        await app.close()


def _seconds(command: list[str], environment: dict[str, str]) -> tuple[float, bytes]:
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return time.perf_counter() - begin, done.stdout


def test_listing_a_thousand_jobs_costs_few_times_a_bare_interpreter(tmp_path: Path) -> None:
    home = tmp_path / "home"
    asyncio.run(_fill(home))
    bare = [sys.executable, "-c", "pass"]
    listing = [
        sys.executable,
        "-c",
        "from stentor.cli.main import main; main()",
        "cron",
        "list",
        "--json",
        "--home",
        str(home),
    ]
    environment = Stentor(home).environment
    _, output = _seconds(listing, environment)
    listed = json.loads(output)
    assert (listed["total"], len(listed["jobs"])) == (JOBS, JOBS)

    nothing, lists = zip(
        *((_seconds(bare, environment)[0], _seconds(listing, environment)[0]) for _ in range(RUNS)),
        strict=True,
    )

    ratio = median(lists) / median(nothing)
    assert ratio <= RATIO, (
        f"{median(lists) * 1000:.0f} ms against {median(nothing) * 1000:.0f} ms: {ratio:.1f} times"
    )
