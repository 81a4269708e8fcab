"""How many messages an account sends: people pause between two, and stop at some point of the day."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

from stentor import Throttled

DAY = timedelta(days=1)
# Of the time between two messages, and seconds: the message holds up those behind it meanwhile.
_MOST_OF_IT = 0.5
_LONGEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sent:
    """How many messages were sent within a time, and when the first of them."""

    count: int
    first: datetime


@dataclass(frozen=True, slots=True)
class Pacing:
    """The pace itself is the core's; what makes it look less like a machine's is here. `chance` is below one."""

    seconds_between: float
    messages_per_day: int
    chance: Callable[[], float] = SystemRandom().random

    def extra(self) -> float:
        """Seconds to wait in addition."""
        return min(self.seconds_between * _MOST_OF_IT, _LONGEST_SECONDS) * self.chance()

    async def heed_the_day(self, now: datetime, sent_since: Callable[[datetime], Awaitable[Sent]]) -> None:
        """Raise `Throttled` where the day has had its messages."""
        sent = await sent_since(now - DAY)
        if sent.count < self.messages_per_day:
            return
        seconds = max(1.0, (sent.first + DAY - now).total_seconds())
        raise Throttled(
            seconds,
            scope="account",
            message=f"the account has sent {sent.count} messages in 24 hours, and messages_per_day is "
            f"{self.messages_per_day}: the next one is sent when the first of them is older",
        )
