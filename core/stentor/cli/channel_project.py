"""`stentor channels new`: the project of a channel of one's own."""

import shlex
from pathlib import Path

import click

from stentor.cli.output import common, show_json


@click.command()
@click.argument("name")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="The project's folder, instead of stentor-NAME here.",
)
@common
def new(home: Path, as_json: bool, name: str, folder: Path | None) -> None:
    """Begin a channel of your own: a package with an entry point, and tests on the rules for channels.

    \b
    stentor channels new horn
    """
    del home
    from stentor.adapters.registry import Registry
    from stentor.cli.scaffold import names_of, project, write

    loaded = Registry.load().channels.values()
    taken = {prefix: channel.name for channel in loaded for prefix in (*channel.prefixes, channel.name)}
    names = names_of(name, taken)
    files, folder = project(names), folder or Path(names.distribution)
    write(files, folder)
    following = [f"cd {shlex.quote(str(folder))}", "python -m pip install -e '.[test]'", "python -m pytest"]
    if as_json:
        made = {"channel": names.channel, "distribution": names.distribution, "package": names.package}
        show_json({**made, "folder": str(folder), "files": list(files), "next": following})
        return
    click.echo(f"{folder} holds the project of the channel {names.channel}:\n")
    click.echo("".join(f"  {path}\n" for path in files))
    click.echo("\n".join(["Next:\n", *(f"  {command}" for command in following)]))
