"""The only module that knows neonize: it is imported in the child alone, and loads the library as it is imported.

The library calls back from threads of its own. What it tells goes to a `Listener`, as plain facts.
"""

import asyncio
import ctypes
import logging
import os
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from neonize._binder import ProxySettings
from neonize.aioze import client as neonize_client
from neonize.aioze import events as neonize_events
from neonize.events import INT_TO_EVENT
from neonize.exc import NeonizeError
from neonize.proto.Neonize_pb2 import JID, LogEntry
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import ContextInfo, ExtendedTextMessage, Message
from neonize.utils.enum import ClientName, ClientType
from neonize.utils.log import log as neonize_log
from neonize.utils.log import log_whatsmeow

from stentor_whatsapp.asked import File, LibraryError, Listener, Number, Sent
from stentor_whatsapp.news import (
    acknowledgement_of,
    announced_id,
    event_codes,
    failure_of,
    is_last_word,
    jid_text,
    news_of,
    stanza_of,
)

_PICTURES = ("image/jpeg", "image/png", "image/webp")


class Client:
    """One account."""

    def __init__(self, session: Path, device: str, listener: Listener) -> None:
        _listen_to_the_log(listener)
        props = DeviceProps(os=device, platformType=DeviceProps.DESKTOP)
        # The library makes an SQLite address of it, as it is.
        self._library = _Library(quote(os.fsencode(session.absolute())), uuid="stentor", props=props)
        self._library.tell_to(listener)

    async def connected_until(self, proxy: str) -> None:
        """Connect, and return when the connection has been ended. Raises `LibraryError` where it cannot begin."""
        with _plain_words():
            ended = await self._library.connect(ProxySettings(proxy) if proxy else None)
            await ended

    async def is_connected(self) -> bool:
        with _plain_words():
            # Properties that are called bools, and are coroutines: as they stand, they are always true.
            looks = self._library.is_connected, self._library.is_logged_in
            return all([await cast("Awaitable[bool]", look) for look in looks])

    async def send(self, to: str, text: str, mentions: Sequence[str], file: File | None) -> Sent:
        with _plain_words():
            message = _text(text, mentions) if file is None else await self._with_file(file, text, mentions)
            response = await self._library.send_message(_jid(to), message)
            return Sent(
                response.ID, 1000 * response.Timestamp, jid_text(response.Chat), jid_text(response.Sender)
            )

    async def look_up(self, number: str) -> Number:
        """One at a time: answers do not always say which question they belong to."""
        with _plain_words():
            answers = await self._library.is_on_whatsapp(number)
            return await self._number(number, next(iter(answers), None))

    async def pair_code(self, phone: str) -> str:
        with _plain_words():
            return await self._library.PairPhone(
                phone,
                show_push_notification=True,
                client_name=ClientName.LINUX,
                client_type=ClientType.CHROME,
            )

    async def logout(self) -> None:
        with _plain_words():
            await cast("Callable[[], Awaitable[None]]", self._library.logout)()

    async def stop(self) -> None:
        with _plain_words():
            await cast("Callable[[], Awaitable[None]]", self._library.stop)()

    async def _number(self, number: str, answer: Any) -> Number:
        """The answer holds one of the two addresses; the library remembers the other one, or can ask for it."""
        if answer is None or not answer.IsIn:
            return Number(number, on=False, jid="", lid="")
        if answer.JID.Server != "lid":
            return Number(number, on=True, jid=jid_text(answer.JID), lid=await self._lid_of(answer.JID))
        jid = await self._remembered(self._library.get_pn_from_lid, answer.JID)
        return Number(
            number, on=True, jid=jid or f"{number.lstrip('+')}@s.whatsapp.net", lid=jid_text(answer.JID)
        )

    async def _lid_of(self, jid: JID) -> str:
        """Asked for as the library itself does to send."""
        lid = await self._remembered(self._library.get_lid_from_pn, jid)
        if lid:
            return lid
        with suppress(NeonizeError):
            await self._library.get_user_info(jid)
        return await self._remembered(self._library.get_lid_from_pn, jid)

    async def _remembered(self, ask: Callable[[JID], Awaitable[JID]], jid: JID) -> str:
        """Empty for what the library does not know: to send, it finds out by itself."""
        with suppress(NeonizeError):
            return jid_text(await ask(jid))
        return ""

    async def _with_file(self, file: File, caption: str, mentions: Sequence[str]) -> Message:
        """The builders are given no caption: they would look for people and groups in it."""
        data = await asyncio.to_thread(file.path.read_bytes)
        message = await self._picture(data) if file.media_type in _PICTURES else None
        if message is None:
            message = await self._library.build_document_message(
                data, title=file.name, filename=file.name, mimetype=file.media_type
            )
        part = message.imageMessage if message.HasField("imageMessage") else message.documentMessage
        part.caption = caption
        part.contextInfo.CopyFrom(ContextInfo(mentionedJID=mentions))
        return message

    async def _picture(self, data: bytes) -> Message | None:
        """None for what calls itself a picture and is none."""
        try:
            return await self._library.build_image_message(data)
        except NeonizeError:
            raise
        except Exception:  # noqa: BLE001 - whatever an unknown picture does to whoever reads it
            return None


