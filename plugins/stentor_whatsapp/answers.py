"""What the library's words mean. It has no codes and no kinds of errors: they are told apart by their text."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from stentor import Ambiguous, CredentialsRejected, NotSent, Rejected, Throttled, Unavailable
from stentor.contract.errors import DeliveryError

LOGIN = "stentor channels login whatsapp"
LOGOUT = "stentor channels logout whatsapp"
# The account that needs no name where it is the only one.
USUAL = "default"
# Whoever is not let write to strangers is not let for hours.
HELD_SECONDS = 6 * 3600.0
_BUSY_SECONDS = 300.0
_LONGEST = 300
_URL = re.compile(r"[a-z][a-z0-9+.\-]*://\S+", re.IGNORECASE)
_CODE = re.compile(r"server returned error (?P<code>[0-9]{3})")


@dataclass(frozen=True, slots=True)
class _Row:
    """What the library says, and what it means. `definite`: also where the message has been handed over."""

    said: str
    means: Callable[[str], DeliveryError]
    definite: bool = False


def _rejected(reason: str, words: str) -> Callable[[str], DeliveryError]:
    return lambda said: Rejected(reason, f"{words} ({said})")


def _ambiguous(words: str) -> Callable[[str], DeliveryError]:
    return lambda said: Ambiguous(f"{words} ({said})")


def _unavailable(words: str) -> Callable[[str], DeliveryError]:
    return lambda said: Unavailable(f"{words} ({said})")


_ROWS = (
    _Row(
        "timed out waiting for message send response",
        _ambiguous("WhatsApp has not confirmed it"),
        definite=True,
    ),
    _Row(
        "disconnected before message send returned",
        _ambiguous("the connection ended meanwhile"),
        definite=True,
    ),
    # Sent and confirmed, perhaps; only the confirmation could not be read.
    _Row("error parsing message", _ambiguous("WhatsApp's confirmation could not be read"), definite=True),
    _Row("decodeerror", _ambiguous("WhatsApp's confirmation could not be read"), definite=True),
    _Row("the store doesn't contain a device jid", lambda _: not_paired(), definite=True),
    _Row("no lid found for", _rejected("not_found", "there is nobody of that address on WhatsApp")),
    _Row(
        "can't send message to unknown server",
        _rejected("bad_target", "WhatsApp knows no such kind of address"),
    ),
    _Row(
        "must be a user jid with no device part",
        _rejected("bad_target", "messages go to people, not to devices"),
    ),
    _Row("broadcast list", _rejected("bad_target", "WhatsApp Web cannot write to broadcast lists")),
    _Row(
        "failed to get group members",
        _rejected("not_a_member", "the phone is not in this group: add it there"),
    ),
    _Row("not a participant", _rejected("not_a_member", "the phone is not in this group: add it there")),
    _Row("websocket not connected", _unavailable("there is no connection to WhatsApp")),
    _Row("websocket disconnected before", _unavailable("the connection ended before anything was sent")),
    _Row("failed to send usync query", _unavailable("WhatsApp did not say which devices to write to")),
    _Row("client is nil", _unavailable("the library is not connected yet")),
    _Row("failed to upload", lambda said: NotSent(f"the file could not be uploaded ({said})")),
    _Row("uploaderror", lambda said: NotSent(f"the file could not be uploaded ({said})")),
)


def refusal(text: str, *, announced: bool) -> DeliveryError:
    """What became of a message of which the library says `text`. Unless `announced`, it never left."""
    said = shown(text)
    code = _CODE.search(said)
    if code is not None:
        return _of_the_server(int(code["code"]))
    lowered = said.lower()
    row = next((row for row in _ROWS if row.said in lowered), None)
    if row is not None and (row.definite or not announced):
        return row.means(said)
    if announced:
        return Ambiguous(f"the message was handed over, and then: {said}")
    return NotSent(f"nothing was sent: {said}", refused=True)


def no_answer(text: str) -> DeliveryError:
    """What it means that a question to WhatsApp, which sends nothing, was not answered."""
    error = refusal(text, announced=False)
    return NotSent(f"WhatsApp was asked in vain: {shown(text)}") if isinstance(error, Ambiguous) else error


def not_paired(account: str = USUAL) -> CredentialsRejected:
    return CredentialsRejected(about(account, f"the account is not paired with a phone: run {LOGIN}"))


def about(account: str, words: str) -> str:
    """`words` with the commands in them as this account needs them."""
    if account == USUAL:
        return words
    return words.replace(LOGIN, f"{LOGIN}:{account}").replace(LOGOUT, f"{LOGOUT}:{account}")


def shown(text: str) -> str:
    """The library's words for people. Addresses of files carry tokens."""
    return " ".join(_URL.sub("(address)", text).split())[:_LONGEST] or "it says nothing"


def _of_the_server(code: int) -> DeliveryError:
    """WhatsApp has answered, and not taken the message."""
    match code:
        case 463:
            return Throttled(
                HELD_SECONDS,
                scope="account",
                message="WhatsApp keeps the account from writing to people who have not written to it (error 463): "
                "have them write first, and send less",
            )
        case 429:
            return Throttled(
                _BUSY_SECONDS, scope="account", message="WhatsApp wants less to be sent (error 429)"
            )
        case 500 | 503:
            return NotSent(f"WhatsApp did not take the message now (error {code})", refused=True)
        case _:
            return Rejected(f"whatsapp_{code}", f"WhatsApp does not take this message (error {code})")
