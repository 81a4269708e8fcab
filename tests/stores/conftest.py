"""Files of the embedded store, and connections that look at them from outside."""

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stentor.db"


@pytest.fixture
def raw(path: Path) -> Iterator[Callable[[], apsw.Connection]]:
    """Opens the store's file behind the product's back."""
    opened: list[apsw.Connection] = []

    def connect() -> apsw.Connection:
        opened.append(apsw.Connection(str(path)))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
