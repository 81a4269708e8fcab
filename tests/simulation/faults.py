"""The kinds of channels by what they promise, the answers of providers, and what each must come to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from stentor.contract.channel import Account, ChannelContext, Connection
from stentor.contract.errors import (
    Ambiguous,
    CredentialsRejected,
    Moved,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
)
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.testing.scripted import Answer, Provider, ScriptedChannel


@dataclass(frozen=True)
class Kind:
    """What a channel declares. What `stays_in_doubt` cannot find out whether a part arrived."""

    traits: Traits
    deduplicates: bool = False
    stays_in_doubt: bool = False


KINDS = {
    "none": Kind(Traits(), stays_in_doubt=True),
    "nonce": Kind(Traits(idempotency="nonce", nonce_window=1200), deduplicates=True),
    "key": Kind(Traits(idempotency="key"), deduplicates=True),
    "lookup": Kind(Traits(reconcile="lookup")),
    "receipt": Kind(Traits(reconcile="receipt", receipt_level="delivered"), stays_in_doubt=True),
}


@dataclass(frozen=True)
class Case:
    """An answer, the state its delivery ends in, and how many requests that takes.

    An answer in doubt is final where nobody can tell; elsewhere the part is accepted in the end.
    """

    make: Callable[[Provider], BaseException | Answer]
    state: str
    requests: int = 1
    in_doubt: bool = False
    # The part did arrive, so one who can be asked is not sent it again.
    arrived: bool = False

    def consequences(self, kind: Kind) -> set[tuple[str, int]]:
        if not self.in_doubt:
            return {(self.state, self.requests)}
        if kind.stays_in_doubt:
            return {("unknown", 1)}
        again = 1 if self.arrived and kind.traits.reconcile == "lookup" else 2
        return {("accepted", again)}


def raising(error: BaseException) -> Callable[[Provider], BaseException | Answer]:
    return lambda provider: error


ANSWERS = {
    "ok": Case(lambda provider: provider.accept, "accepted"),
    "refuses the connection": Case(raising(NotSent("connection refused")), "accepted", 2),
    "says not now": Case(raising(NotSent("try later", refused=True)), "accepted", 2),
    "cuts the line": Case(raising(Ambiguous("reset")), "", in_doubt=True),
    "accepts and cuts the line": Case(
        lambda provider: provider.accepted_then(Ambiguous("reset")), "", in_doubt=True, arrived=True
    ),
    "hangs": Case(raising(Ambiguous("never raised")), "", in_doubt=True),
    "slows down a little": Case(raising(Throttled(3)), "accepted", 2),
    "slows down the account": Case(raising(Throttled(40, scope="account")), "accepted", 2),
    "slows down for longer than the message lives": Case(raising(Throttled(90_000)), "failed"),
    "knows no such token": Case(raising(CredentialsRejected("401")), "accepted", 2),
    "is not there": Case(raising(Unavailable("not connected")), "accepted", 2),
    "was blocked": Case(raising(Rejected("blocked")), "failed"),
    "refuses the markup": Case(raising(Rejected("bad_format")), "accepted", 2),
    "finds it too long": Case(raising(Rejected("too_large")), "failed"),
    "misses the thread": Case(raising(Rejected("thread_gone")), "failed"),
    "names another address": Case(raising(Moved(Target("page", "room", "room9", "room9"))), "failed"),
    "has a bug": Case(raising(KeyError("id")), "unknown"),
    "returns nothing": Case(lambda provider: _nothing, "unknown"),
    "names no message": Case(lambda provider: lambda part: Receipt(part.target, ""), "unknown"),
}


def _nothing(part: Part) -> Receipt:
    del part
    return cast("Receipt", None)


class _Hanging(Connection):
    """Takes the first part and never answers."""

    def __init__(self, inner: Connection, provider: Provider) -> None:
        self._inner = inner
        self._provider = provider

    async def send(self, part: Part) -> Receipt:
        if not self._provider.requests:
            self._provider.requests.append(part)
            self._provider.script.clear()
            await asyncio.Event().wait()
        return await self._inner.send(part)

    async def reconcile(self, part: Part) -> Receipt | None:
        return await self._inner.reconcile(part)


def hanging(channel: ScriptedChannel) -> ScriptedChannel:
    """The same channel, but its first send hangs."""
    ordinary = channel.open

    async def open_hanging(account: Account, ctx: ChannelContext) -> Connection:
        return _Hanging(await ordinary(account, ctx), channel.provider)

    kind = type("Hanging", (type(channel),), {"open": lambda self, account, ctx: open_hanging(account, ctx)})
    other: ScriptedChannel = kind()
    other.provider = channel.provider
    return other
