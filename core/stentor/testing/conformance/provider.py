"""The other side, as the kit sees it: a provider that runs on this machine and misbehaves as told."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from stentor.contract.errors import ThrottleScope
from stentor.contract.payloads import Manner
from stentor.testing.conformance.behaviours import Behaviour
from stentor.testing.fake_context import FakeContext


class Unplayable(Exception):
    """The provider cannot do what a rule needs; the rule is skipped and names it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as people see it in the conversation.

    `target` is the conversation in canonical spelling, thread and all. `files` are names. `manner` says how the message
    was to be shown, as the provider understood it; None if it does not tell. `key` is the idempotency key it came with.
    """

    target: str
    text: str
    files: tuple[str, ...] = ()
    manner: Manner | None = None
    key: str = ""


class FakeProvider(ABC):
    """A provider for tests. What it cannot play it answers with `Unplayable`, and the kit skips that by name.

    targets   spellings of conversations that exist here, at least once it has started. If the channel has threads, at
              least one has a thread.
    names     spellings that are names, each with the canonical spelling of what it stands for.
    nobody    spellings that are names, and stand for nothing here.
    secrets   texts by the name of the environment variable that the settings refer to. Give it long, odd ones.
    throttle_scope   whom `THROTTLE` silences, where the provider's documentation says that.
    on_our_loop      the provider runs in this process and on the test's event loop, so that while it hangs the clock
                     may be put forward. If it does not, sends wait in real time.
    """

    targets: Sequence[str]
    names: Mapping[str, str] = {}
    nobody: Sequence[str] = ()
    secrets: Mapping[str, str] = {}
    throttle_scope: ThrottleScope | None = None
    on_our_loop: bool = True

    @abstractmethod
    async def start(self) -> None:
        """Begin to serve, as `Behaviour.ACCEPT`."""

    @abstractmethod
    async def stop(self) -> None:
        """End, whatever is going on."""

    @abstractmethod
    def settings(self) -> Mapping[str, object]:
        """An account's settings that lead here, as `stentor.toml` would hold them."""

    def meet(self, context: FakeContext) -> None:  # noqa: B027 - few have anything to see
        """See what the core lends to the account, before it opens: for providers that are the core's own."""

    def settings_for_receiving(self) -> Mapping[str, object]:
        """The same for an account that receives."""
        return self.settings()

    @abstractmethod
    async def behave(self, behaviour: Behaviour, *, everywhere: bool = False) -> None:
        """Treat messages like this from now on; with `everywhere`, all other requests too."""

    @property
    @abstractmethod
    def attempts(self) -> int:
        """How many times a message was offered, also in vain and in part."""

    @property
    @abstractmethod
    def shown(self) -> Sequence[Shown]:
        """The messages that people see, oldest first."""

    @property
    def keys(self) -> Sequence[str]:
        """The idempotency key of each attempt; empty text where there was none."""
        raise Unplayable("keys (which idempotency key each attempt carried)")

    @property
    def open_connections(self) -> int:
        """How many connections clients hold."""
        raise Unplayable("open_connections (how many connections are open)")

    async def inject(self, text: str, *, by_us: bool = False) -> None:  # noqa: ARG002 - for those who can
        """Have a person write `text` to the account; `by_us`: the account itself, as its own message coming back."""
        raise Unplayable("inject (a person writes to the account)")

    @property
    def acknowledged(self) -> Sequence[str]:
        """The texts of injected messages that the channel has confirmed to have taken."""
        raise Unplayable("acknowledged (which messages the channel has confirmed)")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
