"""Reads what agents are to know from the disk: the files of their workspaces, and skills.

Agents write into their workspaces, and may be talked into anything. So nothing that lies there ends a run, and nothing
is read that a link leads to elsewhere: what is no plain text inside is left out with a warning.
"""

import codecs
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

from stentor.contract.runners import BootstrapFile
from stentor.domain.background import Background, Tasks, bootstrap_names
from stentor.domain.heartbeats import HEARTBEAT_FILE
from stentor.domain.skills import SKILL_FILE, Skill, first_of_each, skill_of

BUNDLED = Path(__file__).parents[1] / "skills"
LONGEST_FILE_KIB = 20
LONGEST_SKILL_KIB = 40
MOST_SKILLS = 200

_SKILLS = "skills"
_KIB = 1024
# A skill says at its top what it is for.
_TOP_OF_A_SKILL_KIB = 8
_MOST_WARNINGS = 10
T = TypeVar("T")


class FolderWorkspaces:
    """Workspaces in folders of this machine, the skills of all agents in `home`, and those that come with us."""

    def __init__(self, home: Path, bundled: Path = BUNDLED) -> None:
        self._for_all = (home / _SKILLS, bundled)

    def background(self, workspace: Path | None, *, isolated: bool) -> Background:
        """Isolated runs see neither the skills of their workspace nor what the agent remembers."""
        warnings: list[str] = []
        files = () if workspace is None else tuple(_bootstrap(_Root(workspace, warnings), isolated=isolated))
        known = [
            _skills(root, folder) for root, folder in self._places(workspace, warnings, isolated=isolated)
        ]
        skills = first_of_each(tuple(chain.from_iterable(known)))
        return Background(files, skills, _few(warnings))

    def skill(self, workspace: Path | None, name: str, *, isolated: bool) -> str | None:
        for root, folder in self._places(workspace, [], isolated=isolated):
            for found in _skills(root, folder):
                if found.name == name:
                    read = root.beginning(Path(found.path), LONGEST_SKILL_KIB)
                    return None if read is None else _as_far_as_read(read)
        return None

    def _places(
        self, workspace: Path | None, warnings: list[str], *, isolated: bool
    ) -> Iterator[tuple["_Root", Path]]:
        """The folders in which skills are looked for, the first of them first."""
        if workspace is not None and not isolated:
            yield _Root(workspace, warnings), workspace / _SKILLS
        for folder in self._for_all:
            yield _Root(folder, warnings), folder

    def tasks(self, workspace: Path | None) -> Tasks:
        if workspace is None:
            return Tasks()
        warnings: list[str] = []
        found = _file(_Root(workspace, warnings), HEARTBEAT_FILE)
        return Tasks(None if found is None else found.text, tuple(warnings))


class _UnfitError(Exception):
    """Something is there, and it is not what is read here; the text says why."""


@dataclass(frozen=True, slots=True)
class _Beginning:
    text: str
    is_all: bool


@dataclass(frozen=True, slots=True)
class _Root:
    """A folder that nothing leads out of. What is wrong in it is noted in `warnings`."""

    path: Path
    warnings: list[str]

    def beginning(self, path: Path, kib: int) -> _Beginning | None:
        """The first part of a file; None where there is nothing to be read."""
        return self._reading(path, lambda real: _beginning(real, kib * _KIB))

    def names(self, folder: Path) -> Sequence[str]:
        """What lies in a folder, in a fixed order."""
        return self._reading(folder, _names) or ()

    def leave_out(self, path: Path, why: str) -> None:
        self.warnings.append(f"{path} is left out: {why}")

    def _reading(self, path: Path, read: Callable[[Path], T]) -> T | None:
        try:
            return read(self._inside(path))
        except (FileNotFoundError, NotADirectoryError):
            if os.path.lexists(path):
                self.leave_out(path, "the link leads nowhere")
        except UnicodeDecodeError:
            self.leave_out(path, "it is not UTF-8")
        except _UnfitError as error:
            self.leave_out(path, str(error))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            self.leave_out(path, f"it cannot be read ({why or 'not a path'})")
        return None

    def _inside(self, path: Path) -> Path:
        real = Path(os.path.realpath(path, strict=True))
        if not real.is_relative_to(os.path.realpath(self.path)):
            raise _UnfitError(f"it leads out of {self.path}")
        return real


def _bootstrap(workspace: _Root, *, isolated: bool) -> Iterator[BootstrapFile]:
    for name in bootstrap_names(isolated=isolated):
        found = _file(workspace, name)
        if found is not None and found.text.strip():
            yield found


def _file(workspace: _Root, name: str) -> BootstrapFile | None:
    path = workspace.path / name
    found = workspace.beginning(path, LONGEST_FILE_KIB)
    if found is None or found.is_all:
        return None if found is None else BootstrapFile(name, found.text)
    cut = f"{name} is cut here: it is longer than {LONGEST_FILE_KIB} KiB"
    workspace.warnings.append(f"{path} is cut: it is longer than {LONGEST_FILE_KIB} KiB")
    return BootstrapFile(name, f"{found.text}\n\n({cut})\n")


def _skills(root: _Root, folder: Path) -> Iterator[Skill]:
    names = [name for name in root.names(folder) if not name.startswith(".")]
    if len(names) > MOST_SKILLS:
        root.leave_out(
            folder / names[MOST_SKILLS], f"only the first {MOST_SKILLS} skills of a folder are read"
        )
    for name in names[:MOST_SKILLS]:
        path = folder / name / SKILL_FILE
        if not name.isprintable():
            root.warnings.append(f"{name!r} in {folder} is left out: its name is no plain text")
        elif found := root.beginning(path, _TOP_OF_A_SKILL_KIB):
            # An agent's program may run in another folder than this process.
            yield skill_of(found.text, folder=name, path=str(path.absolute()))


def _as_far_as_read(skill: _Beginning) -> str:
    end = "" if skill.is_all else f"\n\n(it is cut here: it is longer than {LONGEST_SKILL_KIB} KiB)\n"
    return f"{skill.text}{end}"


def _names(folder: Path) -> Sequence[str]:
    if not folder.is_dir():
        raise _UnfitError("it is not a folder")
    return sorted(entry.name for entry in folder.iterdir())


def _beginning(file: Path, limit: int) -> _Beginning:
    # Opening a device may do something, so it is asked for first what it is.
    if not file.is_file():
        raise _UnfitError("it is not a regular file")
    with open(file, "rb", opener=_open_at_once) as opened:
        content = opened.read(limit + 1)
    is_all = len(content) <= limit
    # A character that the limit cuts in two is left out, and so is the mark some editors begin a file with.
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    return _Beginning(decoder.decode(content[:limit], final=is_all), is_all)


def _open_at_once(file: str, flags: int) -> int:
    # Should it have become a pipe meanwhile, that nobody writes to, nobody waits; should it be a link, it is refused.
    return os.open(file, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _few(warnings: Sequence[str]) -> tuple[str, ...]:
    rest = len(warnings) - _MOST_WARNINGS
    if rest <= 0:
        return tuple(warnings)
    return (*warnings[:_MOST_WARNINGS], f"{rest} more such warnings are left out")
