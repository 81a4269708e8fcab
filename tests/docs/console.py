"""Runs the console blocks of a page, one after the other in one shell, and compares what they print.

A line that begins with `$ ` is a command and what follows is its output, in which `...` stands for anything. Blanks
count as one, because the width of a column depends on what stands in it.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT, Fence, fences

_PROMPT = "$ "
_ANYTHING = "..."
_MARK = "\x1e"
_LONGEST_SECONDS = 60
_PIP = ROOT / "tests" / "installing.py"
# Whatever a page leaves running in the background ends with the page.
_TIDY_UP = "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"


@dataclass(frozen=True, slots=True)
class Command:
    place: str
    line: str
    expected: str


@dataclass(frozen=True, slots=True)
class Outcome:
    command: Command
    output: str
    code: int

    def complaint(self) -> str:
        """What is wrong with the outcome; empty if it is as documented."""
        pattern = ".*".join(map(re.escape, _squeezed(self.command.expected).split(_ANYTHING)))
        refused = self.command.expected.startswith("error:")
        as_documented = re.fullmatch(pattern, _squeezed(self.output), re.DOTALL) is not None
        if as_documented and (self.code != 0) == refused:
            return ""
        return (
            f"{self.command.place}: `{self.command.line}` exited with {self.code} and printed\n{self.output}"
        )


def commands(page: str) -> list[Command]:
    return [
        command for fence in fences(page) if fence.language == "console" for command in _commands_of(fence)
    ]


def run(page: str, folder: Path, env: Mapping[str, str]) -> list[Outcome]:
    """Run a page's commands in `folder`, where its files have been saved."""
    given = commands(page)
    script = [_TIDY_UP, *(f"{command.line}\nprintf '{_MARK}%s{_MARK}' $?" for command in given)]
    printed = folder / "printed"
    with printed.open("w") as output:
        subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    pieces = printed.read_text("utf-8").split(_MARK)
    answers = zip(given, pieces[0::2], pieces[1::2], strict=False)
    return [Outcome(command, output, int(code)) for command, output, code in answers]


def environment(home: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """That of a reader who has activated this very installation."""
    programs = shlex.quote(str(Path(sys.executable).parent))
    return {
        "PATH": f"{programs}:{inherited.get('PATH', '')}",
        "HOME": str(home.parent),
        "STENTOR_HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


def with_pip(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The same for a reader who installs projects, with a pip that needs neither a network nor build tools.

    Of pytest's plugins that reader has none.
    """
    site, pip = folder / "site", folder / "bin" / "pip"
    site.mkdir()
    pip.parent.mkdir()
    pip.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(_PIP))} "$@"\n')
    pip.chmod(0o700)
    path = f"{pip.parent}:{env['PATH']}"
    plain = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return {**env, **plain, "PATH": path, "PYTHONPATH": str(site), "SITE": str(site)}


def _commands_of(fence: Fence) -> Iterator[Command]:
    line, expected = "", list[str]()
    for text in fence.text.splitlines():
        if not text.startswith(_PROMPT):
            expected.append(text)
            continue
        if line:
            yield Command(fence.place, line, "\n".join(expected))
        line, expected = text.removeprefix(_PROMPT), []
    if line:
        yield Command(fence.place, line, "\n".join(expected))


def _squeezed(text: str) -> str:
    return "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines()).strip()
