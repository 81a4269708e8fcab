"""The words that plugins say and raise, made into text that can be stored; and a guard for calling them."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar, cast

from stentor.domain.halves import sound

T = TypeVar("T")
# Behind this, what a plugin says is no longer read but only carried around.
_LONGEST_TEXT = 4_000
_LONGEST_NAME = 1_000
_SHOWN = 80
# Halves of characters and zero bytes: no store and no socket takes them.
_UNSTORABLE = re.compile(r"[\ud800-\udfff\x00]")


class PluginFault(Exception):
    """A plugin gave or did what it may not; the text says what."""


def asked(call: Callable[[], T], *allowed: type[Exception]) -> T:
    """What a plain function of a plugin gives. Whatever it raises that is not `allowed` comes as a `PluginFault`."""
    try:
        return call()
    except BaseException as error:
        if isinstance(error, (PluginFault, *allowed)):
            raise
        raise PluginFault(named(error)) from error


def said(error: BaseException) -> str:
    """The text of an error; its class where there is none."""
    try:
        text = storable(str(error))
    except BaseException:  # noqa: BLE001 - how an error becomes text is its plugin's code as well
        text = ""
    return text or type(error).__name__


def named(error: BaseException) -> str:
    """The text of an error behind its class."""
    kind, text = type(error).__name__, said(error)
    return text if text == kind else f"{kind}: {text}"


def storable(text: str, most: int = _LONGEST_TEXT) -> str:
    """`text` within bounds, with a mark in place of what cannot be stored."""
    exact = _exact(text)
    return whole(exact if len(exact) <= most else f"{exact[: most - 1]}…")


def whole(text: str) -> str:
    """All of a text, with a mark in place of what cannot be stored."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", sound(text))


def text_in(given: object, what: str) -> str:
    """Text that may have to be made storable."""
    if not isinstance(given, str):
        raise PluginFault(f"{what} must be text, not {kind_of(given)}")
    return _exact(given)


def name_in(given: object, what: str, most: int = _LONGEST_NAME) -> str:
    """A word that stands for something: cut or mended it would stand for something else."""
    text = text_in(given, what)
    if len(text) > most:
        raise PluginFault(f"{what} has {len(text)} characters; it may have {most}")
    if (not text.isascii() or "\0" in text) and _UNSTORABLE.search(text):
        raise PluginFault(f"{what} holds half a character or a zero byte")
    return text


def few_in(given: object, what: str, most: int) -> Sequence[object]:
    """Everything there is, unless it goes on and on."""
    if isinstance(given, str | bytes):
        raise PluginFault(f"{what} must be a sequence, not {kind_of(given)}")
    found = tuple(islice(cast("Iterable[object]", given), most + 1))
    if len(found) > most:
        raise PluginFault(f"{what} may have {most} entries, and has more")
    return found


def kind_of(given: object) -> str:
    return type(given).__name__


def shown(given: object) -> str:
    """What a plugin gave, for a message that says that it is not good."""
    return storable(ascii(given), _SHOWN)


def _exact(text: str) -> str:
    """Not of a class of its own, whose methods do what they like."""
    return text if type(text) is str else str.__str__(text)
