"""The layers: which contracts must stand in pyproject.toml, and that they are kept."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.pyproject import import_contracts
from tests.architecture.source import ROOT

CONTRACTS = {
    "core is layered": "layers",
    "core knows no plugin and no SDK": "forbidden",
    "plugins see only the contract": "forbidden",
    "plugins do not know each other": "independence",
    "only client modules touch an SDK": "forbidden",
    "the domain does no I/O": "forbidden",
    "no cycles between siblings": "acyclic_siblings",
}
LINTER = shutil.which(
    "lint-imports", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)


def _of_what_is_here(config: str) -> str:
    """The linter's part, without the plugins that were left out of this checkout: the linter fails on a package that is not there."""
    config = config[config.index("[tool.importlinter]") :]
    named = set(re.findall(r'"(stentor_[a-z]+)(?:\.[a-z]+)?"', config))
    absent = "|".join(sorted(name for name in named if not (ROOT / "plugins" / name).is_dir()))
    return re.sub(rf'"(?:{absent})(?:\.[a-z]+)?",?', "", config) if absent else config


def test_all_seven_contracts_are_declared() -> None:
    assert {name: contract["type"] for name, contract in import_contracts().items()} == CONTRACTS


def test_a_module_in_no_layer_is_an_error() -> None:
    layered = import_contracts()["core is layered"]
    assert layered["exhaustive"] is True
    assert layered["containers"] == ["stentor"]


def test_no_contract_lets_an_import_through() -> None:
    assert not [name for name, contract in import_contracts().items() if contract.get("ignore_imports")]


@pytest.mark.skipif(LINTER is None, reason="import-linter is not installed; .ci/run installs and requires it")
def test_every_contract_is_kept(tmp_path: Path) -> None:
    assert LINTER is not None
    config = tmp_path / "pyproject.toml"
    config.write_text(_of_what_is_here((ROOT / "pyproject.toml").read_text()))
    done = subprocess.run(
        [LINTER, "--no-cache", "--no-logo", "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        pytest.fail(f"\n{done.stdout}{done.stderr}", pytrace=False)
