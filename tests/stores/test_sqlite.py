"""The embedded store keeps every rule of the port, wherever its writer works."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter
from stentor.testing.points import Trail
from stentor.testing.store_conformance import Reopen, StoreConformance


class _InAFile(StoreConformance):
    open: Callable[[Path], SqliteStore]

    @pytest.fixture
    async def store(self, path: Path) -> AsyncIterator[SqliteStore]:
        store = type(self).open(path)
        yield store
        await store.close()

    @pytest.fixture
    def read(self, store: SqliteStore, path: Path) -> Iterator[Reader]:
        with Reader.open(path) as reader:
            yield reader

    @pytest.fixture
    async def reopen(self, path: Path) -> AsyncIterator[Reopen]:
        opened: list[SqliteStore] = []

        async def again() -> SqliteStore:
            opened.append(type(self).open(path))
            return opened[-1]

        yield again
        for store in opened:
            await store.close()


class TestWithAWriterThread(_InAFile):
    @staticmethod
    def open(path: Path) -> SqliteStore:
        return SqliteStore.open(path, Trail())


class TestWithTheWriterOnTheLoop(_InAFile):
    @staticmethod
    def open(path: Path) -> SqliteStore:
        connection = open_connection(path)
        return SqliteStore(path, connection, InlineWriter(connection, Trail()))
