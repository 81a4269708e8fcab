"""Nothing is left for later, and no check is switched off without saying which and why."""

import ast
import re
import tokenize
from collections.abc import Iterator
from io import StringIO

import pytest
from tests.architecture.source import Module, Offence, forbid, planted, product, suite

LATER = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
SWITCHES = {
    "noqa": re.compile(r"#\s*noqa(?P<rest>.*)", re.IGNORECASE),
    "pyright: ignore": re.compile(r"#\s*pyright:\s*ignore(?P<rest>.*)"),
    "type: ignore": re.compile(r"#\s*type:\s*ignore(?P<rest>.*)"),
}
NOQA_CODES = re.compile(r":\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*")
NOQA_REASON = re.compile(rf"{NOQA_CODES.pattern} - \S.*")
IGNORE_CODES = re.compile(r"\[[\w-]+(?:\s*,\s*[\w-]+)*\]")

# The one method that says of itself that a channel may leave it out.
MAY_BE_LEFT_OUT = {
    ("core/stentor/contract/channel.py", name) for name in ("pair", "receive", "reconcile", "unpair")
}


def comments(module: Module) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def docstrings(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, text


def left_for_later(module: Module) -> Iterator[Offence]:
    for line, comment in comments(module):
        if found := LATER.search(comment):
            yield Offence(module.path, line, f"{found.group()} in a comment")
    for line, text in docstrings(module):
        if found := LATER.search(text):
            yield Offence(module.path, line, f"{found.group()} in a docstring")


def unfinished(module: Module) -> Iterator[Offence]:
    allowed = {
        id(part)
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (module.path, node.name) in MAY_BE_LEFT_OUT
        for part in ast.walk(node)
    }
    for node in module.nodes:
        if isinstance(node, ast.Name) and node.id == "NotImplementedError" and id(node) not in allowed:
            yield Offence(module.path, node.lineno, "NotImplementedError: finish it or leave it out")


def switched_off(module: Module, *, with_reason: bool) -> Iterator[Offence]:
    for line, comment in comments(module):
        for name, pattern in SWITCHES.items():
            found = pattern.search(comment)
            if found and (why := _fault(name, found["rest"], with_reason=with_reason)):
                yield Offence(module.path, line, f"{name} {why}")


def _fault(name: str, rest: str, *, with_reason: bool) -> str:
    codes = NOQA_CODES if name == "noqa" else IGNORE_CODES
    if not codes.match(rest):
        return "names no code"
    if name == "noqa" and with_reason and not NOQA_REASON.match(rest):
        return "gives no reason after ` - `"
    return ""


def test_nothing_is_left_for_later() -> None:
    forbid(offence for module in (*product(), *suite()) for offence in left_for_later(module))


def test_nothing_is_unfinished() -> None:
    forbid(offence for module in product() for offence in unfinished(module))


def test_checks_are_switched_off_by_code_and_with_a_reason() -> None:
    forbid(offence for module in product() for offence in switched_off(module, with_reason=True))


def test_checks_are_switched_off_by_code_in_tests_too() -> None:
    forbid(offence for module in suite() for offence in switched_off(module, with_reason=False))


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        ("noqa", "noqa names no code"),
        ("noqa: S101", "noqa gives no reason after ` - `"),
        ("noqa: S101  (because)", "noqa gives no reason after ` - `"),
        ("type: ignore", "type: ignore names no code"),
        ("pyright: ignore", "pyright: ignore names no code"),
    ],
)
def test_a_check_switched_off_carelessly_is_found(comment: str, why: str) -> None:
    (offence,) = switched_off(planted(f"x = 1  # {comment}\n"), with_reason=True)
    assert offence.why == why


@pytest.mark.parametrize(
    "comment",
    [
        "noqa: S101, ARG002 - it is so",
        "type: ignore[arg-type]",
        "pyright: ignore[reportAny, reportX]",
        "plain",
    ],
)
def test_a_check_switched_off_with_care_is_let_through(comment: str) -> None:
    assert not list(switched_off(planted(f"x = 1  # {comment}\n"), with_reason=True))


def test_what_is_left_for_later_is_found() -> None:
    words = "TODO", "FIXME"
    text = f'"""{words[0]}: more."""\nx = 1  # {words[1]}\n'
    assert [offence.line for offence in left_for_later(planted(text))] == [2, 1]
    assert list(unfinished(planted("def f() -> None:\n    raise NotImplementedError\n")))
