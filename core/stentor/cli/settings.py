"""`stentor config`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stentor.cli.output import common, show_json
from stentor.config import CONFIG_FILE, Config
from stentor.domain.routing import Address, Directory, RouteError, infer, resolve

if TYPE_CHECKING:
    from stentor.services.agent_turns import Agent


@click.group()
def config() -> None:
    """Check the configuration."""


@config.command()
@common
def path(home: Path, as_json: bool) -> None:
    """Print where things live."""
    places = {"home": str(home), "config": str(home / "stentor.toml"), "store": str(home / "stentor.db")}
    if as_json:
        show_json(places)
    else:
        click.echo(places["config"])


@config.command()
@common
def check(home: Path, as_json: bool) -> None:
    """Read the configuration as the daemon would, and say what is wrong with it."""
    from stentor.adapters.registry import Registry
    from stentor.app.configured import agents_of, directory_of
    from stentor.app.seams import Seams
    from stentor.config import load_config

    loaded = load_config(home)
    registry = Registry.load()
    directory = directory_of(registry, loaded)
    agents = agents_of(loaded, registry, Seams())
    warnings = warnings_about(loaded, directory, agents.values())
    accounts = {name: sorted(directory.accounts(name)) for name in sorted(registry.channels)}
    answer = {"ok": True, "agents": sorted(agents), "channels": accounts, "warnings": warnings}
    if as_json:
        show_json(answer)
        return
    file = home / CONFIG_FILE
    judged = f"{file} is fine" if file.exists() else f"there is no {file}, so the defaults hold"
    click.echo(f"{judged}: agents {', '.join(sorted(agents))}")
    for warning in warnings:
        click.echo(f"warning: {warning}")


def warnings_about(loaded: Config, directory: Directory, agents: "Iterable[Agent]") -> list[str]:
    """What can be read and does not do what somebody wanted of it."""
    from stentor.app import alerting, heartbeat
    from stentor.app.configured import idle_models
    from stentor.domain.spelling import did_you_mean
    from stentor.services.alert_routes import configured

    absent = sorted(loaded.channels.keys() - directory.channels.keys())
    unknown = [
        f"[channels.{name}]: no such channel is loaded; see `stentor plugins`{did_you_mean(name, directory.channels)}"
        for name in absent
    ]
    nowhere = (
        alerting.why_unusable(configured(loaded), directory),
        heartbeat.why_unusable(loaded, directory),
    )
    return [*unknown, *_bad_defaults(directory), *filter(None, nowhere), *idle_models(agents)]


def _bad_defaults(directory: Directory) -> list[str]:
    """A default target that cannot be read would only be found out by the first job that needs it."""
    found: list[str] = []
    for name in sorted(directory.default_targets().keys() & directory.channels.keys()):
        try:
            resolve(Address(infer(name, directory)), directory)
        except RouteError as error:
            found.append(f"[channels.{name}] default_to: {error.message}")
    return found
