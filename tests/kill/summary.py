"""The table of what became of every kill, printed at the end of a test run."""

from collections.abc import Sequence

import pytest


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
