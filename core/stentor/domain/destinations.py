"""Where trouble is told: a destination as somebody wrote it, and what it takes over from the one behind it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from stentor.domain.routing import Address

_ANNOUNCE = "announce"


@dataclass(frozen=True, slots=True)
class Destination:
    mode: str | None = None
    channel: str | None = None
    to: str | None = None
    account: str | None = None
    thread: str | None = None

    @property
    def posts(self) -> bool:
        """Its mode is short for a prefix: the target is a URL."""
        return self.mode not in (None, _ANNOUNCE)

    def over(self, base: "Destination | None", names_channel: Callable[[str], bool]) -> "Destination":
        """This one in front of `base`, field by field.

        An address is one thing: who names a target takes no thread from elsewhere, who names its channel no account
        either, and who changes the mode and names no target has none.
        """
        if base is None:
            return self
        if self.to is None:
            if self.mode not in (None, base.mode or _ANNOUNCE):
                return self
            return Destination(
                base.mode,
                self.channel or base.channel,
                base.to,
                self.account or base.account,
                self.thread or base.thread,
            )
        if self.posts or self.channel is not None or names_channel(self.to):
            return replace(self, mode=self.mode or _ANNOUNCE)
        return replace(
            self,
            mode=self.mode or base.mode,
            channel=base.channel,
            account=self.account or base.account,
        )

    @property
    def address(self) -> Address | None:
        """As the resolver reads it; none without a target."""
        if self.to is None:
            return None
        if self.posts:
            return Address(f"{self.mode}:{self.to}", None, self.account)
        return Address(self.to, self.channel, self.account, self.thread, self.channel and "channel")
