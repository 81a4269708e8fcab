"""Stentor from outside: the command line in processes of their own, and daemons that end with their test."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import Any, TypeVar

import apsw

JsonObject = dict[str, Any]
T = TypeVar("T")

STENTOR = (sys.executable, "-m", "stentor.cli.main")
PATIENCE_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1
_PASSED_ON = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR")


def until(look: Callable[[], T | None], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer of `look` that says something; fails when none came in time."""
    never = threading.Event()
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        never.wait(_LOOK_EVERY_SECONDS)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> JsonObject:
        """Standard output, which must be exactly one JSON document."""
        document: JsonObject = json.loads(self.out)
        return document

    @property
    def lines(self) -> list[JsonObject]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Stentor:
    """One home, asked through the command line."""

    home: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(self, *words: str, stdin: str = "") -> Answer:
        """Run one command on this home, as a user would."""
        done = subprocess.run(
            [*STENTOR, *self._at_home(words)],
            input=stdin.encode(),
            capture_output=True,
            env=self.environment,
            timeout=2 * PATIENCE_SECONDS,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ask(self, *words: str, stdin: str = "", code: int = 0) -> JsonObject:
        """The JSON answer of a command that is expected to exit with `code`."""
        answer = self.run(*self._as_json(words), stdin=stdin)
        assert answer.code == code, f"exit {answer.code}: {answer.out}{answer.err}"
        return answer.document

    def refusal(self, *words: str, stdin: str = "", code: int = 2) -> JsonObject:
        """The error of a command that must fail; its shape is part of the contract."""
        document = self.ask(*words, stdin=stdin, code=code)
        assert document.keys() == {"error"}
        error: JsonObject = document["error"]
        assert error.keys() == {"code", "message", "hint", "details"}
        assert error["code"] != "internal", error
        return error

    def add(self, job: Mapping[str, object]) -> JsonObject:
        return self.ask("cron", "add", "--file", "-", stdin=json.dumps(job))

    def runs(self, job: str, *filters: str) -> list[JsonObject]:
        entries: list[JsonObject] = self.ask("cron", "runs", "--id", job, *filters)["entries"]
        return entries

    def job(self, job: str) -> JsonObject:
        """A job as `cron list --all` shows it: the cheapest question there is, and the one for polling."""
        jobs = self.ask("cron", "list", "--all")["jobs"]
        return next(entry for entry in jobs if entry["id"] == job)

    def inbox(self, target: str) -> list[str]:
        """The texts that arrived in a local box, oldest first."""
        messages = self.ask("inbox", target)["messages"]
        return [message["text"] for message in reversed(messages)]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**kept, "HOME": str(self.home.parent), "LANG": "C.UTF-8", "TZ": "UTC", **self.env}

    def _as_json(self, words: tuple[str, ...]) -> tuple[str, ...]:
        at = words.index("--") if "--" in words else len(words)
        return (*words[:at], "--json", *words[at:])

    def _at_home(self, words: tuple[str, ...]) -> tuple[str, ...]:
        at = words.index("--") if "--" in words else len(words)
        return (*words[:at], "--home", str(self.home), *words[at:])


@contextmanager
def serving(stentor: Stentor, *, end: signal.Signals = signal.SIGTERM) -> Generator[JsonObject]:
    """A daemon on this home for the length of the block. Asked to end, it must leave in peace; nothing it complains
    about may hold a value of its environment."""
    log = stentor.home.parent / f"{stentor.home.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [*STENTOR, "serve", "--json", "--home", str(stentor.home)]
    with (
        log.open("wb") as complaints,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=complaints, env=stentor.environment) as daemon,
    ):
        try:
            assert daemon.stdout is not None
            line = daemon.stdout.readline()
            assert line, log.read_text()
            announced: JsonObject = json.loads(line)
            until(lambda: listens(announced["socket"]), "the daemon's socket")
            yield announced
            daemon.send_signal(end)
            code = daemon.wait(PATIENCE_SECONDS)
            assert code == (-end if end is signal.SIGKILL else 0), log.read_text()
        finally:
            daemon.kill()
    for unwanted in ("Traceback", *stentor.env.values()):
        assert unwanted not in log.read_text()


def listens(path: str) -> bool:
    with socket(AF_UNIX, SOCK_STREAM) as client:
        return client.connect_ex(path) == 0


def dump(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a store, but for the heartbeat and its like."""
    connection = apsw.Connection(str(home / "stentor.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'meta'"
            )
        ]
        return {name: list(connection.execute(f"SELECT * FROM {name}")) for name in tables}
    finally:
        connection.close()


def files(home: Path) -> set[str]:
    """The paths in a home, whether or not it exists."""
    return {str(path.relative_to(home)) for path in home.rglob("*")}
