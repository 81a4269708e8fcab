"""Thousands of short lives: their stores live in memory-backed storage where there is some."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture
def fast_home(tmp_path: Path) -> Iterator[Path]:
    if not os.access(_SHARED_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_SHARED_MEMORY, prefix="stentor-") as folder:
        yield Path(folder)
