"""Phone numbers: what people write, and which number is meant.

The numbering plans come from phonenumbers, which is loaded with the first number. Without it, numbers that say their
country are taken as they are.
"""

import re
import unicodedata
from typing import NamedTuple

from stentor import InvalidTarget

_HOW = "write the number with + and its country code, such as +6281234567890"
_SHORTEST, _LONGEST = 7, 15
# Digits and what stands between them. A slash with less than four digits behind it begins a second number.
_WRITTEN = re.compile(r"[ (]*\+?[ (]*[0-9](?:[0-9 ().\-]|/(?=(?:[^0-9]*[0-9]){4}))*(?<=[0-9])")
_MOST_WRITTEN = 48
_TRUNK = "(0)"
_FULL_WIDTH = range(0xFF01, 0xFF5F)
_MINUS = "\N{MINUS SIGN}"

# The reasons of phonenumbers, by their numbers.
_POSSIBLE = 0
_REASONS = {
    1: "begins with the code of no country",
    2: "is too short for its country",
    3: "is too long for its country",
    4: "lacks its area code",
    5: "has a length that no number of its country has",
}

# Where the number that people know is not always the one that WhatsApp knows.
_ASKED = "WhatsApp is asked, and what it answers is written to"
_LORE = (
    (
        re.compile(r"\+521[0-9]{10}"),
        f"WhatsApp knows some mobile numbers of Mexico with a 1 behind +52, and others without: {_ASKED}",
    ),
    (
        re.compile(r"\+55[1-9][1-9][6-9][0-9]{7}"),
        f"WhatsApp knows many mobile numbers of Brazil without the 9 they have got since, and others with it: {_ASKED}",
    ),
    (
        re.compile(r"\+549?[1-9][0-9]{9}"),
        "mobile numbers of Argentina have a 9 behind +54 on WhatsApp, others have none: these are two numbers",
    ),
)


class Number(NamedTuple):
    """A phone number in E.164, how people would write it if that is known, and what is to be said about it."""

    e164: str
    shown: str = ""
    warnings: tuple[str, ...] = ()


class _Reading(NamedTuple):
    """What the numbering plans say. No `reason`: a number may be like that. `valid`: it is in a range in use."""

    e164: str = ""
    shown: str = ""
    reason: str = ""
    valid: bool = False

    @property
    def keeps_zero(self) -> bool:
        """Whether the 0 that begins a number is part of it abroad too, as in Italy."""
        return " 0" in self.shown[:5]


def tidy(text: str) -> str:
    """A number as it was pasted, in plain characters: contacts and web pages put marks in that nobody sees."""
    return "".join(_plain(char) for char in text)


def read(text: str, region: str = "") -> Number:
    """The number that is written in plain characters. `region` is the country of those that name none."""
    if len(text) > _MOST_WRITTEN or _WRITTEN.fullmatch(text) is None:
        hint = f"{_HOW}; letters, extensions and second numbers have no place in it"
        raise InvalidTarget(f"{text[:_MOST_WRITTEN]!r} is no phone number", hint=hint)
    digits = _digits(text)
    if "+" in text or digits.startswith("00"):
        return _international(*(_abroad(each) for each in (text, text.replace(_TRUNK, ""))))
    if digits.startswith("0"):
        return _local(digits, region)
    return _bare(digits, region)


def is_region(text: str) -> bool:
    """Whether this is a country that has phone numbers. Without phonenumbers any two letters are one."""
    if re.fullmatch(r"[A-Z]{2}", text) is None:
        return False
    try:
        from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - only settings that name a region pay for it
    except ImportError:
        return True
    return text in SUPPORTED_REGIONS


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Pd" or char == _MINUS:
        return "-"
    return unicodedata.normalize("NFKC", char) if ord(char) in _FULL_WIDTH else char


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _abroad(text: str) -> str:
    return _digits(text) if "+" in text else _digits(text).removeprefix("00")


