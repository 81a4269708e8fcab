"""A channel's project as its author begins it: the templates with names filled in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template

from stentor.adapters.declared import RESERVED_PREFIXES
from stentor.domain.refusals import Refused

_TEMPLATES = "templates/channel"
_SUFFIX = ".tmpl"
_WORD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
# Longer ones would not fit into the lines of the templates.
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Names:
    """One word, as each place wants it."""

    channel: str

    @property
    def module(self) -> str:
        return self.channel.replace("-", "_")

    @property
    def package(self) -> str:
        return f"stentor_{self.module}"

    @property
    def distribution(self) -> str:
        return f"stentor-{self.channel.replace('_', '-')}"

    def fill(self, text: str) -> str:
        """A template with the names in it."""
        return Template(text).substitute(
            channel=self.channel,
            package=self.package,
            distribution=self.distribution,
            title="".join(piece.title() for piece in self.module.split("_")),
            loud=self.channel.upper(),
            variable=f"{self.module.upper()}_TOKEN",
        )


def names_of(word: str, taken: Mapping[str, str]) -> Names:
    """The names of a new channel. `taken` says whose each prefix is that a loaded plugin holds."""
    if not _WORD.fullmatch(word) or len(word) > _LONGEST:
        hint = f"write a lower-case word of up to {_LONGEST} letters and digits, such as horn or night-horn"
        raise Refused("bad_name", f"{word!r} cannot be the name of a channel", hint=hint)
    if word.startswith("stentor"):
        hint = "leave it out: the project is called stentor-NAME anyway"
        raise Refused("bad_name", "a channel's name does not begin with stentor", hint=hint)
    if word in RESERVED_PREFIXES:
        hint = "choose another word: this one says what kind of place or conversation is meant"
        raise Refused("bad_name", f"{word!r} is reserved", hint=hint)
    if word in taken:
        hint = "choose another word, or uninstall that plugin: `stentor plugins` lists what is installed"
        raise Refused("name_taken", f"the prefix {word!r} belongs to {taken[word]}", hint=hint)
    names = Names(word)
    if find_spec(names.package) is not None:
        hint = "choose another word: of two packages of one name only one can be installed"
        raise Refused("name_taken", f"there is a package {names.package} already", hint=hint)
    return names


def project(names: Names) -> Mapping[str, str]:
    """The text of each file of the project, by its path."""
    found = sorted(_templates(files("stentor.cli") / _TEMPLATES))
    return {
        path.replace("PACKAGE", names.package).replace("CHANNEL", names.module): names.fill(text)
        for path, text in found
    }


def write(project: Mapping[str, str], folder: Path) -> None:
    """Write a project into a folder that holds nothing yet."""
    if folder.exists() and not folder.is_dir():
        raise Refused("not_empty", f"{folder} is a file", hint="name another folder with --dir")
    if folder.exists() and any(folder.iterdir()):
        hint = "name another folder with --dir, or empty this one: nothing is ever overwritten"
        raise Refused("not_empty", f"{folder} is not empty", hint=hint)
    for name, text in project.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _templates(folder: Traversable, path: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            name = entry.name.removesuffix(_SUFFIX)
            yield f"{path}{'.gitignore' if name == 'gitignore' else name}", entry.read_text("utf-8")
