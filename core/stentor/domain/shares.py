"""Who may take of the free slots: one account whose provider hangs must not keep all others from sending."""

from collections import Counter
from dataclasses import dataclass, field

# One account that takes all it may leaves a quarter of the slots, the next one a quarter of that, and so on.
_TIMES_WHAT_IS_FREE = 3


@dataclass
class Shares:
    """What is free, and what each account has under way: at most so many times what is free.

    So whoever has nothing under way finds something free while others hang. Where there is only one account nobody
    else could want a slot, and it may have them all.
    """

    free: int
    under_way: Counter[str]
    several: bool
    sated: set[str] = field(default_factory=set[str])

    def has_room(self, account: str) -> bool:
        """Whether an account may take one more. Who may not while there is one is remembered."""
        if not self.free:
            return False
        if self.several and self.under_way[account] >= _TIMES_WHAT_IS_FREE * self.free:
            self.sated.add(account)
            return False
        return True

    def take(self, account: str) -> None:
        self.under_way[account] += 1
        self.free -= 1
