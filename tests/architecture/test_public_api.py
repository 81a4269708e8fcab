"""What authors of plugins see: few names, few hooks, and a tree of errors that is drawn as it is."""

import ast
import re
from collections.abc import Iterator, Mapping
from inspect import cleandoc, signature

import pytest
from tests.architecture.source import CONTRACT, Function, Offence, forbid, functions, module

import stentor
from stentor.contract import errors, hookspecs

MOST_NAMES = 25
MOST_HOOKS = 6
MOST_ARGUMENTS = 3
MOST_ERRORS = 20
ERRORS = f"{CONTRACT}/errors.py"

ROOT_ERROR = re.compile(r" *(?P<name>StentorError)")
BRANCH = re.compile(r"[ │]*[├└]── (?P<name>\w+)")


def hooks() -> list[Function]:
    return [
        function
        for function in functions([module(f"{CONTRACT}/hookspecs.py")])
        if any(ast.unparse(mark) == "hookspec" for mark in function.node.decorator_list)
    ]


def example_of(hook: Function) -> ast.FunctionDef | None:
    """The implementation that the docstring shows, if it is one."""
    text = ast.get_docstring(hook.node) or ""
    _, marker, code = text.partition("@hookimpl")
    try:
        shown = ast.parse(cleandoc(marker + code)).body
    except SyntaxError:
        return None
    first = shown[0] if shown else None
    return first if isinstance(first, ast.FunctionDef) and first.name == hook.node.name else None


def poor_hooks() -> Iterator[Offence]:
    for hook in hooks():
        arguments = [argument.arg for argument in hook.node.args.args]
        example = example_of(hook)
        if len(arguments) > MOST_ARGUMENTS:
            yield hook.offence(f"has {len(arguments)} arguments, at most {MOST_ARGUMENTS}")
        if example is None:
            yield hook.offence("shows no implementation that starts with @hookimpl and parses")
        elif [argument.arg for argument in example.args.args] != arguments:
            yield hook.offence("shows an implementation with other arguments")


def real_tree() -> Mapping[str, str]:
    """Each error class of the contract with its parent."""
    return {
        node.name: ast.unparse(node.bases[0])
        for node in module(ERRORS).nodes
        if isinstance(node, ast.ClassDef)
    }


def drawn_tree(text: str) -> Mapping[str, str]:
    """The same, read from a drawing: a name's parent is the nearest one above that stands further left."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        drawn = BRANCH.match(line) if above else ROOT_ERROR.fullmatch(line)
        if drawn:
            column, name = drawn.start("name"), drawn["name"]
            above = [(other, parent) for other, parent in above if other < column]
            found[name] = above[-1][1] if above else "Exception"
            above.append((column, name))
    return found


def test_there_are_at_most_twenty_five_names_and_they_are_sorted() -> None:
    assert len(stentor.__all__) <= MOST_NAMES
    assert sorted(set(stentor.__all__)) == stentor.__all__


@pytest.mark.parametrize("name", stentor.__all__)
def test_each_name_can_be_imported_and_comes_from_the_contract(name: str) -> None:
    value: object = getattr(stentor, name)
    home = getattr(value, "__module__", "stentor.contract")
    assert name in dir(stentor)
    assert home.startswith("stentor.contract") or name == "hookimpl"


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = getattr(stentor, "nonsense")  # noqa: B009 - type checkers would refuse the plain spelling


def test_there_are_at_most_six_hooks() -> None:
    names = [hook.node.name for hook in hooks()]
    assert names
    assert len(names) <= MOST_HOOKS
    assert all(callable(getattr(hookspecs, name)) for name in names)


def test_each_hook_shows_how_to_implement_it() -> None:
    forbid(poor_hooks())


def test_there_are_at_most_twenty_errors() -> None:
    assert 0 < len(real_tree()) <= MOST_ERRORS


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    real, drawn = real_tree(), drawn_tree(errors.__doc__ or "")
    lines = {node.name: node.lineno for node in module(ERRORS).nodes if isinstance(node, ast.ClassDef)}
    forbid(
        Offence(ERRORS, lines.get(name, 1), f"{name}: drawn below {drawn.get(name)}, is a {real.get(name)}")
        for name in real.keys() | drawn.keys()
        if real.get(name) != drawn.get(name)
    )


def test_a_drawing_is_read_with_its_levels() -> None:
    drawing = "    StentorError\n    ├── One   says\n    │   └── Deep   more\n    └── Two   says\n"
    assert drawn_tree(drawing) == {
        "StentorError": "Exception",
        "One": "StentorError",
        "Deep": "One",
        "Two": "StentorError",
    }


def test_a_connection_sends_one_part_and_nothing_else() -> None:
    assert list(signature(stentor.Connection.send).parameters) == ["self", "part"]
