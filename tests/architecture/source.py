"""The code as these tests read it: every file parsed once, and offences that say where they are."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = "core/stentor/contract"


@dataclass(frozen=True)
class Module:
    """One Python file; `path` is relative to the checkout."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def origins(self) -> Mapping[str, str]:
        """What imported names stand for: `{"dt": "datetime.datetime"}`."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for name in node.names:
                    top = name.name.partition(".")[0]
                    found[name.asname or top] = name.name if name.asname else top
            elif isinstance(node, ast.ImportFrom):
                found |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
        return found

    def below(self, *folders: str) -> bool:
        """Whether the file is one of `folders`, lies below one, or matches it as a pattern."""
        path = PurePosixPath(self.path)
        return any(path.is_relative_to(folder) or path.match(folder) for folder in folders)

    def dotted(self, node: ast.AST) -> str:
        """The full name of `a.b.c`, imports followed; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.origins.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""


@dataclass(frozen=True, order=True)
class Offence:
    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


@dataclass(frozen=True)
class Function:
    module: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def length(self) -> int:
        """From `def` to the last line, without the docstring."""
        assert self.node.end_lineno is not None
        return self.node.end_lineno - self.node.lineno + 1 - self._docstring_length

    @property
    def _docstring_length(self) -> int:
        first = self.node.body[0]
        if ast.get_docstring(self.node, clean=False) is None or first.end_lineno is None:
            return 0
        return first.end_lineno - first.lineno + 1

    def offence(self, why: str) -> Offence:
        return Offence(self.module.path, self.node.lineno, f"{self.node.name} {why}")


def planted(text: str, path: str = "core/stentor/services/planted.py") -> Module:
    """A module that exists only to show that a rule bites."""
    return Module(path, text)


def core() -> Sequence[Module]:
    return _below("core")


def plugins() -> Sequence[Module]:
    return _below("plugins")


def product() -> Sequence[Module]:
    return (*core(), *plugins())


def suite() -> Sequence[Module]:
    return _below("tests")


@cache
def _below(folder: str) -> Sequence[Module]:
    return tuple(
        Module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def module(path: str) -> Module:
    """The file at `path`, which must exist."""
    return next(found for found in (*product(), *suite()) if found.path == path)


def functions(modules: Iterable[Module]) -> Iterator[Function]:
    for found in modules:
        for node in found.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Function(found, node)


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and full name of every module imported, wherever in the file."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def forbid(offences: Iterable[Offence]) -> None:
    """Fail with one line for each offence."""
    found = sorted(set(offences))
    if found:
        pytest.fail("\n" + "\n".join(map(str, found)), pytrace=False)
