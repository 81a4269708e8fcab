"""What the account asks of the library and hears from it. Nothing here loads the library."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_ADDRESS = re.compile(
    r"\b(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^\s/@\"']*@)?(?P<host>[^\s/?#\"']+)[^\s\"']*", re.IGNORECASE
)
_SECRET = re.compile(r"\b(auth|token)=[^\s&\"']+", re.IGNORECASE)


class LibraryError(Exception):
    """The library's own words. Addresses in them are cut short: some hold a key to a file, or a password."""

    def __init__(self, words: str) -> None:
        super().__init__(_SECRET.sub(r"\1=…", _ADDRESS.sub(r"\g<scheme>://\g<host>/…", words)))


class Listener(Protocol):
    """Who the library's threads call. Nothing goes on in the library until they have returned."""

    def about_to_send(self, message_id: str) -> None:
        """A message is about to leave: not a byte of it has."""
        ...

    def acknowledged(self, message_id: str, at: int, *, refused: bool) -> None:
        """WhatsApp took a message, or refused it."""
        ...

    def happened(self, name: str, facts: Mapping[str, object]) -> None:
        """Anything else."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """What goes along with a message."""

    path: Path
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What the library returns for a message that WhatsApp took; `at` in milliseconds."""

    message_id: str
    at: int
    chat: str
    sender: str


@dataclass(frozen=True, slots=True)
class Number:
    """A phone number as WhatsApp knows it: whether it is there, and both of its addresses."""

    number: str
    on: bool
    jid: str
    lid: str
