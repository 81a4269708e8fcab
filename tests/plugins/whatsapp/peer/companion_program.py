"""A client of the real neonize, told what to do over a socket: the peer's own tests, and pairing, need one.

Run with the number of the inherited socket, the session database and the proxy.
"""

import asyncio
import json
import os
import socket
import sys
from typing import Any

from neonize._binder import ProxySettings
from neonize.aioze import events
from neonize.aioze.client import NewAClient


class Program:
    def __init__(self, number: int, session: str, proxy: str) -> None:
        self._socket = socket.socket(fileno=number)
        self._proxy = ProxySettings(proxy)
        self._client = NewAClient(session, uuid="companion")

    def tell(self, event: str, **facts: Any) -> None:
        self._socket.sendall(json.dumps({"event": event, **facts}).encode() + b"\n")

    def listen(self) -> None:
        @self._client.event.qr
        async def _(client: NewAClient, code: bytes) -> None:
            self.tell("qr", text=code.decode())

        for name in ("Connected", "Disconnected", "LoggedOut", "TemporaryBan", "ClientOutdated"):
            self._pass_on(name)
        for name in ("StreamReplaced", "StreamError", "ConnectFailure", "PairStatus", "OfflineSyncCompleted"):
            self._pass_on(name)

        @self._client.event(events.ReceiptEv)
        async def _(client: NewAClient, receipt: Any) -> None:
            source = receipt.MessageSource
            self.tell(
                "Receipt",
                ids=list(receipt.MessageIDs),
                type=receipt.Type,
                chat=_jid(source.Chat),
                sender=_jid(source.Sender),
            )

        @self._client.event(events.MessageEv)
        async def _(client: NewAClient, message: Any) -> None:
            await self._message(message)

    def _pass_on(self, name: str) -> None:
        async def passed_on(client: NewAClient, event: Any) -> None:
            self.tell(name, text=" ".join(str(event).split()))

        self._client.event(getattr(events, f"{name}Ev"))(passed_on)

    async def _message(self, event: Any) -> None:
        message, source = event.Message, event.Info.MessageSource
        context = message.extendedTextMessage.contextInfo
        document = message.documentMessage
        data = await self._client.download_any(message) if document.fileName else b""
        self.tell(
            "Message",
            id=event.Info.ID,
            chat=_jid(source.Chat),
            sender=_jid(source.Sender),
            number=_jid(source.SenderAlt),
            group=source.IsGroup,
            name=event.Info.Pushname,
            text=message.conversation or message.extendedTextMessage.text or document.caption,
            reply_to=context.stanzaID,
            mentions=list(context.mentionedJID),
            file=document.fileName,
            data=data.decode(),
        )

    async def run(self) -> None:
        self.listen()
        await self._client.connect(self._proxy)
        reader, _ = await asyncio.open_connection(sock=self._socket.dup())
        while line := await reader.readline():
            asked = json.loads(line)
            asyncio.create_task(self._answer(asked.pop("id"), asked.pop("do"), asked))  # noqa: RUF006 - ends with us

    async def _answer(self, number: int, what: str, asked: dict[str, Any]) -> None:
        try:
            answer: Any = await getattr(self, f"do_{what}")(**asked)
        except Exception as error:  # noqa: BLE001 - whoever asked shall know
            self.tell("answer", id=number, error=f"{type(error).__name__}: {error}")
        else:
            self.tell("answer", id=number, ok=answer)

    async def do_send(self, to: str, text: str) -> dict[str, Any]:
        return _sent(await self._client.send_message(to, text))

    async def do_send_file(self, to: str, kind: str, path: str, caption: str) -> dict[str, Any]:
        if kind == "image":
            return _sent(await self._client.send_image(to, path, caption=caption))
        name = os.path.basename(path)
        return _sent(await self._client.send_document(to, path, caption=caption, filename=name))

    async def do_look_up(self, numbers: list[str]) -> list[dict[str, Any]]:
        found = await self._client.is_on_whatsapp(*numbers)
        return [{"query": one.Query, "on": one.IsIn, "jid": _jid(one.JID)} for one in found]

    async def do_number_of(self, lid: str) -> str:
        from neonize.utils.jid import build_jid  # noqa: PLC0415 - only for this

        return _jid(await self._client.get_pn_from_lid(build_jid(lid, "lid")))

    async def do_pair(self, phone: str) -> str:
        return await self._client.PairPhone(phone, show_push_notification=True)

    async def do_log_out(self) -> None:
        await self._client.logout()

    async def do_stop(self) -> None:
        await self._client.stop()


def _jid(jid: Any) -> str:
    return f"{jid.User}@{jid.Server}" if jid.User else ""


def _sent(response: Any) -> dict[str, Any]:
    return {"id": response.ID, "at": response.Timestamp}


if __name__ == "__main__":
    asyncio.run(Program(int(sys.argv[1]), sys.argv[2], sys.argv[3]).run())
    os._exit(0)
