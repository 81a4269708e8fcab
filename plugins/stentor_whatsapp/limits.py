"""What WhatsApp takes at once, and how fast it is written to."""

from stentor.contract.traits import Limits, Rate, Traits

# WhatsApp publishes neither its limits nor what it counts. These are lengths that every app shows whole, in the unit
# that no other count of characters exceeds.
LIMITS = Limits(text=4096, unit="utf16", caption=1024, attachment_bytes=64 * 1024 * 1024)

# Nothing is published about paces either: accounts that write faster than people do are banned.
SECONDS_BETWEEN = 3.0
MESSAGES_PER_DAY = 200


def rates(seconds_between: float) -> tuple[Rate, ...]:
    """One message after another for the whole account: bans go by what an account does, whoever it writes to."""
    return (Rate(1 / seconds_between, burst=1, scope="account"),)


TRAITS = Traits(
    reconcile="lookup",
    receipt_level="read",
    manners=("bare_links",),  # no message of ours has a preview
    receives=True,
    stays_open=True,
    pairs=True,
    at_once=1,
    send_timeout=60,
    rates=rates(SECONDS_BETWEEN),
)
