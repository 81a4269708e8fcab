"""The yardstick: APScheduler 3 with its jobs in memory, which stores nothing and sends nothing.

`python -m tests.bench.herd_in_memory JOBS` prints how long after the instant the last of its functions ran.
"""

import asyncio
import json
import sys
import time

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

_QUIET_SECONDS = 3
_JOBS_ADDED_PER_SECOND = 3000


async def herd(jobs: int) -> float:
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"misfire_grace_time": None})
    scheduler.start(paused=True)
    due = int(time.time()) + _QUIET_SECONDS + jobs // _JOBS_ADDED_PER_SECOND
    at = time.gmtime(due)
    ran = 0
    over = asyncio.Event()

    async def work() -> None:
        nonlocal ran
        ran += 1
        if ran == jobs:
            over.set()

    for number in range(jobs):
        trigger = CronTrigger(hour=at.tm_hour, minute=at.tm_min, second=at.tm_sec, timezone="UTC")
        scheduler.add_job(work, trigger, id=str(number))
    scheduler.resume()
    await over.wait()
    seconds = time.time() - due
    scheduler.shutdown()
    return seconds


if __name__ == "__main__":
    print(json.dumps({"seconds": asyncio.run(herd(int(sys.argv[1])))}))
