"""What every test may ask for."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Here and not beside the tests it speaks of: the process that prints the summary never collects those.
from tests.kill.summary import pytest_terminal_summary  # noqa: F401 - pytest finds its hooks by name

pytest.register_assert_rewrite("stentor.testing.store_conformance")

_SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture
def fast_home(tmp_path: Path) -> Iterator[Path]:
    """A home for thousands of short lives: in memory-backed storage where there is some."""
    if not os.access(_SHARED_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_SHARED_MEMORY, prefix="stentor-") as folder:
        yield Path(folder)
