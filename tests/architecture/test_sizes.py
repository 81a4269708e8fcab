"""Modules and functions stay small, and every signature is annotated."""

from collections.abc import Iterable, Iterator
from statistics import median, quantiles

from tests.architecture.source import Function, Module, Offence, forbid, functions, planted, product, suite

LONGEST_MODULE = 400
LONGEST_TEST_MODULE = 600
MEDIAN_MODULE = 100
LONG_FUNCTION = 40
SHARE_OF_LONG_FUNCTIONS = 0.03
NINE_FUNCTIONS_IN_TEN = 25


def too_long(modules: Iterable[Module], limit: int) -> Iterator[Offence]:
    for module in modules:
        lines = len(module.text.splitlines())
        if lines > limit:
            yield Offence(module.path, limit + 1, f"{lines} lines, at most {limit}")


def unannotated(function: Function) -> Iterator[Offence]:
    given = function.node.args
    parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    for parameter in filter(None, parameters):
        if parameter.annotation is None and parameter.arg not in ("self", "cls"):
            yield function.offence(f"does not say what {parameter.arg} is")
    if function.node.returns is None:
        yield function.offence("does not say what it returns")


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    forbid(too_long(product(), LONGEST_MODULE))


def test_no_test_module_is_longer_than_six_hundred_lines() -> None:
    forbid(too_long(suite(), LONGEST_TEST_MODULE))


def test_half_of_the_modules_are_shorter_than_a_hundred_lines() -> None:
    # Empty files would flatter the figure.
    lengths = {module.path: len(module.text.splitlines()) for module in product() if module.text}
    if median(lengths.values()) >= MEDIAN_MODULE:
        forbid(
            Offence(path, 1, f"{lines} lines; the median is {median(lengths.values()):g}")
            for path, lines in lengths.items()
            if lines >= MEDIAN_MODULE
        )


def test_long_functions_are_rare() -> None:
    everything = list(functions(product()))
    long = [function for function in everything if function.length > LONG_FUNCTION]
    if len(long) > SHARE_OF_LONG_FUNCTIONS * len(everything):
        forbid(
            function.offence(f"has {function.length} lines; {len(long)} of {len(everything)} are that long")
            for function in long
        )


def test_nine_functions_in_ten_have_at_most_twenty_five_lines() -> None:
    everything = list(functions(product()))
    ninth = quantiles((function.length for function in everything), n=10)[-1]
    if ninth > NINE_FUNCTIONS_IN_TEN:
        forbid(
            function.offence(f"has {function.length} lines; one in ten has more than {ninth:g}")
            for function in everything
            if function.length > NINE_FUNCTIONS_IN_TEN
        )


def test_every_parameter_and_every_result_is_annotated() -> None:
    forbid(offence for function in functions(product()) for offence in unannotated(function))


def test_a_module_that_is_too_long_is_found() -> None:
    assert not list(too_long([planted("x = 1\n" * 3)], 3))
    (offence,) = too_long([planted("x = 1\n" * 4)], 3)
    assert str(offence) == "core/stentor/services/planted.py:4: 4 lines, at most 3"


def test_a_docstring_does_not_make_a_function_long() -> None:
    (function,) = functions([planted('def f() -> int:\n    """One.\n\n    Two.\n    """\n    return 1\n')])
    assert function.length == 2


def test_a_bare_parameter_and_a_bare_result_are_found() -> None:
    (function,) = functions([planted("def f(a: int, *rest, key: int = 1, **more): ...\n")])
    assert [str(found) for found in unannotated(function)] == [
        "core/stentor/services/planted.py:1: f does not say what rest is",
        "core/stentor/services/planted.py:1: f does not say what more is",
        "core/stentor/services/planted.py:1: f does not say what it returns",
    ]
