"""What operators can do to deliveries and targets: the one implementation behind the API and the command line."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stentor.adapters.sqlite.outbox_log import Asked
from stentor.adapters.sqlite.reader import Reader
from stentor.app.assembly import App
from stentor.app.ground import database
from stentor.app.missing import NoSuchDelivery, NotFound
from stentor.app.operations import Operations
from stentor.app.parameters import Parameters, not_valid
from stentor.app.target_filters import canonical, target_of_deliveries
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, RouteError
from stentor.domain.rulings import DEAD, TERMINAL, WORDS, Hand, KnownTarget, StoredDelivery
from stentor.domain.states import DeliveryState


@dataclass(frozen=True)
class OutboxOperations:
    """Takes and gives JSON; raises `Refused` and `NotFound`. `by` is who asks: the events name them."""

    app: App
    by: str

    @classmethod
    def of(cls, operations: Operations) -> "OutboxOperations":
        return cls(operations.app, operations.by)

    async def resend(self, delivery_id: str, raw: Mapping[str, Any]) -> JsonObject:
        """Send parts of a delivery again; the answer is the new delivery."""
        asked = Parameters(raw, "fromPart", "to", "account")
        to, account, part = asked.text("to"), asked.text("account"), asked.number("fromPart", least=1)
        old = await self._stored(delivery_id)
        address = Address(to or old.target.canonical, account=account) if to or account else None
        resent = await self.app.book.naming.knowing(
            lambda: self.app.desk.resend(old, by=self.by, from_part=part, to=address)
        )
        return {**self._shown(resent.delivery_id), "warnings": list(resent.warnings)}

    async def settle(self, raw: Mapping[str, Any]) -> JsonObject:
        """Say of deliveries named by `ids`, or of all that are unknown, whether they arrived."""
        asked = Parameters(raw, "ids", "all", "target", "confirm", "as", "note")
        word, note = asked.word("as", WORDS), asked.text("note") or ""
        if word is None:
            raise not_valid("as", f"must be one of {', '.join(WORDS)}")
        ids = self._all_unknown(asked) if asked.flag("all") else await self._in_doubt(_named(asked))
        settled = await self.app.desk.settle(ids, word, by=self.by, note=note)
        return {"deliveries": [self._shown(delivery) for delivery in settled], "settled": len(settled)}

    async def settle_one(self, delivery_id: str, raw: Mapping[str, Any]) -> JsonObject:
        """The same for one delivery; the answer is the delivery."""
        Parameters(raw, "as", "note")
        await self.settle({**raw, "ids": [delivery_id]})
        return self._shown(delivery_id)

    async def cancel(self, delivery_id: str) -> JsonObject:
        """Send nothing more of a delivery; the answer is the delivery."""
        await self._stored(delivery_id)
        cancelled = await self.app.desk.cancel(delivery_id, by=self.by)
        parts = {"cancelled": list(cancelled.parts), "inDoubt": list(cancelled.in_doubt)}
        return {**self._shown(delivery_id), **parts}

    async def drop(self, raw: Mapping[str, Any]) -> JsonObject:
        """Remove deliveries named by `ids`, or all that ended badly, by their state and age."""
        asked = Parameters(raw, "ids", "force", "states", "olderThanMs")
        ids, force = asked.texts("ids"), asked.flag("force")
        if ids:
            if asked.texts("states") or "olderThanMs" in asked:
                raise Refused("bad_request", "name deliveries, or say which by state and age, not both")
            old = [await self._stored(delivery) for delivery in ids]
            dropped = await self.app.desk.drop(old, by=self.by, force=force)
        elif force:
            raise not_valid("force", "is for deliveries you name")
        else:
            dropped = await self._drop_old(asked)
        return {"dropped": len(dropped), "ids": dropped}

    async def clear_target(self, raw: Mapping[str, Any]) -> JsonObject:
        """Forget that a target is suspended or has moved."""
        asked = Parameters(raw, "target", "account")
        target, account = asked.text("target") or "", asked.text("account")
        with Reader.open(database(self.app.ground.home)) as reader:
            rows = reader.known_targets()
        if all(row["target"] != target for row in rows):
            with suppress(RouteError):
                target = canonical(target, self.app.ground.directory)
        named = [row for row in rows if row["target"] == target]
        known = [row for row in named if account in (None, row["accountId"])]
        if not known:
            raise NotFound(f"nothing is known of target {target!r}", "`stentor targets list` shows what is")
        if len(known) > 1:
            accounts = ", ".join(row["accountId"] for row in known)
            hint = "say which with --account"
            raise Refused(
                "ambiguous_account", f"{target} is known on several accounts: {accounts}", hint=hint
            )
        found = KnownTarget(known[0]["channel"], known[0]["accountId"], known[0]["target"])
        await self.app.ground.store.clear_target(found, Hand(self.by, self.app.ground.seams.clock.now_ms()))
        self.app.dispatcher.wake()
        return {"cleared": True, **known[0]}

    async def _drop_old(self, asked: Parameters) -> list[str]:
        states, age = asked.texts("states"), asked.number("olderThanMs")
        if not states and age is None:
            hint = "name deliveries, or use --older-than, --state or both"
            raise Refused("bad_request", "say which deliveries to drop", hint=hint)
        wanted = [_terminal(state) for state in states] if states else sorted(DEAD)
        before = self.app.ground.seams.clock.now_ms() - (age or 0)
        return await self.app.desk.drop_old(wanted, before, by=self.by)

    def _all_unknown(self, asked: Parameters) -> list[str]:
        """Whoever settles many at once says how many they are: it shows that they have looked."""
        if asked.texts("ids"):
            raise Refused("bad_request", "name deliveries or take all that are unknown, not both")
        with Reader.open(database(self.app.ground.home)) as reader:
            target = target_of_deliveries(reader, asked.text("target"), lambda: self.app.ground.directory)
            ids = reader.delivery_ids(Asked(state=DeliveryState.UNKNOWN, target=target))
        if asked.number("confirm") != len(ids):
            hint = (
                f"look at them with `stentor deliveries list --state unknown`, then add --confirm {len(ids)}"
            )
            raise Refused("not_confirmed", f"{len(ids)} deliveries are unknown", hint=hint)
        return ids

    async def _in_doubt(self, ids: list[str]) -> list[str]:
        for delivery in [await self._stored(delivery) for delivery in ids]:
            if not delivery.is_in_doubt:
                hint = f"`stentor deliveries show {delivery.id}` shows what became of it"
                message = f"delivery {delivery.id} is {delivery.state}, not unknown"
                raise Refused("not_unknown", message, hint=hint)
        return ids

    async def _stored(self, delivery_id: str) -> StoredDelivery:
        stored = await self.app.ground.store.delivery(delivery_id)
        if stored is None:
            raise NoSuchDelivery(delivery_id)
        return stored

    def _shown(self, delivery_id: str) -> JsonObject:
        with Reader.open(database(self.app.ground.home)) as reader:
            return reader.deliveries(delivery=delivery_id)[0]


def _named(asked: Parameters) -> list[str]:
    ids = asked.texts("ids")
    if not ids:
        raise Refused("bad_request", "name at least one delivery")
    return ids


def _terminal(state: str) -> DeliveryState:
    known = sorted(TERMINAL)
    if state not in known:
        raise not_valid("states", f"{state!r} cannot be dropped by its state; one of {', '.join(known)}")
    return DeliveryState(state)
