"""What Discord takes at once, and how long one exchange with it may last."""

from dataclasses import dataclass

from stentor import Limits
from stentor.contract.traits import Rate

# Discord counts code points. The size is that of a server without boosts, since nobody can know which server it is.
LIMITS = Limits(text=2000, unit="characters", caption=2000, attachment_bytes=10 * 2**20, album=10)
# The documented limit of a whole bot, a little below it, and the usual one of a channel.
RATES = (Rate(per_second=45, burst=45), Rate(per_second=1, burst=5, scope="target"))
SEND_TIMEOUT = 60.0
# Discord remembers a nonce for "a few minutes": for these two it surely does.
NONCE_WINDOW = 120.0
# Seconds of quiet between which every wait lies that Discord asks for: no time at all would be no wait, and after a day
# it may be asked again.
LEAST_QUIET, LONGEST_QUIET = 0.5, 86_400.0
# A forum post's title.
LONGEST_TITLE = 100


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, for an answer, for one to an upload, and for the body of a refusal.

    A send is two exchanges at most, and together they end before `SEND_TIMEOUT`.
    """

    connect: float = 10
    answer: float = 15
    upload: float = 40
    excuse: float = 3
