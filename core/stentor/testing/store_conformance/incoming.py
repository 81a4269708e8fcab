"""What people write: kept once, and as long as deliveries are."""

from dataclasses import replace
from datetime import UTC, datetime

from stentor.contract.inbox import Incoming
from stentor.domain.records import Arrival
from stentor.domain.retention import Limits
from stentor.ports import Store
from stentor.testing.rows import NOW_MS, SECOND_MS, room
from stentor.testing.store_conformance.steps import RunLog, swept

DAY_MS = 86_400 * SECOND_MS


def arrival(message_id: str = "m-1", *, name: str = "room1", account: str = "main") -> Arrival:
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    message = Incoming(room(name, account=account), message_id, "ann", "Grüße 👋", at, "Ann", direct=True)
    return Arrival(message, NOW_MS, NOW_MS + 5, held=False, known=True)


class IncomingRules:
    async def test_a_message_is_kept_with_all_that_is_known_of_it(self, store: Store, read: RunLog) -> None:
        assert await store.take_in(arrival()) is True
        (kept,) = read.incoming(None, 10)
        assert (kept["channel"], kept["accountId"], kept["target"]) == ("page", "main", "page:room1")
        assert (kept["sender"], kept["senderName"], kept["text"]) == ("ann", "Ann", "Grüße 👋")
        assert (kept["direct"], kept["held"], kept["messageId"]) == (True, False, "m-1")

    async def test_a_message_that_is_told_of_again_is_kept_once(self, store: Store, read: RunLog) -> None:
        await store.take_in(arrival())
        assert await store.take_in(replace(arrival(), received_ms=NOW_MS + DAY_MS)) is False
        assert len(read.incoming(None, 10)) == 1

    async def test_ids_belong_to_their_chats_and_accounts(self, store: Store, read: RunLog) -> None:
        for other in (arrival(), arrival(name="room2"), arrival(account="second")):
            assert await store.take_in(other) is True
        assert len(read.incoming("page", 10)) == 3
        assert read.incoming("horn", 10) == []

    async def test_it_goes_when_deliveries_of_its_age_go(self, store: Store, read: RunLog) -> None:
        await store.take_in(arrival("old"))
        await store.take_in(replace(arrival("new"), received_ms=NOW_MS + 30 * DAY_MS))
        removed = await swept(store, Limits(delivery_days=30), now_ms=NOW_MS + 31 * DAY_MS)
        assert removed.incoming == 1
        assert [kept["messageId"] for kept in read.incoming(None, 10)] == ["new"]
