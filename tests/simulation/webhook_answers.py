"""What receivers of webhooks do, and what each of it must come to: in the store, and on the wire."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.simulation.receivers import Behaviour, answer

from stentor.testing.virtual_time import START_MS

# When the job of these tests is due, and its message is sent for the first time.
DUE_SECONDS = 2
HOUR = 3600
# What the channel shows to its receivers, some of whom repeat it.
TOKEN = "t0ken-that-nobody-may-write-down"
_QUOTE = f"no such token: {TOKEN}".encode()
_START = datetime.fromtimestamp(START_MS / 1000, UTC)


@dataclass(frozen=True)
class Case:
    """Behaviours one after the other, then all is well; and what that comes to.

    `requests` were read by the receiver, `attempts` were made, with these `pauses` between requests: to the point where
    the receiver named them, else within a tenth. `waits` is the reason for each, and `arrived` says what the receiver
    knows.
    """

    script: tuple[Behaviour, ...]
    state: str = "accepted"
    part: str = "accepted"
    reason: str | None = None
    requests: int = 1
    attempts: int = 1
    waits: tuple[str, ...] = ()
    pauses: tuple[float, ...] = ()
    exact: bool = False
    arrived: int = 1
    scheme: str = "http"
    deaf_for: float = 0
    seconds: float = 60


def taken(*pieces: bytes) -> Case:
    """The message was taken in, and this said so."""
    return Case((Behaviour(tuple((0, piece) for piece in pieces), arrives=True),))


def refused(status: int, reason: str, body: bytes = _QUOTE, **headers: str) -> Case:
    """It will never be taken in."""
    script = (Behaviour(((0, answer(status, body, **headers)),)),)
    return Case(script, "failed", "rejected", reason, arrived=0)


def later(status: int, pause: float = 5, *, exact: bool = False, **headers: str) -> Case:
    """Not now: it is offered again, and nothing is in doubt."""
    script = (Behaviour(((0, answer(status, _QUOTE, **headers)),)),)
    waits = ("throttled" if exact else "refused",)
    return Case(script, requests=2, attempts=2, waits=waits, pauses=(pause,), exact=exact)


def doubtful(behaviour: Behaviour, pause: float = 5, *, arrives: bool = True) -> Case:
    """It may have arrived: it is offered again under the same id, which whoever took it in can tell."""
    script = (replace(behaviour, arrives=arrives),)
    return Case(script, requests=2, attempts=2, waits=("no_answer",), pauses=(pause,))


def broken_for(wait: str, pause: float) -> Case:
    """It broke down over the message, and named a wait: what it did with it nobody knows."""
    return replace(doubtful(Behaviour(((0, answer(503, _QUOTE, Retry_After=wait)),)), pause), exact=True)


def no_handshake(behaviour: Behaviour) -> Case:
    """No request leaves as long as this goes on, and nothing is in doubt when it has gone on for too long."""
    return Case(
        (replace(behaviour, at_once=True),) * 4, "failed", "expired", "expired", requests=0, attempts=4,
        waits=("not_sent",) * 4, arrived=0, scheme="https", seconds=3 * HOUR,
    )  # fmt: skip


def goes_on(case: Case, times: int, part: str, reason: str) -> Case:
    """The same again and again, for longer than the message lives."""
    state = "unknown" if part == "unknown" else "failed"
    pauses = (case.pauses[0], *(5 * 60, 30 * 60)[: times - 2])
    return replace(
        case, script=case.script * times, state=state, part=part, reason=reason, requests=times, attempts=times,
        waits=case.waits * times, pauses=pauses, arrived=int(case.script[0].arrives), seconds=3 * HOUR,
    )  # fmt: skip


def at(seconds: float) -> str:
    """An instant after the first request, as headers name it."""
    return format_datetime(_START + timedelta(seconds=DUE_SECONDS + seconds), usegmt=True)


def dripping(text: bytes, seconds: float) -> tuple[tuple[float, bytes], ...]:
    """One byte after the other, for so long in all."""
    return tuple((seconds / len(text), text[n : n + 1]) for n in range(len(text)))


_CUT = answer(200, b"begun", Content_Length="100")
_PAGE = b"<!doctype html><title>Wartung \xe4</title>" + b"<br>" * 50_000
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
_NOISE = bytes(range(128, 256)) * 4
_BROKEN = Behaviour(((0, answer(500, _QUOTE)),))

ANSWERS = {
    **{f"{status}": taken(answer(status, b'{"id":1}')) for status in (200, 201, 202, 299)},
    "204": taken(answer(204)),
    "200 with a page": taken(answer(200, _PAGE, Content_Type="text/html")),
    "200 with what is not compressed": taken(answer(200, _NOISE, Content_Encoding="gzip")),
    "200 with broken chunks": taken(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnoise"),
    "200 of HTTP/1.0 to the end of the line": Case(
        (Behaviour(((0, b"HTTP/1.0 200 OK\r\n\r\nfine"),), "closes", arrives=True),)
    ),
    "200 after an early hint": taken(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", answer(200)),
    "200 in single bytes": Case((Behaviour(dripping(answer(200, b"ok"), 8), arrives=True),)),
    "200 and half a body": Case((Behaviour(((0, _CUT),), "closes", arrives=True),)),
    "200 and a reset": Case((Behaviour(((0, _CUT),), "resets", arrives=True),)),
    "200 and a body without end": taken(answer(200, b"x" * 10_000, Content_Length=str(10**12))),
    **{f"{status}": refused(status, "refused_by_receiver") for status in (400, 402, 418, 422, 499)},
    **{f"{status}": refused(status, "no_permission") for status in (401, 403)},
    **{f"{status}": refused(status, "gone") for status in (404, 410)},
    "413": refused(413, "too_large"),
    "400 with a page": refused(400, "refused_by_receiver", _PAGE),
    "400 that names a wait": refused(400, "refused_by_receiver", Retry_After="5"),
    **{f"{status}": refused(status, "redirect", Location="/other") for status in (301, 302, 303, 307, 308)},
    "300 to nowhere": refused(300, "redirect"),
    **{f"{status}": later(status) for status in (408, 425, 429)},
    **{f"{status} for 40 seconds": later(status, 40, exact=True, Retry_After="40") for status in (408, 425, 429)},
    "429 until an instant": later(429, 50, exact=True, Retry_After=at(50)),
    "429 until an instant that is over": later(429, Retry_After=at(-50)),
    "429 until whenever": later(429, Retry_After="soon"),
    "429 for a day": replace(
        later(429, Retry_After="90000"), state="failed", part="expired", reason="throttled", requests=1, attempts=1,
        waits=(), pauses=(), arrived=0,
    ),
    "429 again and again": goes_on(later(429), 4, "expired", "expired"),
    **{f"{status}": doubtful(Behaviour(((0, answer(status, _QUOTE)),))) for status in (500, 502, 503, 504, 599, 999)},
    "500 before the message was taken in": doubtful(_BROKEN, arrives=False),
    "500 again and again": goes_on(doubtful(_BROKEN), 4, "unknown", "no_answer"),
    "503 for 40 seconds": broken_for("40", 40),
    "503 until an instant": broken_for(at(50), 50),
    "503 for a day": replace(
        broken_for("90000", 0), state="unknown", part="unknown", reason="no_answer", requests=1, attempts=1, waits=(), pauses=(),
    ),
    "refuses the connection": Case((), attempts=2, waits=("not_sent",), deaf_for=DUE_SECONDS + 3),
    "hangs up at once": Case((Behaviour(then="resets", at_once=True),), attempts=2, waits=("no_answer",)),
    "hangs up after the request": doubtful(Behaviour(then="closes")),
    "resets after the request": doubtful(Behaviour(then="resets")),
    "says nothing": doubtful(Behaviour(), 10 + 5),
    "says nothing, and took nothing in": doubtful(Behaviour(), 10 + 5, arrives=False),
    "takes longer than anybody waits": doubtful(Behaviour(((12, answer(200)),)), 10 + 5),
    "names a status too slowly": doubtful(Behaviour(dripping(answer(200), 60)), 10 + 5),
    "tells it to go on, and nothing else": doubtful(Behaviour(((0, b"HTTP/1.1 100 Continue\r\n\r\n"),)), 10 + 5),
    "half a status": doubtful(Behaviour(((0, b"HTTP/1.1 2"),), "closes")),
    "half a head": doubtful(Behaviour(((0, b"HTTP/1.1 200 OK\r\nContent-Le"),), "closes")),
    "noise": doubtful(Behaviour(((0, _NOISE),), "closes")),
    "another protocol": doubtful(Behaviour(((0, b"SSH-2.0-OpenSSH_9.9\r\n"),), "closes")),
    "TLS where none was asked for": doubtful(Behaviour(((0, _ALERT),), "closes")),
    "a handshake of noise": no_handshake(Behaviour(((0, _NOISE),))),
    "a handshake that is declined": no_handshake(Behaviour(((0, _ALERT),), "closes")),
    "a handshake that is cut": no_handshake(Behaviour(then="closes")),
    "a handshake without an answer": no_handshake(Behaviour()),
}  # fmt: skip
