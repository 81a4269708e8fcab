"""What one account can do: write, look numbers up, recall what was sent, and listen. Its child does the work."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from stentor import (
    Account,
    Ambiguous,
    ChannelContext,
    Connection,
    CredentialsRejected,
    InvalidTarget,
    Part,
    Receipt,
    Rejected,
    Target,
    Throttled,
    Unavailable,
)
from stentor.contract.errors import DeliveryError
from stentor.contract.inbox import Inbox
from stentor_whatsapp.answers import about, no_answer, not_paired, refusal
from stentor_whatsapp.format import called
from stentor_whatsapp.hearing import Hearing, time_of
from stentor_whatsapp.line import Lost, Refused
from stentor_whatsapp.lookups import Found, Lookups
from stentor_whatsapp.pacing import Pacing, Sent
from stentor_whatsapp.receiving import Reception
from stentor_whatsapp.sending import Sending
from stentor_whatsapp.session import Unusable, paired
from stentor_whatsapp.standing import Standing, Trouble
from stentor_whatsapp.supervisor import NOT_PAIRED, Patience, Start, Supervisor
from stentor_whatsapp.targets import jid_of, of_jid
from stentor_whatsapp.wire import Deed, Facts, mappings, text, whole

if TYPE_CHECKING:
    from stentor_whatsapp.channel import WhatsAppSettings

log = logging.getLogger(__name__)
# Without -P a file in the daemon's folder could take the place of a module.
CHILD = (sys.executable, "-P", "-m", "stentor_whatsapp.child")


def start_of(settings: "WhatsAppSettings", folder: Path, argv: Sequence[str] = CHILD) -> Start:
    """How the child of an account is started."""
    opening = {
        "session": str(folder / "session.db"),
        "ledger": str(folder / "ledger.db"),
        "proxy": settings.base_url,
        "device": settings.device_name,
        "receive": settings.receive == "on",
    }
    return Start(argv, folder / "child.log", opening)


def check_library() -> None:
    """Whether there is a library to load. Whether it loads is for the child to see."""
    if find_spec("neonize") is None:
        raise Unavailable("neonize is not installed", extra="whatsapp")


def cannot_open(error: Lost | Refused, account: str) -> DeliveryError:
    """Why an account cannot be opened."""
    if isinstance(error, Refused) and error.kind == NOT_PAIRED:
        return not_paired(account)
    return Unavailable(about(account, str(error)))


async def connect(
    settings: "WhatsAppSettings",
    account: Account,
    ctx: ChannelContext,
    *,
    argv: Sequence[str] = CHILD,
    patience: Patience | None = None,
) -> Connection:
    """The connection of an account whose child has opened the session. It connects to WhatsApp from then on."""
    check_library()
    # A session that cannot be read may have a copy, which the child puts in its place.
    with suppress(Unusable):
        if paired(ctx.data_dir / "session.db") is None:
            raise not_paired(account.id)
    pacing = Pacing(settings.seconds_between, settings.messages_per_day)
    start = start_of(settings, ctx.data_dir, argv)
    connection = WhatsAppConnection(start, account.id, ctx, pacing, patience or Patience())
    try:
        await connection.begin()
    except (Lost, Refused) as error:
        raise cannot_open(error, account.id) from None
    log.debug("%s:%s is open", account.channel, account.id)
    return connection


class WhatsAppConnection(Connection):
    """Sends and receives for one account."""

    def __init__(
        self, start: Start, account: str, ctx: ChannelContext, pacing: Pacing, patience: Patience
    ) -> None:
        self._account = account
        self._ctx = ctx
        self._pacing = pacing
        self._patience = patience
        self._standing = Standing(ctx.health, ctx.now, account)
        self._reception = Reception(self._confirm, self._tell_again)
        hearing = Hearing(ctx, self._standing, self._reception)
        self._supervisor = Supervisor(start, ctx, patience, hearing)
        self._sending = Sending(self._supervisor, patience)
        self._lookups = Lookups(start.log.with_name("numbers.json"), ctx.now, self._look_up)

    async def begin(self) -> None:
        """Start the first child. Raises `Lost` or `Refused` where it cannot open the session."""
        await self._supervisor.begin()

    async def send(self, part: Part) -> Receipt:
        await self._standing.be_ready(self._patience.connected)
        target = part.target
        found = await self._on_whatsapp(target.id) if target.id.startswith("+") else None
        facts = {
            "to": jid_of(target) if found is None else found.to,
            "text": part.text,
            "mentions": list(called(part.text)) if part.manner.mentions else [],
            "files": [
                {"path": str(file.path), "name": file.name, "media_type": file.media_type}
                for file in part.files
            ],
            "at": self._now_ms(),
        }
        try:
            answer = await self._sending.send(part, self._pause, **facts)
        except Lost as lost:
            raise _unsent_or_lost(lost) from None
        except Refused as refused:
            raise self._refusal(refused, target) from None
        self._standing.sent()
        return self._receipt(target, answer)

    async def probe(self) -> str:
        await self._standing.be_ready(self._patience.connected)
        me = await self._asked("who")
        number = f"+{text(me.get('me'))}"
        return f"{text(me.get('name'))} ({number})" if text(me.get("name")) else number

    async def resolve(self, target: Target) -> Target:
        """The number by which WhatsApp knows a person: it may be another one than people write."""
        if not target.id.startswith("+"):
            return target
        await self._standing.be_ready(self._patience.connected)
        found = await self._lookups.of(target.id, or_not=False)
        if not found.on:
            raise InvalidTarget(
                f"{target.id} is not on WhatsApp",
                hint="check the number; the person may use another one there",
            )
        known = of_jid(found.jid) if found.jid else target
        meant = target if known.id == target.id else replace(known, account=target.account)
        hidden = f" (LID {found.lid})" if found.lid else ""
        return replace(meant, display=f"{target.id} → {found.jid}{hidden}", warnings=target.warnings)

    async def reconcile(self, part: Part) -> Receipt | None:
        if self._sending.is_under_way(part.id):
            raise Ambiguous("the message is still under way")
        tried = 0 if part.first_tried is None else round(part.first_tried.timestamp() * 1000)
        facts = await self._asked("recall", part=part.id, tried=tried)
        state = text(facts.get("state"))
        if state == "accepted" and text(facts.get("message_id")):
            return self._receipt(part.target, facts)
        if state == "never" and facts.get("certain") is True:
            return None
        raise Rejected(
            "not_told",
            "the message was handed over, and WhatsApp has not confirmed it"
            if state == "handed_over"
            else "nobody can say whether the message was handed over",
        )

    async def receive(self, inbox: Inbox) -> None:
        await self._reception.hand_in(inbox)

    async def close(self) -> None:
        await self._supervisor.close()

    async def _on_whatsapp(self, number: str) -> Found:
        found = await self._lookups.of(number)
        if not found.on:
            # The core asks no more until somebody says that it is worth it.
            self._lookups.forget(number)
            raise Rejected("not_found", f"{number} is not on WhatsApp: check the number")
        return found

    async def _look_up(self, number: str) -> Facts:
        answer = await self._asked("look_up", self._patience.look_up, numbers=[number])
        found = mappings(answer.get("found"))
        return found[0] if found else {}

    async def _asked(self, do: Deed, within: float | None = None, **facts: object) -> Facts:
        """The answer to a question that sends nothing."""
        try:
            return await self._supervisor.request(do, within, **facts)
        except Lost as lost:
            raise Unavailable(str(lost)) from None
        except Refused as refused:
            if refused.kind == "library_error":
                raise no_answer(refused.text) from None
            raise Unavailable(str(refused)) from None

    async def _pause(self) -> None:
        await self._pacing.heed_the_day(self._ctx.now(), self._sent_since)
        await self._ctx.sleep(self._pacing.extra())

    async def _sent_since(self, since: datetime) -> Sent:
        answer = await self._asked("count", since_ms=round(since.timestamp() * 1000))
        return Sent(whole(answer.get("count")), time_of(answer.get("oldest_ms"), self._ctx.now()))

    async def _confirm(self, message_id: str) -> None:
        """What is not confirmed is told once more by the next child, and known by its id."""
        with suppress(DeliveryError):
            await self._asked("taken", message_id=message_id)

    async def _tell_again(self) -> None:
        """The next child does so by itself."""
        with suppress(DeliveryError):
            await self._asked("kept")

    def _receipt(self, target: Target, facts: Facts) -> Receipt:
        chat = text(facts.get("chat"))
        known = self._lookups.known(target.id)
        as_meant = {"", jid_of(target), *((known.jid, known.lid) if known else ())}
        # A person may be known by the number alone, until WhatsApp answers with the hidden address.
        first_heard = known is not None and not known.lid and chat.endswith("@lid")
        landed = target if chat in as_meant or first_heard else of_jid(chat)
        return Receipt(landed, text(facts.get("message_id")), detail={"chat": chat} if chat else {})

    def _refusal(self, refused: Refused, target: Target) -> DeliveryError:
        if refused.kind == "not_connected":
            return Unavailable(str(refused))
        # Where nobody says that it was not, it may have been announced.
        announced = refused.kind == "library_error" and refused.facts.get("announced") is not False
        error = refusal(refused.text, announced=announced)
        match error:
            case CredentialsRejected():
                self._standing.shut(Trouble("down", str(error), pair_again=True))
                return not_paired(self._account)
            case Throttled():
                self._standing.note(str(error))
            case Rejected() if error.reason == "not_found":
                self._lookups.forget(target.id)
            case _:
                pass
        return error

    def _now_ms(self) -> int:
        return round(self._ctx.now().timestamp() * 1000)


def _unsent_or_lost(lost: Lost) -> DeliveryError:
    if lost.written:
        return Ambiguous(f"the process that speaks to WhatsApp was lost with the message under way: {lost}")
    return Unavailable(str(lost))
