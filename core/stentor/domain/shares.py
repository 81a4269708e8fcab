"""Who may take of the free slots: one account whose provider hangs must not keep all others from sending."""

import sys
from collections import Counter
from collections.abc import Mapping
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
    # What an account may have under way at most, whatever is free.
    most: Mapping[str, int] = field(default_factory=dict[str, int])
    sated: set[str] = field(default_factory=set[str])

    @property
    def are_limited(self) -> bool:
        return self.several or bool(self.most)

    def has_room(self, account: str) -> bool:
        """Whether an account may take one more. Who may not while there is one is remembered."""
        if not self.free:
            return False
        under_way = self.under_way[account]
        is_greedy = self.several and under_way >= _TIMES_WHAT_IS_FREE * self.free
        if is_greedy or under_way >= self.most.get(account, sys.maxsize):
            self.sated.add(account)
            return False
        return True

    def take(self, account: str) -> None:
        self.under_way[account] += 1
        self.free -= 1
