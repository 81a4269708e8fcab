"""The channel contract: a `Channel` declares and parses, a `Connection` sends."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from stentor.contract.dialects import Dialect
from stentor.contract.errors import InvalidTarget
from stentor.contract.inbox import Inbox
from stentor.contract.pairing import PairingDesk
from stentor.contract.payloads import Draft, Part, Payload
from stentor.contract.receipts import LaterReceipt, Receipt
from stentor.contract.settings import AccountSettings, SecretRef
from stentor.contract.targets import Target, TargetHints
from stentor.contract.traits import Limits, Rate, Traits

Health = Literal["starting", "ready", "degraded", "down"]

# Zero-width, bidi and other format characters never belong in an address; text pasted from a chat carries them.
_INVISIBLE = frozenset(
    "\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\ufeff"
)


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a channel's target table: docs print it, `doctor` and the conformance kit check it."""

    text: str
    canonical: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ailment:
    """What keeps a channel from working on this machine, and what to do about it."""

    what: str
    mend: str


@dataclass(frozen=True, slots=True)
class Account:
    """One configured identity on a channel."""

    channel: str
    id: str
    settings: AccountSettings


class Journal(Protocol):
    """An append-only record kept in the product's own store, one per account."""

    async def append(self, key: str, target: str, body: Mapping[str, object]) -> str:
        """Keep `body`; return the record's id. An equal `key` is kept once and returns the first id."""
        ...


class ChannelContext(Protocol):
    """What the core lends to a connection."""

    @property
    def journal(self) -> Journal: ...

    @property
    def data_dir(self) -> Path:
        """A folder of this account's own, mode 0700."""
        ...

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...

    def reveal(self, secret: SecretRef) -> str:
        """The secret's text. From here on it is blacked out of logs, run log and alerts."""
        ...

    def report(self, receipt: LaterReceipt) -> None:
        """Hand in a later receipt, at any time and from any task of the loop."""
        ...

    def health(self, state: Health, reason: str = "") -> None:
        """How the account is from now on. `ready` lets go what waits for it, `down` is told to people."""
        ...


class Connection(ABC):
    """The live object of one account. The core opens it once, sends in parallel across targets, closes it once."""

    @abstractmethod
    async def send(self, part: Part) -> Receipt:
        """Send one part once. Return the provider's receipt or raise one `DeliveryError`; never retry inside."""

    async def probe(self) -> str:
        """Ask the provider who we are without sending anything; return a line for people."""
        return "ready"

    async def resolve(self, target: Target) -> Target:
        """The target by its id, where it is a name; else as it is. Raise `InvalidTarget` where the name belongs to
        nobody or to several, a `DeliveryError` where the provider did not say.
        """
        return target

    async def reconcile(self, part: Part) -> Receipt | None:
        """With `traits.reconcile == "lookup"`: the receipt of a part that did arrive, None if it did not. Raise
        `Rejected` where that will never be told, another `DeliveryError` where it may be told later.
        """
        raise NotImplementedError

    async def receive(self, inbox: Inbox) -> None:
        """With `traits.receives`: hand in what people write, until cancelled. Raise a `DeliveryError` when the
        provider cannot be listened to; the core begins again later. Nothing of this may disturb `send`.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of sockets and tasks."""


class Channel(ABC):
    """Declares a channel. Importing and instantiating it must cost no SDK and no socket."""

    name: ClassVar[str]
    prefixes: ClassVar[tuple[str, ...]]
    limits: ClassVar[Limits]
    examples: ClassVar[tuple[Example, ...]]
    summary: ClassVar[str] = ""
    extra: ClassVar[str] = ""
    traits: ClassVar[Traits] = Traits()
    settings: ClassVar[type[AccountSettings]] = AccountSettings
    # A channel whose account needs no settings has the account `default` without being configured.
    needs_account: ClassVar[bool] = True
    # How Markdown is written here. None: it is sent as it was written, cut at `limits`.
    dialect: ClassVar[Dialect | None] = None

    @abstractmethod
    def parse_target(self, text: str, hints: TargetHints) -> Target:
        """Read `text`, with or without one of our prefixes. Pure and strict: a target or `InvalidTarget`."""

    @abstractmethod
    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        """Import the SDK and connect. Raise `Unavailable` or `CredentialsRejected` when that cannot be."""

    async def pair(self, account: Account, ctx: ChannelContext, desk: PairingDesk) -> str:
        """With `traits.pairs`: pair the account with a device of its owner, and return who it is from now on. Raise
        `CredentialsRejected` where the device refuses, `Unavailable` where nothing can be paired now.
        """
        raise NotImplementedError

    async def unpair(self, account: Account, ctx: ChannelContext) -> None:
        """With `traits.pairs`: end the pairing, there and here."""
        raise NotImplementedError

    def diagnose(self) -> Sequence[Ailment]:
        """What this machine lacks, for `doctor`: it may take seconds and run programs, and touches no account."""
        return ()

    def parent(self, target: Target) -> Target | None:
        """The target a thread belongs to, for jobs that would rather have it there than not at all."""
        return None

    def traits_of(self, target: Target) -> Traits:
        """What is promised of one target, where that is less than `traits` says."""
        return self.traits

    def receives(self, settings: AccountSettings) -> bool:
        """Whether an account of these settings takes in what people write."""
        return self.traits.receives

    def rates(self, settings: AccountSettings) -> Sequence[Rate]:
        """How fast one account may send."""
        return self.traits.rates

    def render(self, payload: Payload, target: Target) -> Sequence[Draft] | None:
        """Turn a payload into drafts. None leaves it to the core, which goes by `dialect` and `limits`."""
        return None

    def body(self, text: str) -> str:
        """`text` without our own prefix and outer blanks; control and invisible characters are refused."""
        rest = text.strip()
        for prefix in self.prefixes:
            while rest[: len(prefix) + 1].lower() == f"{prefix}:":
                rest = rest[len(prefix) + 1 :].strip()
        if not rest.isprintable() or _INVISIBLE.intersection(rest):
            raise InvalidTarget(
                f"{text!r} holds control or invisible characters", hint="type the target by hand"
            )
        return rest
