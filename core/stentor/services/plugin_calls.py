"""The one door to what plugins do: whatever a call returns, raises or never comes to becomes a value here."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from traceback import format_exception
from typing import TypeVar, cast

from stentor.contract.errors import DeliveryError
from stentor.domain.answers import raised
from stentor.domain.plugin_words import PluginFault, asked, storable
from stentor.domain.values import value

log = logging.getLogger(__name__)
T = TypeVar("T")
_LONGEST_TRACE = 20_000


@value
class Raised:
    """Told apart from everything a plugin may return."""

    error: DeliveryError | TimeoutError | PluginFault


@value
class Door:
    """To one account of a channel, whose name stands in front of all that goes wrong behind it."""

    channel: str
    account: str

    async def call(
        self, what: str, call: Callable[[], Awaitable[object]], read: Callable[[object], T]
    ) -> T | Raised:
        """What comes of a call, as `read` understands it. Only our own cancellation gets through."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            return read(await call())
        except asyncio.CancelledError:
            if task.cancelling():
                raise
            error: BaseException = PluginFault("it was cancelled from within")
        except BaseException as caught:  # noqa: BLE001 - not even an end of the process gets past this door
            error = caught
        fair = raised(error)
        if isinstance(fair, PluginFault):
            self.complain(what, fair, error)
        return Raised(fair)

    async def call_within(
        self, seconds: float, what: str, call: Callable[[], Awaitable[object]], read: Callable[[object], T]
    ) -> T | Raised:
        """The same for so long. What does not end when it is told to is left behind: it has a task of its own and no
        group above it, because a group would wait for it.
        """
        calling = asyncio.Task(self.call(what, call, read), name=f"{what} of {self.channel}:{self.account}")
        try:
            await asyncio.wait([calling], timeout=seconds)
            if calling.done():
                return calling.result()
        finally:
            calling.cancel()
        log.warning(
            "channel %s, account %s: %s took longer than %g s",
            self.channel,
            self.account,
            what,
            seconds,
            extra={"event": "plugin_slow"},
        )
        return Raised(TimeoutError(f"{what} took longer than {seconds:g} s"))

    def hear(self, what: str, read: Callable[[], T]) -> T | None:
        """What a plugin tells of itself; None, and a line in the log, for what makes no sense."""
        try:
            return asked(read)
        except PluginFault as fault:
            self.complain(what, fault, fault)
            return None

    def complain(self, what: str, fault: PluginFault, cause: BaseException) -> None:
        # Not as `exc_info`: what it says of itself may be more than a log can write.
        trace = storable("".join(format_exception(cause)), _LONGEST_TRACE)
        log.error(
            "the plugin of channel %s, account %s, is at fault in %s: %s\n%s",
            self.channel,
            self.account,
            what,
            fault,
            trace,
            extra={"event": "plugin_error"},
        )
