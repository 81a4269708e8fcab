"""How an account is paired with a device of its owner: a picture to point a camera at, or a code to type."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class PairingCode:
    """What the owner carries over to the other device: a `qr` is drawn, a `code` is typed there.

    It is good for `seconds`, or until another one is shown.
    """

    kind: Literal["qr", "code"]
    text: str
    seconds: float


class PairingDesk(Protocol):
    """The owner of an account, as the channel that pairs it sees them."""

    @property
    def phone(self) -> str:
        """The number of the device, for a code to type there; empty for a picture."""
        ...

    def show(self, code: PairingCode) -> None:
        """This code counts now, and those before it do not any more."""
        ...

    def say(self, line: str) -> None:
        """How it goes on."""
        ...
