"""The project's own description, read once."""

import tomllib
from functools import cache
from typing import Any

from tests.architecture.source import ROOT


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def import_contracts() -> dict[str, dict[str, Any]]:
    """The contracts of import-linter, by name."""
    return {contract["name"]: contract for contract in pyproject()["tool"]["importlinter"]["contracts"]}
