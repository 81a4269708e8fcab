"""Every task belongs to a group that waits for it and hears of its failure."""

import ast
from collections.abc import Iterator

import pytest
from tests.architecture.source import Module, Offence, forbid, planted, product

OWNERLESS = frozenset({"ensure_future", "run_coroutine_threadsafe"})


def groups(module: Module) -> set[str]:
    """Names that hold a task group: bound by `async with`, or parameters annotated as one."""
    found: set[str] = set()
    for node in module.nodes:
        if isinstance(node, ast.withitem) and isinstance(node.context_expr, ast.Call):
            if module.dotted(node.context_expr.func) == "asyncio.TaskGroup":
                found |= {node.optional_vars.id} if isinstance(node.optional_vars, ast.Name) else set()
        elif isinstance(node, ast.arg) and node.annotation is not None:
            found |= {node.arg} if module.dotted(node.annotation) == "asyncio.TaskGroup" else set()
    return found


def ownerless_tasks(module: Module) -> Iterator[Offence]:
    owners = groups(module)
    for node in module.nodes:
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in OWNERLESS or (node.attr == "create_task" and owner not in owners):
                yield Offence(module.path, node.lineno, f"{ast.unparse(node)} starts a task without a group")
        elif isinstance(node, ast.ImportFrom) and node.module == "asyncio":
            for name in node.names:
                if name.name in {"create_task", *OWNERLESS}:
                    yield Offence(
                        module.path, node.lineno, f"asyncio.{name.name} starts a task without a group"
                    )


def test_every_task_is_started_by_a_task_group() -> None:
    forbid(offence for module in product() for offence in ownerless_tasks(module))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import asyncio\nasyncio.create_task(f())", id="asyncio itself"),
        pytest.param("import asyncio as a\na.ensure_future(f())", id="ensure_future under another name"),
        pytest.param("from asyncio import create_task", id="the bare name"),
        pytest.param("loop.create_task(f())", id="a loop"),
        pytest.param("start = self.loop.create_task", id="a reference without a call"),
        pytest.param(
            "async def f(tasks: Tasks):\n    tasks.create_task(g())", id="a parameter of another kind"
        ),
    ],
)
def test_a_task_without_a_group_is_found(text: str) -> None:
    assert list(ownerless_tasks(planted(text)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "import asyncio\nasync def f():\n    async with asyncio.TaskGroup() as tasks:\n"
            "        tasks.create_task(g())",
            id="bound by async with",
        ),
        pytest.param(
            "from asyncio import TaskGroup\ndef f(tasks: TaskGroup):\n    tasks.create_task(g())",
            id="handed in as a parameter",
        ),
    ],
)
def test_a_task_of_a_group_is_let_through(text: str) -> None:
    assert not list(ownerless_tasks(planted(text)))
