"""What makes the child's process trust the test peer leaves every other process alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.plugins.whatsapp.peer import Authority
from tests.plugins.whatsapp.peer.certificates import ROOT_KEY_VARIABLE, SITE

IMPORT_THE_LIBRARY = "import neonize; print('loaded')"
SHOW_THE_FINDERS = "import sys; print([type(one).__name__ for one in sys.meta_path])"


def run(program: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name != ROOT_KEY_VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def another(tmp_path: Path) -> Path:
    """A folder with a sitecustomize of somebody else."""
    (tmp_path / "sitecustomize.py").write_text("print('the other one')")
    return tmp_path


def test_it_gives_way_to_the_one_that_it_stands_before(another: Path) -> None:
    assert run("print('then')", PYTHONPATH=f"{SITE}:{another}").stdout == "the other one\nthen\n"


def test_a_process_without_the_key_imports_as_ever(authority: Authority) -> None:
    shown = run(f"{SHOW_THE_FINDERS}; {IMPORT_THE_LIBRARY}", PYTHONPATH=str(SITE)).stdout
    assert "_AfterLoading" not in shown
    assert shown.endswith("loaded\n")


def test_a_process_with_the_key_loads_the_library(authority: Authority) -> None:
    loaded = run(f"{IMPORT_THE_LIBRARY}; {SHOW_THE_FINDERS}", **authority.environment(""))
    assert loaded.stdout.startswith("loaded"), loaded.stderr
    assert "_AfterLoading" not in loaded.stdout


def test_a_library_with_another_key_is_not_let_loose_on_the_world(authority: Authority) -> None:
    program = f"import sitecustomize; sitecustomize.GENUINE = b'x' * 40; {IMPORT_THE_LIBRARY}"
    loaded = run(program, **authority.environment(""))
    assert loaded.returncode == 1
    assert "ImportError: the library's memory does not hold the root key" in loaded.stderr
