"""`stentor config`."""

from pathlib import Path

import click

from stentor.cli.output import common, show_json


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
    from stentor.app.assembly import agents_of, directory_of
    from stentor.app.seams import Seams
    from stentor.config import load_config

    loaded = load_config(home)
    registry = Registry.load()
    directory = directory_of(registry, loaded)
    agents = agents_of(loaded, registry, Seams())
    absent = sorted(name for name in loaded.channels if name not in registry.channels)
    warnings = [f"[channels.{name}]: no such channel is loaded; see `stentor plugins`" for name in absent]
    accounts = {name: sorted(directory.accounts(name)) for name in sorted(registry.channels)}
    answer = {"ok": True, "agents": sorted(agents), "channels": accounts, "warnings": warnings}
    if as_json:
        show_json(answer)
        return
    click.echo(f"{home / 'stentor.toml'} is fine: agents {', '.join(sorted(agents))}")
    for warning in warnings:
        click.echo(f"warning: {warning}")
