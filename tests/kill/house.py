"""A home in a folder of its own, and the daemons that live in it one after the other."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.daemon import ask
from stentor.domain.json_types import JsonObject
from stentor.testing.invariants import Witness, check
from tests.kill.processes import PATIENCE_SECONDS, Daemon, Gate
from tests.kill.provider import CountingProvider
from tests.kill.waiting import eventually

_HERE = Path(__file__).parent
_STENTOR = (sys.executable, "-m", "stentor.cli.main")
_CONFIG = """
[scheduler]
drain_seconds = {drain_seconds}

[agents.main]
runner = "command"
command = {command}

[channels.webhook.accounts.default]
allow_networks = ["127.0.0.0/8"]

[channels.plain.accounts.default]
port = {port}
"""


@dataclass
class House:
    """`folder` holds all of it: the home, the site a stranger's plugin is installed in, logs and the agents' gate."""

    folder: Path
    provider: CountingProvider
    daemons: list[Daemon] = field(default_factory=list[Daemon])

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.gate = Gate(self.folder / "gate")
        self._site = self.folder / "site"
        self._executions = self.folder / "executions"

    def furnish(self) -> None:
        """Configure the home, and install the plain channel the way any plugin is installed."""
        self.home.mkdir(mode=0o700)
        self._executions.touch()
        self.gate.build()
        self.configure()
        info = self._site / "plain_post-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-post\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[stentor]\nplain = plain_channel\n")
        shutil.copy(_HERE / "plain_channel.py", self._site)

    def configure(self, *, drain_seconds: float = 25) -> None:
        agent = [sys.executable, "-I", str(_HERE / "agent.py"), str(self._executions), str(self.gate.path)]
        text = _CONFIG.format(drain_seconds=drain_seconds, command=json.dumps(agent), port=self.provider.port)
        (self.home / "stentor.toml").write_text(text)

    def tear_down(self) -> None:
        for daemon in self.daemons:
            daemon.end()
        self.gate.tear_down()

    def launch(self, *command: str) -> Daemon:
        """Start a daemon, whatever becomes of it."""
        log = self.folder / f"daemon-{len(self.daemons) + 1}.log"
        environment = os.environ | {"PYTHONPATH": str(self._site)}
        with log.open("wb") as stderr:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr)
        daemon = Daemon(process, log)
        self.daemons.append(daemon)
        return daemon

    def launch_serve(self) -> Daemon:
        return self.launch(*_STENTOR, "serve", "--home", str(self.home))

    def serve(self) -> Daemon:
        """`stentor serve`, from the moment it owns the store."""
        daemon = self.launch_serve()
        daemon.heard("serving ")
        return daemon

    def serve_until(self, point: str) -> Daemon:
        """A daemon that kills itself at `point`."""
        daemon = self.launch(sys.executable, str(_HERE / "daemon.py"), str(self.home), point)
        daemon.heard("serving ")
        return daemon

    def status(self) -> JsonObject:
        """What `stentor status` says."""
        command = [*_STENTOR, "status", "--home", str(self.home), "--json"]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_SECONDS, check=True)
        document: JsonObject = json.loads(done.stdout)
        return document

    def request(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        """Ask the daemon; one that has just started is waited for."""
        return eventually(lambda: ask(self.home, method, path, body), f"an answer to {method} {path}") or {}

    def add(self, channel: str, **changes: object) -> None:
        """Give the daemon a job for `channel`: an agent's turn, once, in 0.7 s."""
        targets = {
            "plain": "plain:room1",
            "webhook": f"webhook:http://127.0.0.1:{self.provider.port}/webhook/in",
        }
        at = datetime.now(UTC) + timedelta(seconds=0.7)
        job: JsonObject = {
            "id": "brief",
            "name": "Brief",
            "schedule": {"kind": "at", "at": at.isoformat(timespec="milliseconds")},
            "payload": {"kind": "agentTurn", "message": "daily brief"},
            "delivery": {"to": targets[channel]},
        }
        self.request("POST", "jobs", job | changes)

    @property
    def executions(self) -> int:
        """How often the agent was started."""
        return len(self._executions.read_text().splitlines())

    @property
    def runs(self) -> list[str]:
        """The status of each run, oldest first."""
        with Reader.open(self.home / "stentor.db") as reader:
            return [run["status"] for run in reversed(reader.runs(limit=1000, offset=0)[0])]

    def parts(self, channel: str) -> list[str]:
        """The state of each part, oldest delivery first."""
        with Reader.open(self.home / "stentor.db") as reader:
            found = [entry for entry in reader.deliveries() if entry["target"].startswith(f"{channel}:")]
        return [part["state"] for delivery in reversed(found) for part in delivery["parts"]]

    def contents(self) -> object:
        """Jobs, runs and deliveries in full, to compare."""
        with Reader.open(self.home / "stentor.db") as reader:
            jobs = reader.jobs_json(agent=None, everything=True)
            return jobs, reader.runs(limit=1000, offset=0), reader.deliveries()

    def at_rest(self) -> bool:
        """Whether no run and no delivery is open."""
        with Reader.open(self.home / "stentor.db") as reader:
            counts = reader.counts()
        return not counts["running"] and not counts["pending"]

    def is_done(self) -> bool:
        """Whether the one-shot has had its instant, and nothing of it is open."""
        with Reader.open(self.home / "stentor.db") as reader:
            job = reader.job("brief")
        return job is not None and job["status"] == "done" and self.at_rest()

    def check(self) -> None:
        """Assert the invariants against what the provider has seen."""
        plain = self.provider.witness("plain", deduplicates=False)
        webhook = self.provider.witness("webhook", deduplicates=True)
        check(self.home, Witness({"plain": plain, "webhook": webhook}))
