"""`stentor status`, `stentor doctor` and `stentor plugins`."""

import time
from dataclasses import asdict
from pathlib import Path

import click

from stentor.adapters.sqlite.health import Health, read_health
from stentor.adapters.sqlite.outbox_health import read_outbox_health
from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.shapes import iso
from stentor.adapters.stall_note import StallFile
from stentor.adapters.tz_database import tz_database
from stentor.cli.daemon import ask
from stentor.cli.findings import Facts, Finding, findings, level_of, span
from stentor.cli.heartbeat_figures import UNKNOWN, main_session_text
from stentor.cli.output import DaemonUnreachable, common, existing, show_json, table, when
from stentor.cli.session_figures import sessions_text, sweep_text
from stentor.domain.json_types import JsonObject

# A stalled daemon never answers, and whoever looks wants to know what the store says of it.
_PATIENCE_SECONDS = 5.0
_SHOWN = 50
_MEND = "mend it in stentor.toml, then restart the daemon; `stentor config check` reads it again"
_TROUBLES = ("pending", "blocked", "unknown", "unconfirmed", "failed", "partial")


@click.command()
@common
def status(home: Path, as_json: bool) -> None:
    """Show whether the daemon runs, what is due, and what needs a person."""
    facts, answer = facts_of(home)
    found = [*findings(facts), *_about_start(home, facts)]
    with Reader.open(existing(home)) as reader:
        zones = tz_database()
        document = {
            "daemon": facts.daemon,
            "level": level_of(found),
            **_figures(facts),
            "sessions": facts.sessions,
            "mainSession": facts.main_session,
            "nextRunAtMs": reader.next_due(),
            "tzVersion": zones.version,
            "tzSource": zones.source,
            "accounts": _with_troubles(answer.get("accounts", []), facts.accounts),
            "targets": facts.outbox.targets,
            "findings": [asdict(finding) for finding in found],
            "incidents": facts.incidents,
            "alerts": reader.alerts(10),
        }
    if as_json:
        show_json(document)
    else:
        _tell(document, facts.now_ms)


@click.command()
@click.option(
    "--fix", is_flag=True, help="Mend what needs no decision: jobs whose target has moved follow it."
)
@common
def doctor(fix: bool, home: Path, as_json: bool) -> None:
    """Name what is not as it should be, each finding with its mend."""
    facts, _ = facts_of(home)
    fixed: list[JsonObject] = []
    if fix:
        from stentor.cli.mending import mended

        fixed = mended(home, facts.outbox.known_targets("moved"))
        facts, _ = facts_of(home)
    found = [*findings(facts), *_about_home(home), *_about_settings(home)]
    document: JsonObject = {
        "level": level_of(found),
        "findings": [asdict(finding) for finding in found],
        "incidents": facts.incidents,
        "fixed": fixed,
    }
    if as_json:
        show_json(document)
    else:
        for deed in fixed:
            click.echo(f"fixed: {deed['message']}")
        _tell_findings(document)
        _tell_incidents(document, facts.now_ms)


def _about_start(home: Path, facts: Facts) -> list[Finding]:
    """Why a daemon that does not run could not be started, as far as that can be told at once."""
    from stentor.config import ConfigError, load_config

    if facts.daemon != "stopped":
        return []
    try:
        load_config(home)
    except ConfigError as error:
        return [_bad_config(error)]
    return _about_home(home)


def _about_home(home: Path) -> list[Finding]:
    if home.exists():
        return []
    fix = "look for a slip in --home or STENTOR_HOME; `stentor cron add` makes a new one"
    return [Finding("warn", "no_home", f"there is nothing at {home}", fix)]


def _bad_config(error: Exception) -> Finding:
    return Finding("critical", "bad_config", f"the daemon cannot start with it: {error}", _MEND)


def _about_settings(home: Path) -> list[Finding]:
    """What the configuration says in vain, and what its channels lack."""
    from stentor.adapters.registry import Registry
    from stentor.app.configured import agents_of, directory_of
    from stentor.app.diagnosing import ailments
    from stentor.app.seams import Seams
    from stentor.cli.settings import warnings_about
    from stentor.config import ConfigError, load_config
    from stentor.domain.refusals import Refused

    try:
        loaded = load_config(home)
        registry = Registry.load()
        directory = directory_of(registry, loaded)
        agents = agents_of(loaded, registry, Seams())
        warnings = warnings_about(loaded, directory, agents.values())
    except (ConfigError, Refused) as error:
        return [_bad_config(error)]
    idle = [Finding("warn", "idle_settings", warning, _MEND) for warning in warnings]
    return idle + [
        Finding("critical", "channel_broken", f"{channel} cannot work here: {ailment.what}", ailment.mend)
        for channel, ailment in ailments(directory)
    ]


