"""The encrypted stream inside the websocket: Noise_XX_25519_AESGCM_SHA256 from the server's side, then frames."""

import hashlib
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pyaileys.proto import WAProto_pb2 as proto

from .keys import KeyPair, derived, fresh, shared

_PATTERN = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
_MAGIC = b"WA"


class Stream(Protocol):
    """Pieces of bytes in both directions. Nothing more comes: `receive` raises ConnectionError."""

    async def receive(self) -> bytes: ...

    async def send(self, data: bytes) -> None: ...


class Cipher:
    """AES-GCM with a counter for a nonce."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)
        self._count = 0

    def encrypt(self, plain: bytes, context: bytes = b"") -> bytes:
        return self._aes.encrypt(self._nonce(), plain, context)

    def decrypt(self, sealed: bytes, context: bytes = b"") -> bytes:
        return self._aes.decrypt(self._nonce(), sealed, context)

    def _nonce(self) -> bytes:
        nonce = self._count.to_bytes(12, "big")
        self._count += 1
        return nonce


class _Handshake:
    def __init__(self, header: bytes) -> None:
        self._hash = self._salt = _PATTERN
        self._cipher = Cipher(_PATTERN)
        self.heard(header)

    def heard(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix(self, secret: bytes) -> None:
        both = derived(secret, 64, salt=self._salt)
        self._salt, self._cipher = both[:32], Cipher(both[32:])

    def encrypt(self, plain: bytes) -> bytes:
        sealed = self._cipher.encrypt(plain, self._hash)
        self.heard(sealed)
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        plain = self._cipher.decrypt(sealed, self._hash)
        self.heard(sealed)
        return plain

    def ciphers(self) -> tuple[Cipher, Cipher]:
        """For what the client sends, and for what we send."""
        both = derived(b"", 64, salt=self._salt)
        return Cipher(both[:32]), Cipher(both[32:])


class Frames:
    """Whole frames out of pieces: three bytes of length, then so many bytes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def header(self) -> bytes:
        while len(self._buffer) < 4:
            self._buffer += await self._stream.receive()
        return self._taken(4)

    async def receive(self) -> bytes:
        while len(self._buffer) < 3 or len(self._buffer) < 3 + int.from_bytes(self._buffer[:3], "big"):
            self._buffer += await self._stream.receive()
        return self._taken(int.from_bytes(self._taken(3), "big"))

    def _taken(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    async def send(self, frame: bytes) -> None:
        await self._stream.send(len(frame).to_bytes(3, "big") + frame)


class Line:
    """A stream after the handshake. `hello` is what the client said of itself."""

    def __init__(self, frames: Frames, hello: proto.ClientPayload, ciphers: tuple[Cipher, Cipher]) -> None:
        self.hello = hello
        self._frames = frames
        self._incoming, self._outgoing = ciphers

    async def receive(self) -> bytes:
        return self._incoming.decrypt(await self._frames.receive())

    async def send(self, data: bytes) -> None:
        await self._frames.send(self._outgoing.encrypt(data))


async def greeted(stream: Stream, static: KeyPair, chain: bytes) -> Line:
    """Do the handshake as the owner of `static`, which `chain` vouches for."""
    frames = Frames(stream)
    header = await frames.header()
    if not header.startswith(_MAGIC):
        raise ConnectionError(f"this is no WhatsApp client: it began with {header!r}")
    noise, ours = _Handshake(header), fresh()
    theirs = _read(await frames.receive()).clientHello.ephemeral
    noise.heard(theirs)
    noise.heard(ours.public)
    noise.mix(shared(ours, theirs))
    answer = proto.HandshakeMessage()
    answer.serverHello.ephemeral = ours.public
    answer.serverHello.static = noise.encrypt(static.public)
    noise.mix(shared(static, theirs))
    answer.serverHello.payload = noise.encrypt(chain)
    await frames.send(answer.SerializeToString())
    finish = _read(await frames.receive()).clientFinish
    noise.mix(shared(ours, noise.decrypt(finish.static)))
    hello = proto.ClientPayload()
    hello.ParseFromString(noise.decrypt(finish.payload))
    return Line(frames, hello, noise.ciphers())


def _read(frame: bytes) -> proto.HandshakeMessage:
    message = proto.HandshakeMessage()
    message.ParseFromString(frame)
    return message
