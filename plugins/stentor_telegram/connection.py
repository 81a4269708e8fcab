"""The live side of the Telegram channel: one bot, on connections that are kept."""

import re
from dataclasses import replace

from stentor import (
    ChannelContext,
    Connection,
    CredentialsRejected,
    InvalidTarget,
    Moved,
    Part,
    Receipt,
    Rejected,
    Target,
)
from stentor.contract.errors import TARGET_REASONS, DeliveryError
from stentor.contract.inbox import Inbox
from stentor_telegram.answers import BAD_PICTURE, Answer, Sent, landed, refusal
from stentor_telegram.channel import TelegramSettings
from stentor_telegram.client import Answered, Client, Incomings, Line, Mailbag, quieten
from stentor_telegram.hook import listen
from stentor_telegram.limits import AT_ONCE, Patience, as_documents, kinds_of
from stentor_telegram.receiving import poll

_TOKEN = re.compile(r"[A-Za-z0-9:_-]+")
# Beside the sends there may be a probe and a look-up.
_CONNECTIONS = AT_ONCE + 2


def open_connection(
    settings: TelegramSettings, ctx: ChannelContext, patience: Patience | None = None
) -> "TelegramConnection":
    """The connection of one account. Nothing is asked yet: a server that is away now may be back when it matters."""
    token = ctx.reveal(settings.token)
    if not _TOKEN.fullmatch(token):
        raise CredentialsRejected(
            "the token is empty or holds a blank or another character that tokens do not have: "
            "copy it again from @BotFather to where the setting `token` points"
        )
    quieten()
    return TelegramConnection(settings, ctx, token, patience or Patience())


class TelegramConnection(Connection):
    """Sends and receives for one bot."""

    def __init__(
        self, settings: TelegramSettings, ctx: ChannelContext, token: str, patience: Patience
    ) -> None:
        self._settings = settings
        self._ctx = ctx
        self._token = token
        self._patience = patience
        self._line = Line(settings.base_url, token, patience, _CONNECTIONS)
        self._client = Client(self._line)

    async def send(self, part: Part) -> Receipt:
        def meaning(answer: Answer) -> DeliveryError:
            return refusal(answer, part.target)

        if not part.files:
            async with self._line.asking(self._patience.message, meaning):
                return _receipt(part, await self._client.send_text(part))
        async with self._line.asking(self._patience.files, meaning):
            try:
                return _receipt(part, await self._client.send_files(part, kinds_of(part.files)))
            except Answered as error:
                # A refusal proves that nobody has got anything: the files may go once more, as mere files.
                if getattr(meaning(error.answer), "reason", "") != BAD_PICTURE:
                    raise
            sent = await self._client.send_files(part, as_documents(part.files))
            return _receipt(part, sent, degraded="as_document")

    async def probe(self) -> str:
        async with self._line.asking(self._patience.message):
            return await self._client.name()

    async def resolve(self, target: Target) -> Target:
        """Ask whether there is such a chat, and whether the bot sees it."""
        try:
            async with self._line.asking(self._patience.message, lambda answer: refusal(answer, target)):
                name = await self._client.name_of(target)
        except Moved as moved:
            return moved.new_target.on(target.account or "")
        except Rejected as refused:
            if refused.reason not in TARGET_REASONS:
                raise
            raise InvalidTarget(str(refused)) from refused
        return replace(target, display=f"{name}, {target.display}" if name else target.display)

    async def receive(self, inbox: Inbox) -> None:
        async with Mailbag(self._settings.base_url, self._token, self._patience, connections=1) as mailbag:
            telegram = Incomings(mailbag)
            if self._settings.receive == "webhook":
                await listen(telegram, self._settings, self._ctx, inbox)
            elif self._settings.receive == "polling":
                await poll(telegram, self._ctx, inbox)

    async def close(self) -> None:
        await self._line.shutdown()


def _receipt(part: Part, sent: Sent, degraded: str = "") -> Receipt:
    """The first message stands for an album; the others are told beside it."""
    numbers = [str(number) for number in sent.messages]
    detail = {
        "chat": str(sent.place.chat) if part.target.kind == "name" else "",
        "link": sent.link,
        "album": ",".join(numbers) if len(numbers) > 1 else "",
    }
    return Receipt(
        landed(part.target, sent.place, answering=bool(part.manner.reply_to)),
        numbers[0],
        degraded=degraded,
        detail={name: value for name, value in detail.items() if value},
    )
