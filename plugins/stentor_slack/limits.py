"""What Slack takes at once, how fast, and how long anybody waits for it."""

from dataclasses import dataclass

from stentor.contract.traits import Limits, Rate, Traits

# Slack cuts a text that is longer than 4000 into messages of its own, and loses what is behind 40 000. It does not
# say what it counts, so the unit is the one that no other count of characters exceeds.
LIMITS = Limits(text=4000, unit="utf16", caption=4000, attachment_bytes=1_000_000_000, album=10)
BURST = 3
TRAITS = Traits(
    reconcile="lookup",
    manners=("bare_links", "broadcast"),
    receives=True,
    at_once=64,
    send_timeout=330,
    rates=(Rate(1, BURST, "target"),),
)
# Where Slack wants quiet and does not say for how long.
QUIET_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection, for the answer to one call, and for all files of one part on their way; between two
    looks at the socket, and for it to come back. One part takes a call, its files, and one more call at most.
    """

    connection: float = 10
    call: float = 30
    files: float = 240
    ping: float = 10
    silence: float = 60
