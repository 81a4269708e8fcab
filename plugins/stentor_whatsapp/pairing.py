"""Pairing an account with a phone, and ending that: each in a child of its own, which is gone afterwards."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stentor import Account, ChannelContext, CredentialsRejected, InvalidTarget, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.contract.pairing import PairingCode, PairingDesk
from stentor_whatsapp.answers import LOGOUT, about
from stentor_whatsapp.connection import CHILD, check_library, start_of
from stentor_whatsapp.line import Line, Lost, Refused
from stentor_whatsapp.numbers import read, tidy
from stentor_whatsapp.process import Grace, Log, running
from stentor_whatsapp.session import Unusable, paired
from stentor_whatsapp.supervisor import Start
from stentor_whatsapp.wire import Event, Facts, text, whole

if TYPE_CHECKING:
    from stentor_whatsapp.channel import WhatsAppSettings

# The library shows six pictures and then gives up; a code to type is good for as long.
_CODE_SECONDS = 160.0
_WHERE = "WhatsApp on the phone, Linked devices"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds.

    open    until the child has loaded the library and opened the session.
    code    until WhatsApp has made a code to type.
    phone   that the owner of the phone has.
    synced  until the account is connected for the first time, and the phone can finish.
    answer  until WhatsApp has ended a pairing.
    """

    open: float = 30
    code: float = 45
    phone: float = 300
    synced: float = 30
    answer: float = 20
    grace: Grace = field(default_factory=Grace)


async def pair(
    settings: "WhatsAppSettings",
    account: Account,
    ctx: ChannelContext,
    desk: PairingDesk,
    *,
    argv: Sequence[str] = CHILD,
    patience: Patience | None = None,
) -> str:
    """Pair the account, and say with whom."""
    check_library()
    patience = patience or Patience()
    phone = _digits(desk.phone, settings.default_region) if desk.phone else ""
    async with _child(start_of(settings, ctx.data_dir, argv), patience) as talk:
        me = text(talk.opened.get("me"))
        if talk.opened.get("paired") is True:
            raise Unavailable(
                about(account.id, f"{account.id} is paired with +{me} already: {LOGOUT} ends that")
            )
        await talk.line.request("connect", patience.open)
        if phone:
            made = await talk.line.request("pair_code", patience.code, phone=phone)
            desk.show(PairingCode("code", text(made.get("code")), _CODE_SECONDS))
            desk.say(f"type this code on the phone: {_WHERE}, Link with phone number")
        else:
            desk.say(f"point the phone's camera at the picture: {_WHERE}, Link a device")
        async with _limit(patience.phone, CredentialsRejected("nobody answered on the phone in time")):
            me = await _until_paired(talk, desk, pictures=not phone)
        desk.say(f"paired with +{me}; the phone is finishing")
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.synced):
                await _until_connected(talk)
    return f"+{me}"


async def unpair(
    settings: "WhatsAppSettings",
    account: Account,
    ctx: ChannelContext,
    *,
    argv: Sequence[str] = CHILD,
    patience: Patience | None = None,
) -> None:
    """End the pairing, and remove what is void without it. What was sent is remembered."""
    patience = patience or Patience()
    start = start_of(settings, ctx.data_dir, argv)
    session = ctx.data_dir / "session.db"
    if _is_paired(session):
        check_library()
        async with _child(start, patience) as talk:
            if talk.opened.get("paired") is True:
                late = Unavailable(
                    f"WhatsApp cannot be reached to log {account.id} out: try again later, or unlink it on the phone "
                    f"({_WHERE})"
                )
                async with _limit(patience.answer, late):
                    await _log_out(talk, patience)
    for path in ctx.data_dir.glob(f"{session.name}*"):
        if not path.name.endswith(_LOCK):
            path.unlink(missing_ok=True)


class _Talk:
    """A child that was opened, and what it says in the order in which it says it."""

    def __init__(self, line: Line, opened: Facts, events: "asyncio.Queue[Event | None]") -> None:
        self.line = line
        self.opened = opened
        self._events = events

    async def next(self) -> Event:
        event = await self._events.get()
        if event is None:
            raise Lost(self.line.why, written=True)
        return event


@asynccontextmanager
async def _child(start: Start, patience: Patience) -> AsyncGenerator[_Talk]:
    """Raises `Unavailable` where the child fails."""
    events: asyncio.Queue[Event | None] = asyncio.Queue()
    log = Log(start.log)
    try:
        async with running(start.argv, log, events.put_nowait, patience.grace) as line:
            line.when_gone(lambda: events.put_nowait(None))
            yield _Talk(line, await line.request("open", patience.open, **start.opening), events)
    except (Lost, Refused) as error:
        words = log.last_words() or str(error)
        held = ": stop the daemon first" if isinstance(error, Refused) and error.kind == "locked" else ""
        raise Unavailable(f"{words}{held}") from None


@asynccontextmanager
async def _limit(seconds: float, late: DeliveryError) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise late from None


async def _until_paired(talk: _Talk, desk: PairingDesk, *, pictures: bool) -> str:
    """Show each picture as it replaces the one before, until the phone has taken one."""
    while True:
        event = await talk.next()
        match event.name:
            case "qr" if pictures:
                desk.show(PairingCode("qr", text(event.facts.get("text")), whole(event.facts.get("seconds"))))
            case "paired":
                return text(event.facts.get("me"))
            case "state":
                _check_may_pair(event.facts)
            case _:
                pass


def _check_may_pair(facts: Facts) -> None:
    reason = text(facts.get("reason"))
    match text(facts.get("state")):
        case "refused" | "banned" | "logged_out":
            raise CredentialsRejected(reason or "the phone and this machine could not be paired")
        case "outdated" | "disconnected":
            raise Unavailable(reason or "WhatsApp cannot be reached")
        case _:
            pass


async def _until_connected(talk: _Talk) -> None:
    """It may be lost on the way, which is made up for; it may also be thrown out at once."""
    while (state := text((facts := (await talk.next()).facts).get("state"))) != "connected":
        if state not in ("", "disconnected"):
            _check_may_pair(facts)


async def _log_out(talk: _Talk, patience: Patience) -> None:
    await talk.line.request("connect", patience.open)
    while True:
        state = text((await talk.next()).facts.get("state"))
        if state == "logged_out":
            return
        if state == "connected":
            await talk.line.request("logout", patience.answer)
            return


def _is_paired(session: Path) -> bool:
    try:
        return paired(session) is not None
    except Unusable:
        return True


def _digits(phone: str, region: str) -> str:
    try:
        return read(tidy(phone), region).e164.removeprefix("+")
    except InvalidTarget as error:
        raise Unavailable(f"{error.message}: {error.hint}") from None
