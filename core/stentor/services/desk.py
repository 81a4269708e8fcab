"""The operators' desk: deliveries are sent again, ruled upon, cancelled and dropped by hand."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from stentor.contract.payloads import Payload
from stentor.contract.targets import Target
from stentor.domain.idents import ident, part_ident
from stentor.domain.json_types import as_object
from stentor.domain.manners import USUAL
from stentor.domain.records import DeliverySeed, PartSeed
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, Route, resolve
from stentor.domain.rulings import (
    Cancelled,
    Hand,
    Resend,
    Ruling,
    StoredDelivery,
    StoredPart,
    Word,
)
from stentor.domain.states import GOOD_DELIVERY, DeliveryState, Priority, Purpose
from stentor.ports import Chance, Clock, Store
from stentor.services.enclosures import files_of, kept
from stentor.services.outgoing import EXPIRY_SECONDS, Outgoings

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Resent:
    """The delivery that repeats another, and what whoever asked for it should know."""

    delivery_id: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Desk:
    store: Store
    clock: Clock
    chance: Chance
    outgoings: Outgoings
    wake: Callable[[], None]

    async def resend(
        self, old: StoredDelivery, *, by: str, from_part: int | None = None, to: Address | None = None
    ) -> Resent:
        """Send parts of a delivery once more: as they were rendered, or anew for another channel."""
        _refuse_senseless(old)
        parts = old.parts_to_resend(from_part)
        if not parts:
            raise Refused(
                "no_such_part", f"delivery {old.id} has {len(old.parts)} parts, no part {from_part}"
            )
        route = None if to is None else resolve(to, self.outgoings.directory)
        target = old.place_of(parts) if route is None else route.target
        source = old.source if route is None else route.source
        seed = self._again(old, target, source)
        if route is None or target.channel == old.target.channel:
            seed = _with_parts(seed, [(p.text, p.format, p.attachment, p.plain) for p in parts])
            warnings = _remarks(old)
        else:
            characters = sum(len(part.text) for part in parts)
            seed = await self.outgoings.beside(characters, partial(self._rendered, seed, route, parts))
            warnings = (*_remarks(old), _lost(old, target.channel, parts, len(seed.parts)))
        again = Resend(old.id, tuple(part.n for part in parts), self._hand(by))
        if not await self.store.resend(seed, again):
            raise _still_pending(old.id)
        self.wake()
        return Resent(seed.id, warnings)

    async def settle(self, delivery_ids: Sequence[str], word: Word, *, by: str, note: str = "") -> list[str]:
        """Rule on the unknown parts of deliveries; gives those that had any."""
        hand = self._hand(by)
        settled: list[str] = []
        for begin in range(0, len(delivery_ids), _AT_ONCE):
            some = delivery_ids[begin : begin + _AT_ONCE]
            taken = await self.store.rule([Ruling(delivery, word, hand, note) for delivery in some])
            settled += [delivery for delivery, was in zip(some, taken, strict=True) if was]
        self.wake()
        return settled

    async def cancel(self, delivery_id: str, *, by: str) -> Cancelled:
        """Send nothing more of a delivery; what is being sent goes on."""
        cancelled = await self.store.cancel(delivery_id, self._hand(by))
        self.wake()
        if cancelled == Cancelled():
            hint = f"`stentor deliveries show {delivery_id}` shows what became of its parts"
            raise Refused("nothing_waits", f"no part of delivery {delivery_id} waits to be sent", hint=hint)
        return cancelled

    async def drop(self, old: Sequence[StoredDelivery], *, by: str, force: bool) -> list[str]:
        """Remove these deliveries. What is not over goes only by force: it is cancelled first."""
        unfinished = [delivery.id for delivery in old if delivery.is_open]
        if unfinished and not force:
            raise Refused(
                "not_over",
                f"not over yet, or unknown whether they arrived: {', '.join(unfinished)}",
                hint="settle or cancel them first; --force gives up what waits and forgets what is unknown",
            )
        hand = self._hand(by)
        for delivery in unfinished:
            await self.store.cancel(delivery, hand)
        gone = await self.store.drop([delivery.id for delivery in old], hand)
        left = [delivery.id for delivery in old if delivery.id not in gone and delivery.parts]
        if left:
            hint = f"{len(gone)} were dropped; try these again in a moment"
            raise Refused("being_sent", f"being sent right now: {', '.join(left)}", hint=hint)
        return list(gone)

    async def drop_old(self, states: Sequence[DeliveryState], before_ms: int, *, by: str) -> list[str]:
        """Remove everything that ended in one of these states and was made before an instant, a few at a time."""
        hand = self._hand(by)
        dropped: list[str] = []
        while some := await self.store.over(states, before_ms, _AT_ONCE):
            gone = await self.store.drop(some, hand)
            dropped += gone
            if not gone:
                break
        return dropped

    def _again(self, old: StoredDelivery, target: Target, source: str) -> DeliverySeed:
        now = self.clock.now_ms()
        return DeliverySeed(
            ident("d", now, self.chance.token(8)),
            Purpose.MANUAL,
            target,
            source,
            now,
            now + EXPIRY_SECONDS * 1000,
            Priority.INTERACTIVE,
            job_id=old.job_id,
            link="resend",
            linked_to=old.id,
            manner=old.manner if target.channel == old.target.channel else USUAL,
        )

    def _rendered(self, seed: DeliverySeed, route: Route, parts: Sequence[StoredPart]) -> DeliverySeed:
        """What the parts say, in the words of another channel."""
        files = tuple(file for part in parts for file in files_of(part.attachment))
        texts = [text for part in parts if (text := _words(part))]
        drafts = self.outgoings.render(route, Payload("\n".join(texts), files))
        return _with_parts(
            seed,
            [(draft.text, draft.format, kept(draft), draft.plain or None) for draft in drafts],
        )

    def _hand(self, by: str) -> Hand:
        return Hand(by, self.clock.now_ms())


def _refuse_senseless(old: StoredDelivery) -> None:
    if old.state is DeliveryState.PENDING:
        raise _still_pending(old.id)
    if not old.parts:
        silent = old.state in (DeliveryState.SUPPRESSED, DeliveryState.NOT_REQUESTED)
        why = "was suppressed, so there is no text" if silent else "was dropped with its text"
        raise Refused("nothing_to_send", f"delivery {old.id} {why}", hint="`stentor send` sends a new one")


def _still_pending(delivery_id: str) -> Refused:
    hint = f"wait for it, or `stentor deliveries cancel {delivery_id}` first"
    return Refused("still_pending", f"delivery {delivery_id} is still to be sent", hint=hint)


def _with_parts(
    seed: DeliverySeed, contents: Sequence[tuple[str, str, str | None, str | None]]
) -> DeliverySeed:
    if not contents:
        return replace(seed, state=DeliveryState.SUPPRESSED, reason="empty")
    parts = tuple(
        PartSeed(part_ident(seed.id, n), n, len(contents), text, form, attachment, plain)
        for n, (text, form, attachment, plain) in enumerate(contents, start=1)
    )
    return replace(seed, parts=parts)


def _remarks(old: StoredDelivery) -> tuple[str, ...]:
    if old.state is DeliveryState.UNKNOWN:
        return (f"{old.id} stays unknown until somebody settles it; it may arrive twice now",)
    if old.state in GOOD_DELIVERY:
        return (f"{old.id} had arrived: this sends it a second time",)
    return ()


def _words(part: StoredPart) -> str:
    """What a part says, without the markup of the channel it was rendered for."""
    if part.format == "json":
        try:
            said = (as_object(json.loads(part.text)) or {}).get("text")
        except ValueError:
            said = None
        return said if isinstance(said, str) else part.text
    return part.text if part.plain is None else part.plain


def _lost(old: StoredDelivery, channel: str, parts: Sequence[StoredPart], count: int) -> str:
    """What does not survive the way from one channel to another."""
    pieces = "1 part" if count == 1 else f"{count} parts"
    said = f"rendered anew for {channel} from the text stored for {old.target.channel}, {pieces}"
    if any(part.format == "json" for part in parts):
        return f"{said}: of the JSON only its text is sent"
    if any(part.plain is not None or part.format != "plain" for part in parts):
        return f"{said}: its formatting is lost"
    return said
