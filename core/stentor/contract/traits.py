"""What a channel can promise, as data the core acts on."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest text of one part, and the unit the provider counts in.

    caption           the longest text that may go with a file; None: text and files are sent apart.
    attachment_bytes  a larger file is not sent, and the text says so.
    counted           `sent`: the text with its markup, as it is sent; `shown`: what is left when the provider has
                      read the markup.
    stretches         more marked stretches than this in one part would not be shown.
    album             up to so many files of one kind go in one message; pictures and other files are two kinds.
    """

    text: int
    unit: Literal["utf16", "characters", "bytes"] = "characters"
    caption: int | None = None
    attachment_bytes: int | None = None
    counted: Literal["sent", "shown"] = "sent"
    stretches: int | None = None
    album: int = 1


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` sends at once and `per_second` in the long run, for one target or for the account."""

    per_second: float
    burst: int = 1
    scope: Literal["account", "target"] = "account"


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Seconds to wait after each failed try; the last value repeats until the delivery expires.

    `refusals` bounds how often a provider may say "not accepted, try later" before the part is given up.
    """

    delays: tuple[float, ...] = (5, 25, 120, 600)
    refusals: int | None = 5

    def delay(self, attempts: int) -> float:
        return self.delays[min(max(attempts, 1), len(self.delays)) - 1]


@dataclass(frozen=True, slots=True)
class Traits:
    """A channel's declared behaviour. A claim is tested by the conformance kit, never assumed.

    idempotency   `key`: the provider drops a second part of equal id; `nonce`: only within `nonce_window` seconds;
                  `none`: sending again duplicates.
    reconcile     `lookup`: `Connection.reconcile` can ask whether a part arrived; `receipt`: later receipts settle it.
    receipt_id    `own`: the provider returns no id, so the id we sent stands for it after an explicit success.
    manners       the fields of a part's `Manner` that are heeded.
    receives      `Connection.receive` hands in what people write.
    stays_open    accounts are opened when the daemon starts, not with the first send: the provider tells later, and
                  only to those who are there, what became of messages.
    pairs         `Channel.pair` pairs an account with a device of its owner.
    at_once       more sends than this are never under way on one account.
    """

    idempotency: Literal["none", "nonce", "key"] = "none"
    nonce_window: float = 0
    reconcile: Literal["none", "lookup", "receipt"] = "none"
    receipt_level: Literal["accepted", "delivered", "read"] = "accepted"
    receipt_id: Literal["provider", "own"] = "provider"
    manners: tuple[Literal["silent", "bare_links", "broadcast", "reply_to"], ...] = ()
    receives: bool = False
    stays_open: bool = False
    pairs: bool = False
    at_once: int | None = None
    push_window: float | None = None
    send_timeout: float = 60
    rates: tuple[Rate, ...] = ()
    retry: RetrySchedule = field(default_factory=RetrySchedule)

    def resend_is_harmless(self, seconds_since_first_send: float) -> bool:
        """Whether a part that may have arrived can be sent again without the recipient seeing it twice."""
        if self.idempotency == "nonce":
            return seconds_since_first_send <= self.nonce_window
        return self.idempotency == "key"
