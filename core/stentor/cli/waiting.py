"""Waiting for a run or a delivery to be over, with a daemon or in the foreground."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.app.assembly import App
from stentor.app.author import author_of_this_process
from stentor.app.operations import Operations
from stentor.cli.daemon import Request, ask_or_do, job_path
from stentor.cli.output import existing
from stentor.domain.happenings import ANSWERED
from stentor.domain.json_types import JsonObject
from stentor.http.mcp.host import LoopbackHost

_LOOK_EVERY = 0.1
_OPEN = ("queued", "running")
_FAILED = 6


def run_and_wait(home: Path, job: str, *, due: bool, limit: float) -> tuple[JsonObject, int]:
    """Run a job and wait until that and its deliveries are over; the answer and the exit code."""
    request: Request = ("POST", job_path(job, "run"), {"due": due})
    return begin_and_wait(home, request, lambda operations: operations.run_job(job, due=due), limit=limit)


def begin_and_wait(
    home: Path, request: Request, directly: Callable[[Operations], Any], *, limit: float
) -> tuple[JsonObject, int]:
    """Queue a run and wait until it and its deliveries are over; the answer and the exit code."""
    return ask_or_do(
        home,
        request,
        lambda answer: _watch_run(home, answer, limit),
        lambda: asyncio.run(_in_foreground(home, directly, _run_of, limit)),
    )


def deliver_and_wait(
    home: Path, request: Request, directly: Callable[[Operations], Any], *, limit: float
) -> tuple[JsonObject, int]:
    """Put a delivery into the outbox and wait for its receipt; the answer and the exit code."""
    return ask_or_do(
        home,
        request,
        lambda answer: _watch_delivery(home, answer, limit),
        lambda: asyncio.run(_in_foreground(home, directly, _delivery_of, limit)),
    )


def _watch_run(home: Path, answer: JsonObject, limit: float) -> tuple[JsonObject, int]:
    if "runId" not in answer:
        return answer, 0
    deadline = time.monotonic() + limit
    while True:
        run = _read(home, lambda reader: reader.run(str(answer["runId"])))
        if _over(run) or time.monotonic() > deadline:
            return _judged(answer, "run", run)
        time.sleep(_LOOK_EVERY)


def _watch_delivery(home: Path, answer: JsonObject, limit: float) -> tuple[JsonObject, int]:
    deadline = time.monotonic() + limit
    while True:
        found, code, over = _read(home, lambda reader: _delivery_of(reader, answer))
        if over or time.monotonic() > deadline:
            return found, code
        time.sleep(_LOOK_EVERY)


async def _in_foreground(
    home: Path,
    begin: Callable[[Operations], Any],
    look: Callable[[Reader, JsonObject], tuple[JsonObject, int, bool]],
    limit: float,
) -> tuple[JsonObject, int]:
    """No daemon runs: be one for as long as it takes, without claiming anything that is due."""
    app = App.open(home, role="command")
    try:
        stop = asyncio.Event()
        answers: list[tuple[JsonObject, int]] = []

        async def work() -> None:
            answer = await begin(Operations(app, author_of_this_process()))
            deadline = app.ground.seams.clock.monotonic() + limit
            while True:
                with Reader.open(existing(home)) as reader:
                    document, code, over = look(reader, answer)
                if over or app.ground.seams.clock.monotonic() > deadline:
                    answers.append((document, code))
                    stop.set()
                    return
                await app.ground.seams.clock.sleep(_LOOK_EVERY)

        await app.run(stop, work, LoopbackHost(app.mcp_turns).run, scheduling=False)
        return answers[0]
    finally:
        await app.close()


def _run_of(reader: Reader, answer: JsonObject) -> tuple[JsonObject, int, bool]:
    if "runId" not in answer:
        return answer, 0, True
    run = reader.run(str(answer["runId"]))
    document, code = _judged(answer, "run", run)
    return document, code, _over(run)


def _delivery_of(reader: Reader, answer: JsonObject) -> tuple[JsonObject, int, bool]:
    found = reader.deliveries(delivery=str(answer["id"]))[0]
    good = found["state"] in ("accepted", "delivered", "read")
    return {**answer, **found}, 0 if good else _FAILED, found["state"] != "pending"


def _over(run: JsonObject | None) -> bool:
    return (
        run is not None
        and run["status"] not in _OPEN
        and all(d["state"] != "pending" for d in run["deliveries"])
    )


def _judged(answer: JsonObject, key: str, run: JsonObject | None) -> tuple[JsonObject, int]:
    good = run is not None and _over(run) and is_done(run)
    return {**answer, key: run}, 0 if good else _FAILED


def is_done(run: JsonObject) -> bool:
    """Whether a run that is over came to what it was for, by itself or because another one had done it."""
    return bool(run["completionStatus"] == "succeeded" or run["errorKind"] == ANSWERED)


def _read(home: Path, question: Callable[[Reader], Any]) -> Any:
    with Reader.open(existing(home)) as reader:
        return question(reader)
