"""What a provider says of a message settles the part that it belongs to, on the account on which that was sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.store import SqliteStore
from stentor.domain.outbox import Verdict
from stentor.domain.states import PartState
from stentor.testing.points import Trail
from stentor.testing.rows import BOOT, NOW_MS, SECOND_MS, delivery_seed, room, settlement
from stentor.testing.store_conformance.steps import part_states, put, settle_one

LATER_MS = NOW_MS + SECOND_MS


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Two parts in doubt: d-1 was sent by the account `main`, d-2 by `second`."""
    opened = SqliteStore.open(tmp_path / "stentor.db", Trail())
    await put(opened, delivery_seed("d-1"), delivery_seed("d-2", to=room(account="second")))
    for part in await opened.begin_sends(NOW_MS, 2, BOOT):
        await settle_one(opened, settlement(part, Verdict(PartState.UNKNOWN, "no_answer", "cut")))
    yield opened
    await opened.close()


@pytest.fixture
async def read(tmp_path: Path, store: SqliteStore) -> AsyncIterator[Reader]:
    with Reader.open(tmp_path / "stentor.db") as reader:
        yield reader


async def test_a_part_in_doubt_is_settled_by_its_own_account(store: SqliteStore, read: Reader) -> None:
    assert await store.later_receipt("page", "main", "d-1.1", "delivered", LATER_MS)
    assert [part_states(read, name) for name in ("d-1", "d-2")] == [["delivered"], ["unknown"]]


@pytest.mark.parametrize(
    ("channel", "account"), [("page", "second"), ("other", "main")], ids=["account", "channel"]
)
async def test_a_part_in_doubt_is_not_settled_by_another(
    store: SqliteStore, read: Reader, channel: str, account: str
) -> None:
    assert not await store.later_receipt(channel, account, "d-1.1", "delivered", LATER_MS)
    assert [part_states(read, name) for name in ("d-1", "d-2")] == [["unknown"], ["unknown"]]
