"""Tests wait on events instead of sleeping, and try the real code instead of a mock of it."""

import ast
from collections.abc import Iterator

import pytest
from tests.architecture.source import Module, Offence, forbid, imports, planted, suite

MOCK_LIBRARIES = ("unittest.mock", "mock", "pytest_mock")
REPLACING = frozenset({"setattr", "delattr", "setitem", "delitem"})


def sleeps(module: Module) -> Iterator[Offence]:
    for node in module.nodes:
        if isinstance(node, ast.Attribute | ast.Name) and module.dotted(node) == "time.sleep":
            yield Offence(module.path, node.lineno, "time.sleep: wait for an event")
        elif isinstance(node, ast.Call) and module.dotted(node.func) == "asyncio.sleep" and not _zero(node):
            yield Offence(module.path, node.lineno, f"{ast.unparse(node)}: wait for an event")


def _zero(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def mocks(module: Module) -> Iterator[Offence]:
    for line, name in imports(module):
        if name in MOCK_LIBRARIES:
            yield Offence(module.path, line, f"{name} makes mocks")
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "unittest":
            yield from (
                Offence(module.path, node.lineno, "unittest.mock makes mocks")
                for name in node.names
                if name.name == "mock"
            )
        elif isinstance(node, ast.Call) and _replaces_our_own(module, node):
            yield Offence(
                module.path, node.lineno, f"{ast.unparse(node.func)} replaces a part of the product"
            )


def _replaces_our_own(module: Module, call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in REPLACING or not call.args:
        return False
    victim = call.args[0]
    name = str(victim.value) if isinstance(victim, ast.Constant) else module.dotted(victim)
    return name.partition(".")[0].partition("_")[0] == "stentor"


def test_nothing_sleeps() -> None:
    forbid(offence for module in suite() for offence in sleeps(module))


def test_nothing_of_our_own_is_mocked() -> None:
    forbid(offence for module in suite() for offence in mocks(module))


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(1)",
        "from time import sleep\nsleep(0.1)",
        "import asyncio\nawait asyncio.sleep(0.01)",
        "import asyncio\nawait asyncio.sleep(delay)",
    ],
)
def test_a_sleep_is_found(text: str) -> None:
    assert list(sleeps(planted(text)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import asyncio\nawait asyncio.sleep(0)", id="one turn of the loop"),
        pytest.param("await clock.sleep(60)", id="the clock port"),
        pytest.param("'import time; time.sleep(60)'", id="the program of a child process"),
    ],
)
def test_waiting_without_real_time_is_let_through(text: str) -> None:
    assert not list(sleeps(planted(text)))


@pytest.mark.parametrize(
    "text",
    [
        "from unittest.mock import patch",
        "from unittest import mock",
        "import unittest.mock",
        "monkeypatch.setattr('stentor.app.assembly.App', Fake)",
        "from stentor.app import assembly\nmonkeypatch.setattr(assembly, 'App', Fake)",
        "import stentor_webhook.client\nmonkeypatch.setattr(stentor_webhook.client, 'x', 1)",
    ],
)
def test_a_mock_is_found(text: str) -> None:
    assert list(mocks(planted(text)))


def test_changing_the_surroundings_is_let_through() -> None:
    assert not list(mocks(planted("import sys\nmonkeypatch.setattr(sys, 'path', [])")))
