"""Plants a bug in a copy of the source and lets its test run against that."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("core", "plugins")
_FAILED = 1


@dataclass(frozen=True)
class Mutant:
    """A bug: in `file`, `new` stands where `old` belongs. `test` is who must notice.

    Where two guards stand behind each other, `also` names the other one's file, and what to plant there.
    """

    name: str
    file: str
    old: str
    new: str
    test: str
    also: tuple[tuple[str, str, str], ...] = ()


def tried(mutant: Mutant) -> str:
    """What is wrong with the suite or with the mutant; empty when the bug was caught."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for source in SOURCES:
            shutil.copytree(ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__"))
        for file, old, new in ((mutant.file, mutant.old, mutant.new), *mutant.also):
            path = copy / file
            text = path.read_text("utf-8")
            if old not in text:
                return f"{file} does not say {old!r} any more"
            path.write_text(text.replace(old, new), "utf-8")
        return _judged(mutant, [copy / source for source in SOURCES])


def _judged(mutant: Mutant, sources: Sequence[Path]) -> str:
    search = " ".join(map(str, sources))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider"),
            *("-o", f"pythonpath={search}", mutant.test),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == _FAILED:
        return ""
    outcome = "did not notice" if done.returncode == 0 else f"could not run:\n{done.stdout[-2000:]}"
    return f"{mutant.test} {outcome}"
