"""The repository speaks of the product alone: no machine's paths, no package registries, no lock of one tool."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

import pytest
from tests.architecture.source import ROOT, Offence, forbid

MACHINE = {
    "a path of one machine": re.compile(r"(?<![\w.~*$}])/(?:work|root|home)/"),
    "a package index": re.compile(r"\b(?:extra[-_])?index[-_]url\b|\bfind[-_]links\b"),
    "a registry's address": re.compile(
        r"https?://[^\s\"'<>)]*(?:pypi|pythonhosted|artifactory|nexus|registry\.npmjs)", re.IGNORECASE
    ),
}
LATER = re.compile(r"\b(?:TODO|FIXME)\b")

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="this is not a git checkout"
)


@cache
def files() -> tuple[str, ...]:
    """What git tracks, and what it would if it were added now."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(name for name in done.stdout.split("\0") if name and (ROOT / name).is_file())


def lines() -> Iterator[tuple[str, int, str]]:
    """Every line of every text file; what is not UTF-8 is not text."""
    for name in files():
        try:
            text = (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield name, number, line


def faults(line: str) -> Iterator[str]:
    for what, pattern in MACHINE.items():
        if found := pattern.search(line):
            yield f"{found.group()!r} is {what}"


def test_no_file_speaks_of_a_machine_or_a_registry() -> None:
    forbid(Offence(name, number, why) for name, number, line in lines() for why in faults(line))


def test_no_text_is_left_for_later() -> None:
    forbid(
        Offence(name, number, f"{found.group()} is for later")
        for name, number, line in lines()
        if PurePosixPath(name).suffix != ".py" and (found := LATER.search(line))
    )


def test_there_is_no_lock_file_of_one_tool() -> None:
    locks = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"}
    forbid(Offence(name, 1, "is a lock file") for name in files() if PurePosixPath(name).name in locks)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(("", "root", ".venv"), id="the administrator's folder"),
        pytest.param(("open('", "home", "ann')"), id="somebody's folder"),
        pytest.param(("https:", "", "pypi.org", "simple"), id="a registry"),
    ],
)
def test_a_line_that_speaks_of_a_machine_is_found(parts: tuple[str, ...]) -> None:
    assert list(faults("/".join(parts)))


@pytest.mark.parametrize("option", ["--{}-url=x", "extra_{}_url = x"])
def test_a_line_that_speaks_of_a_package_index_is_found(option: str) -> None:
    assert list(faults(option.format("index")))


@pytest.mark.parametrize(
    "line", ["$XDG_DATA_HOME/home/x", "docs/work/plan", "published on PyPI", "pip install x"]
)
def test_an_ordinary_line_is_let_through(line: str) -> None:
    assert not list(faults(line))
