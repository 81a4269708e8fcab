"""A provider, a house in front of it, and the table of what became of every kill."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.kill.house import House
from tests.kill.provider import CountingProvider


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    with CountingProvider.running() as provider:
        yield provider


@pytest.fixture
def house(tmp_path: Path, provider: CountingProvider) -> Iterator[House]:
    """Every daemon and every agent ends with the test, however the test ends."""
    house = House(tmp_path, provider)
    house.furnish()
    try:
        yield house
    finally:
        house.tear_down()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was recorded of each kill: what the provider counted, and what the store says of it."""
    reports = (report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome))
    tables: dict[tuple[str, ...], list[list[object]]] = {}
    for report in reports:
        if report.nodeid.startswith("tests/kill/") and report.user_properties:
            columns = tuple(name for name, _ in report.user_properties)
            tables.setdefault(columns, []).append([value for _, value in report.user_properties])
    for columns, rows in tables.items():
        terminalreporter.section("kill -9")
        for row in (columns, *rows):
            terminalreporter.write_line(_line(row))


def _line(cells: Sequence[object]) -> str:
    return "".join(f"{cell!s:<24}" for cell in cells).rstrip()
