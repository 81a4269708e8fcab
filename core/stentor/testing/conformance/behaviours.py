"""What a provider can do to a message, as far as channels have to tell it apart."""

from enum import StrEnum
from typing import Self

# What a provider that wants quiet asks for.
QUIET_SECONDS = 7


class Behaviour(StrEnum):
    """How a fake provider treats what is sent to it, until it is told otherwise."""

    says: str

    def __new__(cls, word: str, says: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.says = says
        return member

    ACCEPT = "accept", "It takes the message and says so, with its id."
    REFUSE = "refuse", "It takes no connection, and has cut those that were open."
    DROP = "drop", "It reads the whole request and takes the message, then cuts the connection."
    RESET = "reset", "It cuts the connection while the request is still on its way."
    HANG = "hang", "It reads the whole request and never answers."
    GARBAGE = "garbage", "It answers with success and a body that nobody can read."
    HTML = "html", "Something in front of it answers with an error page: 502, in HTML."
    SERVER_ERROR = "server_error", "It answers that something broke on its side."
    THROTTLE = "throttle", f"It wants {QUIET_SECONDS} seconds of quiet."
    UNAUTHORISED = "unauthorised", "It does not let the account in."
    NO_SUCH_TARGET = "no_such_target", "It knows no such conversation."
    BLOCKED = "blocked", "The recipient has shut us out."
    BAD_FORMAT = "bad_format", "It cannot read the markup."
    TOO_LARGE = "too_large", "The message is too long for it."
    UNKNOWN_ERROR = "unknown_error", "It refuses for good, with a code that nobody has seen before."
    NO_ID = "no_id", "It says that it took the message, but not as what."
    ELSEWHERE = "elsewhere", "It takes the message for another conversation than was meant, and says so."
    MOVED = "moved", "The conversation has another address now."
