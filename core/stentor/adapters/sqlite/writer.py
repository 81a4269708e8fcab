"""One writer for the whole process, with natural group commit.

Whatever queued up while the last commit ran becomes one transaction: a savepoint per operation, so that a failing
one takes nobody with it, one commit, and only then do the callers hear of it. Where the work runs is a choice: a
thread of its own in the daemon, the loop itself in a simulation.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import apsw

from stentor.domain.faults import StoreError, StoreUnavailable
from stentor.ports import Points

log = logging.getLogger(__name__)
T = TypeVar("T")
_LARGEST_BATCH = 4096
_UNAVAILABLE = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
)


@dataclass(slots=True)
class _Waiting:
    """An operation, the future of its caller, and what came of it."""

    run: Callable[[apsw.Connection], Any]
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None

    def resolve(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer(Protocol):
    def submit(self, run: Callable[[apsw.Connection], T]) -> "asyncio.Future[T]": ...

    async def close(self) -> None: ...


def run_batch(connection: apsw.Connection, batch: list[_Waiting], points: Points) -> None:
    """Run a batch as one transaction; afterwards each operation holds its result or its error."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        for waiting in batch:
            _run_one(connection, waiting)
        points.reach("commit.before")
        connection.execute("COMMIT")
        points.reach("commit.after")
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing was committed and every caller must hear of it
        with contextlib.suppress(apsw.Error):
            connection.execute("ROLLBACK")
        failure = _translated(error)
        for waiting in batch:
            waiting.error = failure


def _run_one(connection: apsw.Connection, waiting: _Waiting) -> None:
    connection.execute("SAVEPOINT one")
    try:
        waiting.result = waiting.run(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO one")
        waiting.error = _translated(error)
    connection.execute("RELEASE one")


def _translated(error: Exception) -> Exception:
    if isinstance(error, _UNAVAILABLE):
        return StoreUnavailable(f"the store cannot be written: {error}")
    if isinstance(error, apsw.Error):
        return StoreError(f"the store refused an operation: {error}")
    return error


class ThreadWriter:
    """The daemon's writer: a thread, so that a slow disk never stops the loop."""

    def __init__(self, connection: apsw.Connection, points: Points) -> None:
        self._connection = connection
        self._points = points
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._done: deque[_Waiting] = deque()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[apsw.Connection], T]) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(StoreUnavailable("the store is closed"))
        else:
            self._queue.put(_Waiting(run, future))
        return future

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        closing = False
        while not closing:
            batch, closing = self._next_batch()
            if batch:
                run_batch(self._connection, batch, self._points)
                self._loop.call_soon_threadsafe(self._hand_back, batch)
        self._connection.close()

    def _hand_back(self, batch: list[_Waiting]) -> None:
        """In order, and one at a time: a large commit must not keep everybody else on the loop waiting."""
        begun = bool(self._done)
        self._done.extend(batch)
        if not begun:
            self._resolve_next()

    def _resolve_next(self) -> None:
        self._done.popleft().resolve()
        if self._done:
            self._loop.call_soon(self._resolve_next)

    def _next_batch(self) -> tuple[list[_Waiting], bool]:
        batch: list[_Waiting] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _LARGEST_BATCH:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True


class InlineWriter:
    """The same batches on the loop itself: with virtual time, every history is the same twice."""

    def __init__(self, connection: apsw.Connection, points: Points) -> None:
        self._connection = connection
        self._points = points
        self._batch: list[_Waiting] = []
        self._loop = asyncio.get_running_loop()

    def submit(self, run: Callable[[apsw.Connection], T]) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._batch:
            self._loop.call_soon(self._work)
        self._batch.append(_Waiting(run, future))
        return future

    async def close(self) -> None:
        self._work()
        self._connection.close()

    def _work(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            run_batch(self._connection, batch, self._points)
            for waiting in batch:
                waiting.resolve()
