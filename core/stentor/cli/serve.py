"""`stentor serve`: the daemon."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import click

from stentor.adapters.lock import LockHeld
from stentor.adapters.logs import set_up_logging
from stentor.adapters.socket_path import prepare_socket
from stentor.adapters.stall_note import StallFile
from stentor.adapters.watchdog import EXIT_STALLED, Watchdog
from stentor.app import tuning
from stentor.app.assembly import App
from stentor.app.operations import Operations
from stentor.app.seams import Seams
from stentor.cli.output import common, note, show_json
from stentor.http.api import api
from stentor.http.mcp.host import LoopbackHost
from stentor.http.server import SocketServer

log = logging.getLogger("stentor")
_TRIES = 100
_BETWEEN_TRIES = 0.1
# What runs and sends need beyond the drain to write down how they ended.
_LETTING_GO_SECONDS = 15.0


@click.command()
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
@click.option(
    "--exit-on-stall",
    is_flag=True,
    help=f"End with exit code {EXIT_STALLED} when the daemon stalls, so that a supervisor starts it anew.",
)
@common
def serve(log_level: str, exit_on_stall: bool, home: Path, as_json: bool) -> None:
    """Run the daemon until SIGTERM or SIGINT; a second signal ends it at once."""
    tuning.run(live(home, log_level, as_json=as_json, exit_on_stall=exit_on_stall))


async def live(
    home: Path, log_level: str, *, as_json: bool, exit_on_stall: bool = False, seams: Seams | None = None
) -> None:
    """The life of a daemon, from taking the store to letting go of it."""
    app = await _taken(home, seams)
    set_up_logging(app.ground.redactor, log_level)
    stop = asyncio.Event()
    _on_signals(stop, app.ground.config.scheduler.drain_seconds + _LETTING_GO_SECONDS)
    path = prepare_socket(home)
    server = SocketServer(api(Operations(app)), path)

    async def announce() -> None:
        await server.listening.wait()
        _announce(app, path, as_json=as_json)

    async def tidying() -> None:
        await tuning.tidy(app.ground.seams.clock, lambda: app.executor.at_rest)

    try:
        with tuning.tuned():
            watchdog, mcp = _watchdog(app, exit_on_stall=exit_on_stall), LoopbackHost(app.mcp_turns)
            await app.run(stop, server.run, announce, watchdog.run, tidying, mcp.run)
    finally:
        await app.close()
    log.info("stopped", extra={"event": "stopped"})


def _watchdog(app: App, *, exit_on_stall: bool) -> Watchdog:
    return Watchdog(
        app.ground.seams.clock,
        app.ground.config.scheduler.stall_seconds,
        lambda: app.maintenance.asked_at,
        StallFile(app.ground.home),
        exit_on_stall=exit_on_stall,
    )


async def _taken(home: Path, seams: Seams | None) -> App:
    """Take the store. A command that is just writing to it holds it for a moment only, and is waited for."""
    clock = (seams or Seams()).clock
    for _ in range(_TRIES):
        try:
            return App.open(home, role="daemon", seams=seams)
        except LockHeld as held:
            if held.role != "command":
                raise
        await clock.sleep(_BETWEEN_TRIES)
    return App.open(home, role="daemon", seams=seams)


def _on_signals(stop: asyncio.Event, patience: float) -> None:
    """The first signal asks, the second does not, and neither does the end of patience."""

    def leave() -> None:
        log.warning("a runner does not let go; its run is written down", extra={"event": "left"})
        logging.shutdown()
        os._exit(0)

    def asked(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        log.info("stopping; once more to stop at once", extra={"event": "stopping"})
        stop.set()
        loop.call_later(patience, leave)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)


def _announce(app: App, path: Path, *, as_json: bool) -> None:
    for plugin in app.ground.registry.plugins:
        if plugin.error is not None:
            note(f"plugin {plugin.name} ({plugin.distribution} {plugin.version}) is off: {plugin.error}")
    if as_json:
        show_json({"home": str(app.ground.home), "socket": str(path), "pid": os.getpid()})
        sys.stdout.flush()
    else:
        note(f"serving {app.ground.home}, pid {os.getpid()}; stop with Ctrl-C")