def facts_of(home: Path) -> tuple[Facts, JsonObject]:
    """What there is to know of a home, and what its daemon says of itself."""
    now = time.time_ns() // 1_000_000
    health = read_health(existing(home), now)
    outbox = read_outbox_health(existing(home), now)
    daemon, answer = _ask_daemon(home, health)
    stall = StallFile(home).read()
    with Reader.open(existing(home)) as reader:
        counts, accounts, damaged = reader.counts(), reader.accounts(), reader.damaged_jobs()
        incidents, sessions = reader.incidents(_SHOWN), reader.session_figures()
        main = {**UNKNOWN, **reader.main_session(), **answer.get("mainSession", {})}
    live = answer.get("accounts", [])
    facts = Facts(
        now, daemon, health, counts, accounts, damaged, stall, outbox, incidents, live, sessions, main
    )
    return facts, answer


def accounts_of(home: Path) -> list[JsonObject]:
    """Every account of the store: as the daemon finds it, where one runs and has opened it."""
    facts, answer = facts_of(home)
    live = {(row["channel"], row["accountId"]): row for row in answer.get("accounts", [])}
    return [
        stored
        if stored["state"] != "open"
        else live.get((stored["channel"], stored["accountId"]), {**stored, "state": "configured"})
        for stored in facts.accounts
    ]


def _ask_daemon(home: Path, health: Health) -> tuple[str, JsonObject]:
    """Whether a daemon is running, silent or stopped, and its answer. Of a silent one the store knows more."""
    try:
        answer = ask(home, "GET", "status", patience=_PATIENCE_SECONDS)
    except DaemonUnreachable:
        if health.heartbeat_ms is None:
            raise
        return "silent", {}
    return ("stopped", {}) if answer is None else ("running", answer)


def _figures(facts: Facts) -> JsonObject:
    health, outbox = facts.health, facts.outbox
    return {
        "heartbeatAt": iso(health.heartbeat_ms),
        "heartbeatAgeMs": facts.heartbeat_age_ms,
        "clock": facts.clock,
        **facts.counts,
        "deadLetters": outbox.dead,
        "deliveries": {
            **{key: getattr(outbox, key) for key in _TROUBLES},
            "oldestPendingAt": iso(outbox.oldest_pending_ms),
            "oldestPendingMs": facts.pending_age_ms,
        },
        "backoff": health.backoff,
        "oldestUnaccountedAt": iso(health.unaccounted_ms),
        "oldestUnaccountedMs": health.unaccounted_ms,
        "oldestUnaccountedLateMs": facts.late_ms,
    }


def _with_troubles(live: list[JsonObject], stored: list[JsonObject]) -> list[JsonObject]:
    """The accounts as their channels report them; one that is shut is shut, whatever its channel still hopes for."""
    down = {(row["channel"], row["accountId"]): row for row in stored if row["state"] == "down"}
    return [down.get((account["channel"], account["accountId"]), account) for account in live]


def _tell(document: JsonObject, now: int) -> None:
    late = document["oldestUnaccountedLateMs"]
    figures = {
        **{key: document[key] for key in ("daemon", "level")},
        "heartbeat": when(document["heartbeatAt"], now),
        "clock": document["clock"]["state"].replace("_", " "),
        "zones": f"{document['tzVersion']} ({document['tzSource']})",
        **{key: document[key] for key in ("jobs", "enabled", "running", "backoff")},
        "late": None if late is None else span(late),
        **{key: document[key] for key in ("pending", "unknown")},
        "dead": document["deadLetters"],
        "blocked": document["blocked"],
        "sessions": sessions_text(document["sessions"]),
        "main": main_session_text(document["mainSession"], now),
        "swept": sweep_text(document["sessions"], now),
    }
    table(("", ""), figures.items(), empty="")
    _tell_findings(document)
    _tell_incidents(document, now)
    alerts = [
        (when(alert["at"], now), alert["cause"], alert["jobId"], alert["message"])
        for alert in document["alerts"]
    ]
    table(("alert", "cause", "job", "message"), alerts, empty="No alerts.")


def _tell_findings(document: JsonObject) -> None:
    rows = [
        (finding["level"], f"{finding['message']}\nfix: {finding['fix']}") for finding in document["findings"]
    ]
    table(("", ""), rows, empty="No findings.")


def _tell_incidents(document: JsonObject, now: int) -> None:
    rows = [
        (
            entry["cause"],
            entry["jobId"] or entry["root"],
            entry["count"],
            when(entry["openedAt"], now),
            _told(entry),
        )
        for entry in document["incidents"]
    ]
    table(("incident", "of", "times", "since", "told"), rows, empty="No open incidents.")


def _told(incident: JsonObject) -> str:
    """Where people were told of it, and whether that arrived."""
    if not incident["told"]:
        return "not yet"
    where = [f"{alert['target'] or 'somewhere'} ({alert['state']})" for alert in incident["toldTo"]]
    return ", ".join(where) or "only here"


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
