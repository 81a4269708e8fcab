"""`stentor demo`: three jobs, live, and the run log they leave."""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stentor.adapters.sqlite.reader import Reader
from stentor.app.assembly import App
from stentor.app.operations import Operations
from stentor.cli.demo_scene import Receiver, add_all, jobs, set_the_stage
from stentor.cli.output import show_json
from stentor.domain.json_types import JsonObject

_WATCHDOG_SECONDS = 15.0
_REFRESH_SECONDS = 0.2
_TICKS = 3
_GOOD = ("accepted", "delivered", "read")
_WORDS = {
    "run.queued": "is due",
    "run.ended": "run ended",
    "delivery.accepted": "accepted by {target}",
    "delivery.unknown": "may or may not have reached {target}",
    "delivery.failed": "did not reach {target}",
    "part.retry_wait": "refused by {target}, will be tried again",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print only the run log, as JSON.")
def demo(as_json: bool) -> None:
    """See three jobs happen in a temporary home. No account, no network.

    A text every two seconds, one agent turn in a session of its own, and a payload for a webhook receiver that
    refuses twice before it accepts. Ends by itself; the exit code is 0 only if every delivery was accepted.
    """
    with tempfile.TemporaryDirectory(prefix="stentor-demo-") as folder:
        home = Path(folder)
        set_the_stage(home)
        console = Console(file=sys.stderr if as_json else None)
        asyncio.run(_play(home, console, quiet=as_json))
        with Reader.open(home / "stentor.db") as reader:
            entries, _ = reader.runs(limit=200, offset=0)
    good = _all_accepted(entries)
    if as_json:
        show_json({"ok": good, "runs": entries})
    else:
        _epilogue(console, entries, good=good)
    if not good:
        click.get_current_context().exit(1)


async def _play(home: Path, console: Console, *, quiet: bool) -> None:
    """Run the product in this process until the scene is over, or the watchdog says so."""
    app = App.open(home, role="demo")
    receiver, ready, stop = Receiver(), asyncio.Event(), asyncio.Event()

    async def perform() -> None:
        await ready.wait()
        clock = app.ground.seams.clock
        await add_all(Operations(app), jobs(clock, receiver.url))
        end = clock.monotonic() + _WATCHDOG_SECONDS
        with _stage(console, home, quiet=quiet) as show:
            while clock.monotonic() < end and not _scene_is_over(home):
                show(receiver)
                await clock.sleep(_REFRESH_SECONDS)
            stop.set()

    try:
        await app.run(stop, lambda: receiver.run(ready), perform)
    finally:
        await app.close()


def _scene_is_over(home: Path) -> bool:
    with Reader.open(home / "stentor.db") as reader:
        entries, _ = reader.runs(limit=200, offset=0)
    done = [entry["jobId"] for entry in entries if _all_accepted([entry])]
    return done.count("tick") >= _TICKS and {"agent", "hook"} <= set(done)


def _all_accepted(entries: list[JsonObject]) -> bool:
    states = [delivery["state"] for entry in entries for delivery in entry["deliveries"]]
    return bool(states) and all(state in _GOOD for state in states)


class _stage:  # noqa: N801 - reads as a context: with _stage(...) as show
    """What people watch: a live picture on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, home: Path, *, quiet: bool) -> None:
        self._console = console
        self._home = home
        self._quiet = quiet
        self._lines: list[Text] = []
        self._last = 0
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal and not quiet else None

    def __enter__(self) -> Callable[[Receiver], None]:
        if not self._quiet:
            self._console.print(
                "[bold]Stentor demo[/]: three jobs in a temporary home, no account, no network\n"
            )
        if self._live is not None:
            self._live.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        self._console.print()

    def _show(self, receiver: Receiver) -> None:
        if self._quiet:
            return
        with Reader.open(self._home / "stentor.db") as reader:
            news = [line for event in reader.events(self._last) if (line := self._line(event)) is not None]
            picture = _jobs_table(reader)
        self._lines += news
        if self._live is not None:
            answers = ", ".join(map(str, receiver.answers)) or "none yet"
            receiver_line = Text(f"\nwebhook receiver answered: {answers}", style="dim")
            self._live.update(Group(picture, receiver_line, *self._lines[-12:]), refresh=True)
        else:
            for line in news:
                self._console.print(line, soft_wrap=True)

    def _line(self, event: JsonObject) -> Text | None:
        self._last = event["id"]
        words = _WORDS.get(event["kind"])
        if words is None:
            return None
        clock = event["at"][11:19]
        said = words.format(target=event["target"])
        return Text.assemble((f"{clock}  ", "dim"), (f"{event['jobId']:<6}", "bold"), f"  {said}")


def _jobs_table(reader: Reader) -> Table:
    picture = Table("job", "schedule", "delivers to", "status", box=None, header_style="bold", pad_edge=False)
    for name in ("tick", "agent", "hook"):
        job = reader.job(name)
        if job is not None:
            schedule = "every 2 s" if job["schedule"]["kind"] == "every" else "once"
            picture.add_row(job["name"], schedule, job["preview"]["label"], job["status"])
    return picture


def _epilogue(console: Console, entries: list[JsonObject], *, good: bool) -> None:
    """The run log, delivery by delivery, and what to try next."""
    console.print("[bold]The run log[/]")
    for entry in reversed(entries):
        intended: JsonObject = entry["delivery"]["intended"] or {}
        console.print(f"\n{entry['jobName']}", style="bold", highlight=False)
        console.print(f"  run       {entry['runId']}  {entry['status']}", highlight=False)
        console.print(f"  session   {entry['sessionKey']}", highlight=False, soft_wrap=True)
        console.print(f"  intended  {intended.get('to')}", highlight=False)
        for delivery in entry["deliveries"]:
            _show_delivery(console, delivery)
    count = sum(len(entry["deliveries"]) for entry in entries)
    if good:
        console.print(
            f"\n[bold green]All {count} deliveries were accepted, each with a receipt.[/]", highlight=False
        )
        console.print("Next: stentor serve &")
        console.print("      stentor cron add --every 1h --text 'Hello' --to local:inbox", highlight=False)
    else:
        console.print("\n[bold red]Not every delivery was accepted: the run log above says which.[/]")


def _show_delivery(console: Console, delivery: JsonObject) -> None:
    attempts = sum(part["attempts"] for part in delivery["parts"])
    receipts = ", ".join(part["messageId"] or "none" for part in delivery["parts"])
    tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    console.print(f"  resolved  {delivery['target']}", highlight=False)
    console.print(f"  outcome   {delivery['state']} after {tries}, receipt {receipts}", highlight=False)
