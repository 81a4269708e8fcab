"""One account in its child: the session, the ledger and the library, and what becomes of what the library tells.

The library tells it on threads of its own, and does nothing more until it has been heard. So whatever is written down
here is written down before it goes on, and before the daemon hears of it.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

from stentor_whatsapp import library, session
from stentor_whatsapp.asked import File, LibraryError, Sent
from stentor_whatsapp.ledger import Ledger, Level, Unwritable
from stentor_whatsapp.wire import ErrorKind, Facts, News, mappings, text, texts, whole

Tell = Callable[[News, Facts], None]

# How this process ends when it must not go on.
CRASHED = 70
_FIRST_CODE_SECONDS, _NEXT_CODE_SECONDS = 60, 20
_FIRST_CODE_WITHIN = 30
_UNPAIRED = {
    "timeout": "nobody used the code in time, or the connection was lost",
    "err-scanned-without-multidevice": "WhatsApp on the phone is too old to link devices: update it there",
    "err-client-outdated": "WhatsApp wants a newer neonize: pip install --upgrade 'stentor[whatsapp]'",
}


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, kind: ErrorKind, words: str, **facts: object) -> None:
        super().__init__(words)
        self.kind: ErrorKind = kind
        self.facts = facts


class Account:
    """Opened for as long as the process lives. `tell` is called in the loop, in the order of what happened."""

    def __init__(self, facts: Facts, tell: Tell) -> None:
        self._loop = asyncio.get_running_loop()
        self._tell = tell
        self._receives = facts.get("receive") is True
        self._session = Path(text(facts.get("session")))
        self._proxy = text(facts.get("proxy"))
        self._sending = asyncio.Lock()
        self._code_shown = asyncio.Event()
        self._codes = 0
        self._connects = False
        self._state = ""
        self._is_over = False
        self._lock = session.hold(self._session)
        self._restored = session.make_ready(self._session)
        # Read before the library opens it, and never again: two SQLites in one process undo each other's locks.
        self._who = session.paired(self._session)
        self._ledger = Ledger(Path(text(facts.get("ledger"))), library.version())
        from stentor_whatsapp.client import Client  # noqa: PLC0415 - loads the library, which may be broken

        self._client = Client(self._session, text(facts.get("device")) or "Stentor", self)

    def opened(self) -> Facts:
        return {
            "version": library.version(),
            "paired": self._who is not None,
            "me": self._who.me if self._who else "",
            "restored": self._restored,
            "forgetful": self._ledger.begun_anew,
        }

    def connect(self) -> None:
        """What has come of the latest messages is told again, and so are those that were not taken, before any new."""
        if self._connects:
            raise Refused("bad_request", "it is connected once")
        self._connects = True
        self._become({"state": "connecting", "reason": ""})
        for receipt in self._ledger.receipts():
            self._tell("receipt", receipt)
        self.tell_kept()

    async def connected(self) -> None:
        """Returns when there is no connection, nor will there be one: whoever wants one begins a new process."""
        try:
            await self._client.connected_until(self._proxy)
            reason = "the library has ended the connection"
        except LibraryError as error:
            reason = f"WhatsApp cannot be reached: {error}"
        self._become({"state": "disconnected", "reason": reason})

    async def send(self, facts: Facts) -> Facts:
        part, to, at = text(facts.get("part")), text(facts.get("to")), whole(facts.get("at"))
        if not (part and to and at):
            raise Refused("bad_request", "a message has a part, an address and a time")
        file = _file(facts)
        if file is not None and to.endswith("@newsletter"):
            # Files for everybody are not encrypted, which the library cannot do.
            raise Refused("library_error", "the library can't send files to newsletters", announced=False)
        async with self._sending:
            await self._be_connected()
            self._begin(part, to, at)
            try:
                sent = await self._client.send(
                    to, text(facts.get("text")), texts(facts.get("mentions")), file
                )
            except LibraryError as error:
                left = self._ledger.end()
                raise Refused("library_error", str(error), announced=bool(left), message_id=left) from error
            self._ledger.end()
        sent = replace(sent, at=sent.at or at, chat=sent.chat or to)
        self._accepted(part, sent)
        return asdict(sent)

    async def look_up(self, facts: Facts) -> Facts:
        await self._be_connected()
        numbers = texts(facts.get("numbers"))
        return {"found": [asdict(await self._client.look_up(number)) for number in numbers]}

    def recall(self, facts: Facts) -> Facts:
        return asdict(self._ledger.recall(text(facts.get("part")), whole(facts.get("tried"))))

    def count(self, facts: Facts) -> Facts:
        count, oldest = self._ledger.count(whole(facts.get("since_ms")))
        return {"count": count, "oldest_ms": oldest}

    def who(self) -> Facts:
        return asdict(self._who or session.Paired("", "", ""))

    async def pair_code(self, facts: Facts) -> Facts:
        """The library must have been let in first: by then it shows a code for the camera too."""
        try:
            async with asyncio.timeout(_FIRST_CODE_WITHIN):
                await self._code_shown.wait()
        except TimeoutError:
            raise Refused("not_connected", "WhatsApp has not begun to pair") from None
        return {"code": await self._client.pair_code(text(facts.get("phone")))}

    def tell_kept(self) -> None:
        for message in self._ledger.kept() if self._receives else ():
            self._tell("message", message)

    def taken(self, facts: Facts) -> None:
        self._ledger.taken(text(facts.get("message_id")))

    async def logout(self) -> None:
        await self._be_connected()
        await self._client.logout()
        self._who = None

    async def stop(self) -> None:
        if self._connects:
            await self._client.stop()

    def about_to_send(self, message_id: str) -> None:
        """A message that cannot be written down does not leave, and nothing else could keep it from that."""
        try:
            self._ledger.announced(message_id)
        except BaseException:  # noqa: BLE001 - whatever it was, the library would go on
            os._exit(CRASHED)

    def acknowledged(self, message_id: str, at: int, *, refused: bool) -> None:
        try:
            part = self._ledger.acknowledged(message_id, at, refused=refused)
        except Unwritable as error:
            self._soon("trouble", {"text": str(error)})
            return
        if part and not refused:
            self._soon("receipt", {"message_id": message_id, "level": "accepted", "at": at, "part": part})

    def happened(self, name: str, facts: Facts) -> None:
        match name:
            case "receipt":
                self._receipt(facts)
            case "message":
                self._message(facts)
            case "state":
                self._loop.call_soon_threadsafe(self._become, facts)
            case "last_word":
                self._is_over = True
            case "qr":
                self._loop.call_soon_threadsafe(self._show, text(facts["text"]))
            case "ourselves":
                self._who = session.Paired(text(facts["me"]), text(facts["lid"]), text(facts["name"]))
            case "paired":
                self._soon("paired", {"lid": self._who.lid if self._who else "", **facts})
            case "unpaired":
                how = text(facts["how"])
                reason = _UNPAIRED.get(how, f"pairing ended with {how}")
                self._loop.call_soon_threadsafe(self._become, {"state": "refused", "reason": reason})
            case _:
                self._soon(cast("News", name), facts)

    def _receipt(self, facts: Facts) -> None:
        try:
            part = self._ledger.receipt(
                text(facts["message_id"]), cast("Level", facts["level"]), whole(facts.get("at"))
            )
        except Unwritable as error:
            part = ""
            self._soon("trouble", {"text": str(error)})
        self._soon("receipt", {**facts, "part": part})

    def _message(self, facts: Facts) -> None:
        if not self._receives:
            return
        ours = {self._who.me, self._who.lid.partition("@")[0]} if self._who else set[str]()
        named = {jid.partition("@")[0] for jid in texts(facts["named"])}
        message = {key: value for key, value in facts.items() if key != "named"}
        message["addressed"] = bool((ours & named) - {""})
        try:
            is_new = self._ledger.keep(message)
        except Unwritable as error:
            self._soon("trouble", {"text": f"a message that came in is lost when this process ends: {error}"})
            is_new = True
        if is_new:
            self._soon("message", message)

    def _become(self, facts: Facts) -> None:
        state = text(facts["state"])
        if state == "disconnected" and self._is_over:
            # Why it is over is what counts.
            return
        self._is_over = self._is_over and state != "connected"
        self._state = state
        if self._state == "logged_out":
            self._who = None
        self._tell("state", facts)

    async def _be_connected(self) -> None:
        # The library does not bear to be asked about a client before it has made it.
        if self._state != "connected" or not await self._client.is_connected():
            raise Refused("not_connected", "there is no connection to WhatsApp")

    def _begin(self, part: str, to: str, at: int) -> None:
        try:
            self._ledger.begin(part, to, at)
        except Unwritable as error:
            raise Refused("library_error", str(error), announced=False, message_id="") from error

    def _accepted(self, part: str, sent: Sent) -> None:
        try:
            if not self._ledger.accepted(part, sent.message_id, sent.chat, sent.at):
                words = "the library sent a message under another id than it had announced"
                self._tell("trouble", {"text": words})
        except Unwritable as error:
            self._tell("trouble", {"text": str(error)})

    def _show(self, code: str) -> None:
        self._codes += 1
        seconds = _FIRST_CODE_SECONDS if self._codes == 1 else _NEXT_CODE_SECONDS
        self._tell("qr", {"text": code, "seconds": seconds})
        self._code_shown.set()

    def _soon(self, name: News, facts: Facts) -> None:
        self._loop.call_soon_threadsafe(self._tell, name, facts)


def _file(facts: Facts) -> File | None:
    files = mappings(facts.get("files"))
    if len(files) > 1:
        raise Refused("bad_request", "a message has one file at most")
    if not files:
        return None
    file = files[0]
    return File(Path(text(file.get("path"))), text(file.get("name")), text(file.get("media_type")))