class _Library(neonize_client.NewAClient):
    """The library's client, with our ears in the places of its own: they hear on the thread that speaks."""

    _listener: Listener

    def tell_to(self, listener: Listener) -> None:
        self._listener = listener
        self.event = _Events(self, listener)
        self.event.qr(self._show)

    async def _show(self, _: neonize_client.NewAClient, text: bytes) -> None:
        self._listener.happened("qr", {"text": text.decode()})

    def _NewAClient__onLoginStatus(self, _: int, status: int) -> None:  # noqa: N802 - overrides a private method
        """How showing codes has ended. The library goes on as if it were connected."""
        words = ctypes.string_at(status).decode("utf-8", "replace")
        if words != "success":
            self._listener.happened("unpaired", {"how": words})


class _Events(neonize_events.Event):
    def __init__(self, client: neonize_client.NewAClient, listener: Listener) -> None:
        super().__init__(client)
        self._listener = listener
        # Its keys are what the library subscribes to; it tells who we are in any case.
        self.list_func = dict.fromkeys(event_codes(), _never)

    def execute(self, uuid: int, binary: int, size: int, code: int) -> None:  # noqa: ARG002 - the library calls it so
        if code in self.list_func:
            event = INT_TO_EVENT[code].FromString(ctypes.string_at(binary, size) if size else b"")
            for name, facts in news_of(code, event):
                self._listener.happened(name, facts)


async def _never(*_: object) -> None:
    """Stands for a handler that the library would call in the loop."""


def _listen_to_the_log(listener: Listener) -> None:
    """Have the library say everything, to us alone, and wait until we have heard it."""

    def hear(binary: int, size: int) -> None:
        data = ctypes.string_at(binary, size)
        if b"DEBUG" not in data or (entry := LogEntry.FromString(data)).Level != "DEBUG":
            log_whatsmeow(binary, size)
        elif hear_stanza := ears.get(entry.Name):
            hear_stanza(entry.Message, listener)

    ears = {"Client/Send": _hear_sent, "Client/Recv": _hear_received}
    neonize_log.setLevel(logging.DEBUG)
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.INFO)
    # Its own function puts them into a queue, from which they would come too late.
    setattr(neonize_client, "log_whatsmeow", hear)  # noqa: B010 - a name that it imports, and looks up as it connects


def _hear_sent(line: str, listener: Listener) -> None:
    stanza = stanza_of(line)
    if stanza and (message_id := announced_id(stanza)):
        listener.about_to_send(message_id)


def _hear_received(line: str, listener: Listener) -> None:
    stanza = stanza_of(line)
    if stanza is None:
        return
    if is_last_word(line):
        listener.happened("last_word", {})
    if acknowledgement := acknowledgement_of(stanza):
        listener.acknowledged(acknowledgement.message_id, acknowledgement.at, refused=acknowledgement.refused)
    for name, facts in failure_of(stanza):
        listener.happened(name, facts)


@contextmanager
def _plain_words() -> Generator[None]:
    """Errors of the library are texts, and of many kinds."""
    try:
        yield
    except Exception as error:
        raise LibraryError(str(error) or type(error).__name__) from error


def _text(text: str, mentions: Sequence[str]) -> Message:
    """Never a plain string: the library would look for people in it."""
    if not mentions:
        return Message(conversation=text)
    return Message(
        extendedTextMessage=ExtendedTextMessage(text=text, contextInfo=ContextInfo(mentionedJID=mentions))
    )


def _jid(text: str) -> JID:
    user, _, server = text.rpartition("@")
    return JID(User=user, Server=server, Device=0, RawAgent=0, Integrator=0, IsEmpty=False)
