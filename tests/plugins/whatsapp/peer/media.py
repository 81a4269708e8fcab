"""The host for files: takes uploads, keeps them encrypted as they came, and gives them out again."""

import asyncio
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from pyaileys.proto import WAProto_pb2 as proto

from .keys import derived

HOST = "mmg.whatsapp.net"
_MAC = 10
# The name of the message's field, what it is called in the keys, and what has been sent then.
_KINDS = {
    "imageMessage": ("Image", "image"),
    "documentMessage": ("Document", "document"),
    "videoMessage": ("Video", "video"),
    "audioMessage": ("Audio", "audio"),
    "stickerMessage": ("Image", "sticker"),
}


@dataclass(frozen=True)
class File:
    kind: str
    name: str
    media_type: str
    caption: str
    data: bytes


@dataclass
class Media:
    """`mode` is "ok", "drop" (the connection goes before an answer), or a status to answer uploads with."""

    mode: str | int = "ok"
    uploads: int = 0
    _stored: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split(" ", 2)
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            if method == "POST":
                self.uploads += 1
            if self.mode == "drop":
                return
            status, answer = self._answer(method, target.partition("?")[0], body)
            writer.write(f"HTTP/1.1 {status} .\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if method != "POST":
            return (200, self._stored[path]) if path in self._stored else (404, b"")
        if isinstance(self.mode, int):
            return self.mode, b""
        place = self._keep(body)
        return 200, json.dumps({"url": f"https://{HOST}{place}", "direct_path": place}).encode()

    def _keep(self, data: bytes) -> str:
        path = f"/v/{hashlib.sha256(data).hexdigest()}"
        self._stored[path] = data
        return f"{path}?ccb=1"

    def file_of(self, message: proto.Message) -> File | None:
        """The file that comes with a message, decrypted with the message's key."""
        name = next((name for name in _KINDS if message.HasField(name)), "")
        if not name:
            return None
        part: Any = getattr(message, name)
        use, kind = _KINDS[name]
        sealed = self._stored[part.directPath.partition("?")[0]]
        if hashlib.sha256(sealed).digest() != part.fileEncSha256:
            raise ValueError(f"the hash of the encrypted {kind} is not the one in the message")
        data = _opened(sealed, part.mediaKey, use)
        if hashlib.sha256(data).digest() != part.fileSha256 or len(data) != part.fileLength:
            raise ValueError(f"the {kind} is not the one that the message describes")
        return File(kind, getattr(part, "fileName", ""), part.mimetype, getattr(part, "caption", ""), data)

    def attach(self, message: proto.Message, file: File) -> None:
        """Put a file into a message that somebody says."""
        name, use = next((name, use) for name, (use, kind) in _KINDS.items() if kind == file.kind)
        key = secrets.token_bytes(32)
        sealed = _sealed(file.data, key, use)
        part: Any = getattr(message, name)
        part.mediaKey, part.mimetype, part.directPath = key, file.media_type, self._keep(sealed)
        part.url = f"https://{HOST}{part.directPath}"
        part.fileSha256, part.fileLength = hashlib.sha256(file.data).digest(), len(file.data)
        part.fileEncSha256 = hashlib.sha256(sealed).digest()
        if file.kind == "document":
            part.fileName = part.title = file.name
        if file.caption:
            part.caption = file.caption


def _keys(key: bytes, use: str) -> tuple[Cipher[modes.CBC], bytes, bytes]:
    spread = derived(key, 112, info=f"WhatsApp {use} Keys".encode())
    iv = spread[:16]
    return Cipher(algorithms.AES(spread[16:48]), modes.CBC(iv)), iv, spread[48:80]


def _opened(sealed: bytes, key: bytes, use: str) -> bytes:
    cipher, iv, secret = _keys(key, use)
    body, mac = sealed[:-_MAC], sealed[-_MAC:]
    if hmac.digest(secret, iv + body, "sha256")[:_MAC] != mac:
        raise ValueError("the file has been encrypted with another key")
    opening, padding = cipher.decryptor(), PKCS7(128).unpadder()
    return padding.update(opening.update(body) + opening.finalize()) + padding.finalize()


def _sealed(data: bytes, key: bytes, use: str) -> bytes:
    cipher, iv, secret = _keys(key, use)
    sealing, padding = cipher.encryptor(), PKCS7(128).padder()
    body = sealing.update(padding.update(data) + padding.finalize()) + sealing.finalize()
    return body + hmac.digest(secret, iv + body, "sha256")[:_MAC]
