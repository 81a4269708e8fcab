"""Installs a plugin's project beside this very installation, as an editable install does: no network, no build tools.

As a program it plays the part of `pip install -e PROJECT` on pages of the documentation; the folder to install into is
the value of `SITE`.
"""

import os
import sys
import tomllib
from pathlib import Path


def install(project: Path, site: Path) -> None:
    """Make a project with a `src` folder importable from `site`, under the metadata of its pyproject.toml."""
    described = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    module = described["name"].replace("-", "_")
    info = site / f"{module}-{described['version']}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    name, version = described["name"], described["version"]
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = "".join(f"{key} = {value}\n" for key, value in described["entry-points"]["stentor"].items())
    (info / "entry_points.txt").write_text(f"[stentor]\n{points}")
    for package in (project / "src").iterdir():
        if package.suffix != ".egg-info" and not (site / package.name).exists():
            (site / package.name).symlink_to(package.resolve())


if __name__ == "__main__":
    _, command, *words = sys.argv
    (project,) = [word for word in words if not word.startswith("-")]
    if command != "install" or "-e" not in words:
        sys.exit(f"this stand-in for pip knows `pip install -e PROJECT`, not `pip {command}`")
    install(Path(project.partition("[")[0]), Path(os.environ["SITE"]))
