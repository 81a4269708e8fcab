"""A WhatsApp on loopback that the real neonize takes for the real one.

It speaks the protocol as far as a linked device needs it: TLS and the Noise handshake, pairing, logging in,
Signal encryption, acknowledgements, receipts, groups, files, and the ways in which WhatsApp ends a connection.
Those who are written to decrypt with `pyaileys`, which nobody here has written. All of it runs in the loop of
the test, on 127.0.0.1, on a port of its own, behind an HTTP proxy (`proxy_url`).

    async def test_…(whatsapp: WhatsApp, tmp_path: Path) -> None:        # the fixture, see `fixtures`
        session = await whatsapp.paired_session(tmp_path / "session.db")
        # start a child with whatsapp.environment in its environment and whatsapp.proxy_url as its proxy
        await whatsapp.connected.wait()
        message = await whatsapp.message()                               # the first; message(2) is the second

Everybody is named by a phone number of digits, "6281234567890". The hidden id (LID) of a number is an 8 before
it: `whatsapp.lid("628…")` is "8628…@lid". Numbers are on WhatsApp unless they are in `unknown_numbers`;
`canonical["5531991234567"] = "553191234567"` gives one another number. `group(jid, *numbers)` makes a group
with the owner and these members; a group that nobody made is unknown to the server.

What arrives: `messages` (a `Message` each: id, to, kind "text"|"image"|"document"|…, text, file with its bytes,
mentions, reply_to, content, frames). A message that is sent twice is one message with two `frames`;
`whatsapp.frames` counts the frames of all. `uploads` of files are counted in `media.uploads`, and `media.mode`
("ok", a status, "drop") says how they end.

`mode` says what happens with a message that arrives:
    "ack+delivered+read" (at first), "ack+delivered", "ack"
    "receipts_first"   both receipts, and the acknowledgement right after them
    "silent"           nothing; `deliver`, `read` and `acknowledge(id)` may do it later, in any order
    "drop"             the connection is closed before the acknowledgement, once for each message
    ("error", 479)     the acknowledgement says so
Receipts on demand: `deliver(id)`, `read(id)`. They wait for a device that is away, like messages do, and what a
device has not confirmed before it went is given to it again: a receipt may come twice.
A message that can not be decrypted (an older copy of a session wrote it) has the kind "unreadable" until the
device has answered the request to send it anew; `readable(n)` waits for that.

`say(number, text, group=…, reply_to=…, mentions=…, file=File(…))` writes to the owner and gives the message's
id; `has_confirmed(id)` waits until the device has said that it got it (`confirmed` lists them). In a group the
first message of each member brings a key along, and neonize tells of that as of an empty message with the same id.

Pairing: `scan(qr text)` and `enter(code)` play the owner's phone, `unlink()` throws the device out of it.
Logins: `logins` counts them, `connected` is set while a device is logged in, `login(n)` waits for the n-th,
`gone()` until none is connected, `refusal(n)` until so many were turned away. All waiting ends after 20 s.
Troubles: `fail_login(401 | 402 | 403 | 405 | 406 | 500 | 503 | None)`, `stream_error(code=515)`, `replaced()`,
`disconnect()`, `panic()`; `door.is_open = False` lets nobody in any more.

A fault of the peer itself fails the test that it happened in, when the fixture ends; `log` is all that was said.
`companion(session, proxy_url, environment)` is a bare neonize in a process of its own, for tests of the peer.
"""

from .certificates import Authority
from .companion import Companion, companion
from .groups import Group
from .media import File
from .messages import Message
from .server import NUMBER, WhatsApp

__all__ = ["NUMBER", "Authority", "Companion", "File", "Group", "Message", "WhatsApp", "companion"]