def _international(digits: str, trunkless: str) -> Number:
    """A number that begins with the code of its country. `trunkless`: without the 0 that was written in brackets."""
    written = f"+{digits}"
    if digits.startswith("0"):
        raise InvalidTarget(f"{written} begins with the code of no country", hint=_HOW)
    if not _SHORTEST <= len(digits) <= _LONGEST:
        length = "short" if len(digits) < _SHORTEST else "long"
        hint = f"{_HOW}; a group is written with its server: group:…@g.us"
        raise InvalidTarget(f"{written} is too {length} for a phone number", hint=hint)
    reading = _reading(written)
    if reading is None:
        if trunkless != digits:
            raise _unreadable(f"where {_TRUNK} belongs")
        return Number(written, warnings=_lore(written))
    if reading.reason and not _lore(written):
        raise InvalidTarget(f"{written} {reading.reason}", hint=_HOW)
    if trunkless != digits and reading.e164 != f"+{trunkless}" and not reading.keeps_zero:
        raise InvalidTarget(f"{_TRUNK} belongs behind the country code, or nowhere", hint=_HOW)
    if reading.e164 == written:
        return _number(reading)
    changed = (f"{written} is read as {reading.e164}",) if trunkless == digits else ()
    return _number(_settled(reading, written), changed)


def _local(digits: str, region: str) -> Number:
    """A number as it is dialled inside its country."""
    if not region:
        raise InvalidTarget(
            f"{digits!r} does not say of which country it is",
            hint=f'{_HOW}, or set default_region = "ID" in the account',
        )
    reading = _reading(digits, region)
    if reading is None:
        raise _unreadable(f"which number {digits} is in {region}")
    if reading.reason:
        raise InvalidTarget(f"{digits} read as a number of {region} {reading.reason}", hint=_HOW)
    return _number(_settled(reading, digits))


def _bare(digits: str, region: str) -> Number:
    """Digits without a sign of where they begin. With a region, that must not be left to chance."""
    if not region:
        return _international(digits, digits)
    here, abroad = _reading(digits, region), _reading(f"+{digits}")
    if here is None or abroad is None:
        raise _unreadable(f"whether {digits} is a number of {region}")
    if not here.valid or here.e164 == abroad.e164:
        return _international(digits, digits)
    if abroad.reason and not _lore(f"+{digits}"):
        return _number(_settled(here, digits))
    raise InvalidTarget(
        f"{digits} may be {abroad.e164} or, in {region}, {here.e164}",
        hint=f"write {abroad.e164} or {here.e164}",
    )


def _settled(reading: _Reading, written: str) -> _Reading:
    """A number that was made of another one. Where that would be made of it once more, nobody knows which is meant."""
    again = _reading(reading.e164)
    if again is None or again.e164 != reading.e164 or not _SHORTEST < len(again.e164) <= _LONGEST + 1:
        raise InvalidTarget(f"{written} can be read as several numbers", hint=_HOW)
    return reading


def _number(reading: _Reading, changed: tuple[str, ...] = ()) -> Number:
    lore = _lore(reading.e164)
    doubts = () if reading.valid or lore else (f"{reading.e164} is in no range known to be in use",)
    return Number(reading.e164, reading.shown, (*changed, *lore, *doubts))


def _lore(e164: str) -> tuple[str, ...]:
    return tuple(said for form, said in _LORE if form.fullmatch(e164))


def _reading(text: str, region: str | None = None) -> _Reading | None:
    """None where the numbering plans are not installed."""
    try:
        import phonenumbers as plans  # noqa: PLC0415 - 11 MiB that only whoever reads a number pays for
    except ImportError:
        return None
    try:
        number = plans.parse(text, region)
    except plans.NumberParseException:
        return _Reading(reason=_REASONS[1])
    reason = plans.is_possible_number_with_reason(number)
    return _Reading(
        plans.format_number(number, plans.PhoneNumberFormat.E164),
        plans.format_number(number, plans.PhoneNumberFormat.INTERNATIONAL),
        "" if reason == _POSSIBLE else _REASONS[reason],
        plans.is_valid_number(number),
    )


def _unreadable(what: str) -> InvalidTarget:
    return InvalidTarget(
        f"nobody can tell {what} without the numbering plans",
        hint=f"{_HOW}, or pip install 'stentor[whatsapp]'",
    )
