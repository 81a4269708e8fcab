"""How an account stands with WhatsApp: what people are told of it, and what it means for messages."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stentor import CredentialsRejected, Throttled, Unavailable
from stentor.contract.channel import Health
from stentor.contract.errors import DeliveryError
from stentor_whatsapp.answers import LOGIN, USUAL, about
from stentor_whatsapp.wire import Facts, text, whole

Say = Callable[[Health, str], None]

_LONGEST_BAN_SECONDS = 10 * 365 * 86_400
_UPDATE = "pip install -U 'stentor[whatsapp]'"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing can be sent."""

    health: Health
    reason: str
    pair_again: bool = False
    until: datetime | None = None
    # It passes by itself, within seconds as a rule.
    brief: bool = False

    def error(self, now: datetime) -> DeliveryError:
        if self.pair_again:
            return CredentialsRejected(self.reason)
        if self.until is not None and self.until > now:
            return Throttled((self.until - now).total_seconds(), scope="account", message=self.reason)
        return Unavailable(self.reason)


_STARTING = Trouble("starting", "", brief=True)


class Standing:
    """What the child tells of the connection, and its deaths. The same thing is said once."""

    def __init__(self, say: Say, now: Callable[[], datetime], account: str = USUAL) -> None:
        self._account = account
        self._say = say
        self._now = now
        self._said: tuple[Health, str] | None = None
        self._trouble: Trouble | None = _STARTING
        # What is amiss, though there is a connection: that it comes and goes mends nothing.
        self._amiss = ""
        self._changed = asyncio.Event()
        self._tell(_STARTING.health, _STARTING.reason)

    @property
    def trouble(self) -> Trouble | None:
        """None while messages can be sent."""
        return self._trouble

    def hear(self, facts: Facts) -> None:
        """The child tells how the connection is."""
        state, reason = text(facts.get("state")), text(facts.get("reason"))
        seconds = whole(facts.get("seconds"))
        until = self._now() + timedelta(seconds=seconds) if 0 < seconds <= _LONGEST_BAN_SECONDS else None
        match state:
            case "connected":
                self._let_in()
            case "connecting" if self._trouble is not None:
                pass
            case "connecting" | "disconnected":
                self._lose(reason or "the connection to WhatsApp is gone, and is being built up again")
            case _:
                self._become(_trouble(state, reason, until))

    def died(self, why: str) -> None:
        """The process that speaks to WhatsApp is gone, and another one is started."""
        self._lose(f"the process that speaks to WhatsApp ended, and another one is started: {why}")

    def shut(self, trouble: Trouble) -> None:
        self._become(trouble)

    def note(self, reason: str) -> None:
        """Something is amiss, though there is a connection, until a message is taken."""
        self._amiss = reason
        if self._trouble is None:
            self._tell("degraded", reason)

    def sent(self) -> None:
        """A message was taken: what was amiss is over."""
        self._amiss = ""
        if self._trouble is None:
            self._tell("ready", "")

    async def be_ready(self, seconds: float) -> None:
        """Return when messages can be sent. Raises why they cannot, after a wait where that may pass."""
        try:
            async with asyncio.timeout(seconds):
                while self._trouble is not None and self._trouble.brief:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        if self._trouble is not None:
            error = self._trouble.error(self._now())
            raise error if str(error) else Unavailable("the connection to WhatsApp is being built up")

    def _lose(self, reason: str) -> None:
        """The connection is gone, as is to be expected where something is seriously amiss."""
        if self._trouble is None or self._trouble.brief:
            self._become(Trouble("degraded", reason, brief=True))

    def _let_in(self) -> None:
        """What waits for that may go: the core is told so even where something else is amiss."""
        if self._trouble is None:
            return
        self._trouble = None
        self._changed.set()
        self._tell("ready", "")
        if self._amiss:
            self._tell("degraded", self._amiss)

    def _become(self, trouble: Trouble) -> None:
        self._trouble = replace(trouble, reason=about(self._account, trouble.reason))
        self._changed.set()
        self._tell(self._trouble.health, self._trouble.reason)

    def _tell(self, health: Health, reason: str) -> None:
        if (health, reason) != self._said:
            self._said = (health, reason)
            self._say(health, reason)


def _trouble(state: str, reason: str, until: datetime | None) -> Trouble:
    """`reason` says the mend as well, where the child knows one."""
    match state:
        case "logged_out":
            return Trouble("down", reason or f"the pairing was ended: run {LOGIN}", pair_again=True)
        case "banned" if until is not None:
            said = f"{reason or 'WhatsApp has banned the account'}, until {until:%Y-%m-%d %H:%M} UTC: send less then"
            return Trouble("down", said, until=until)
        case "banned":
            said = reason or "WhatsApp has banned the account"
            return Trouble("down", f"{said}: look into WhatsApp on the phone")
        case "outdated":
            said = f"WhatsApp does not let this version of the library in: {_UPDATE}, and restart Stentor"
            return Trouble("down", reason or said)
        case "replaced":
            said = "another program uses this pairing: end it and restart Stentor, or pair each of them by itself"
            return Trouble("down", reason or said)
        case _:
            return Trouble("degraded", reason or "WhatsApp does not let the account in")
