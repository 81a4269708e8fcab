"""`stentor status` and `stentor plugins`."""

import time
from pathlib import Path

import click

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.daemon import ask
from stentor.cli.output import common, existing, show_json, table, when
from stentor.domain.json_types import JsonObject
from stentor.domain.zones import tz_version

_STALE_MS = 35_000


@click.command()
@common
def status(home: Path, as_json: bool) -> None:
    """Show whether the daemon runs, what is due, and what needs a person."""
    daemon = ask(home, "GET", "status")
    now = time.time_ns() // 1_000_000
    with Reader.open(existing(home)) as reader:
        document: JsonObject = {
            "daemon": "running" if daemon is not None else "stopped",
            **reader.counts(),
            "nextRunAtMs": reader.next_due(),
            "tzVersion": tz_version(),
            "accounts": (daemon or {}).get("accounts", []),
            **_findings(reader, now, running=daemon is not None),
        }
        alerts = reader.alerts(10)
    if as_json:
        show_json({**document, "alerts": alerts})
        return
    figures = ("daemon", "level", "jobs", "enabled", "running", "pending", "unknown", "blocked", "sessions")
    table(("", ""), [(key, document[key]) for key in figures], empty="")
    for finding in document["findings"]:
        click.echo(f"{finding['level']}: {finding['message']}\n  fix: {finding['fix']}")
    rows = [(when(alert["at"], now), alert["cause"], alert["jobId"], alert["message"]) for alert in alerts]
    table(("alert", "cause", "job", "message"), rows, empty="No alerts.")


def _findings(reader: Reader, now: int, *, running: bool) -> JsonObject:
    """Everything that is not as it should be, each with its mend."""
    findings: list[dict[str, str]] = []

    def found(level: str, code: str, message: str, fix: str) -> None:
        findings.append({"level": level, "code": code, "message": message, "fix": fix})

    counts = reader.counts()
    if not running and counts["enabled"]:
        found("warn", "daemon_stopped", f"{_jobs(counts['enabled'])} will not run", "start `stentor serve`")
    beat = reader.heartbeat()
    if running and beat is not None and now - beat > _STALE_MS:
        found("critical", "stalled", f"no heartbeat for {(now - beat) // 1000} s", "restart the daemon")
    if counts["unknown"]:
        found(
            "warn",
            "unknown_deliveries",
            f"{counts['unknown']} may or may not have arrived",
            "stentor deliveries list --state unknown",
        )
    if counts["blocked"]:
        found(
            "warn",
            "blocked_jobs",
            f"{_jobs(counts['blocked'])} cannot run",
            "stentor cron list; stentor plugins",
        )
    for account in reader.accounts():
        if account["state"] == "down":
            where = f"{account['channel']}:{account['accountId']}"
            found(
                "critical",
                "account_down",
                f"{where} is down: {account['reason']}",
                "mend its settings, then restart",
            )
    for job in reader.damaged_jobs():
        found(
            "critical",
            "damaged_job",
            f"job {job} does not match its checksum",
            f"add it again: stentor cron get {job}",
        )
    order = ["ok", "warn", "critical"]
    return {"level": max((f["level"] for f in findings), key=order.index, default="ok"), "findings": findings}


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


@click.command()
@common
def plugins(home: Path, as_json: bool) -> None:
    """Show installed plugins with their channels and runners; broken ones are named with their error."""
    del home
    from stentor.adapters.registry import Registry

    registry = Registry.load()
    rows: list[dict[str, str | list[str] | None]] = [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "channels": list(plugin.channels),
            "runners": list(plugin.runners),
            "error": plugin.error,
        }
        for plugin in registry.plugins
    ]
    if as_json:
        show_json({"plugins": rows, "conflicts": list(registry.conflicts)})
        return
    columns = ("name", "distribution", "version", "channels", "runners", "error")
    table(columns, [[_joined(row[column]) for column in columns] for row in rows], empty="No plugins.")
    for conflict in registry.conflicts:
        click.echo(f"conflict: {conflict}")


def _joined(value: str | list[str] | None) -> str | None:
    return ", ".join(value) if isinstance(value, list) else value
