"""Whether what a channel declares of itself can be reckoned with."""

import sys
from collections.abc import Iterator
from typing import Literal, cast, get_args, get_type_hints

from stentor.contract.traits import Limits, Rate, RetrySchedule, Traits
from stentor.domain.plugin_words import few_in, kind_of, shown

_MONTH_SECONDS = 30 * 86_400
_LONGEST_SEND_SECONDS = 3_600
# The slowest pace is about one send a day, the fastest more than any machine can do.
_SLOWEST, _FASTEST = 0.000_01, 1_000_000
_MOST = 100


def flaw(limits: Limits, traits: Traits) -> str:
    """What is wrong, and what would be right; empty where nothing is wrong."""
    return next(_flaws(limits, traits), "")


def flaw_of_rates(rates: object) -> str:
    """The same of the rates of one account."""
    return next(_of_rates(rates), "")


def _flaws(limits: Limits, traits: Traits) -> Iterator[str]:
    yield from _words("limits", limits, "unit", "counted")
    yield from _whole("limits.text", limits.text, 0)
    for name, least in (("caption", 1), ("attachment_bytes", 0), ("stretches", 0)):
        value = cast("object", getattr(limits, name))
        if value is not None:
            yield from _whole(f"limits.{name}", value, least)
    yield from _whole("limits.album", limits.album, 1, _MOST)
    yield from _words("traits", traits, "idempotency", "reconcile", "receipt_level", "receipt_id")
    yield from _number("traits.nonce_window", traits.nonce_window, 0, _MONTH_SECONDS)
    if traits.push_window is not None:
        yield from _number("traits.push_window", traits.push_window, 0, _MONTH_SECONDS)
    yield from _number("traits.send_timeout", traits.send_timeout, 0.001, _LONGEST_SEND_SECONDS)
    if traits.at_once is not None:
        yield from _whole("traits.at_once", traits.at_once, 1)
    yield from _several("traits", traits, "manners")
    yield from _flags("traits", traits, "receives", "stays_open", "pairs")
    yield from _of_retry(traits.retry)
    yield from _of_rates(traits.rates)


def _of_retry(retry: object) -> Iterator[str]:
    if not isinstance(retry, RetrySchedule):
        yield f"traits.retry must be a RetrySchedule, not {kind_of(retry)}"
        return
    delays = few_in(retry.delays, "traits.retry.delays", _MOST)
    if not delays:
        yield "traits.retry.delays is empty: give at least one number of seconds"
    for number, delay in enumerate(delays):
        yield from _number(f"traits.retry.delays[{number}]", delay, 0, _MONTH_SECONDS)
    if retry.refusals is not None:
        yield from _whole("traits.retry.refusals", retry.refusals, 1)


def _of_rates(rates: object) -> Iterator[str]:
    for number, rate in enumerate(few_in(rates, "traits.rates", _MOST)):
        name = f"traits.rates[{number}]"
        if not isinstance(rate, Rate):
            yield f"{name} must be a Rate, not {kind_of(rate)}"
            continue
        yield from _number(f"{name}.per_second", rate.per_second, _SLOWEST, _FASTEST)
        yield from _whole(f"{name}.burst", rate.burst, 1, _FASTEST)
        yield from _words(name, rate, "scope")


def _words(name: str, owner: object, *fields: str) -> Iterator[str]:
    """Fields that take one of a few words."""
    hints = get_type_hints(type(owner))
    for field in fields:
        value = cast("object", getattr(owner, field))
        words = get_args(hints.get(field, Literal[""]))
        if not isinstance(value, str) or value not in words:
            yield f"{name}.{field} is {shown(value)}: it must be one of {', '.join(words)}"


def _flags(name: str, owner: object, *fields: str) -> Iterator[str]:
    for field in fields:
        value = cast("object", getattr(owner, field))
        if not isinstance(value, bool):
            yield f"{name}.{field} is {shown(value)}: it must be True or False"


def _several(name: str, owner: object, field: str) -> Iterator[str]:
    """A field that takes any number of a few words."""
    words = get_args(get_args(get_type_hints(type(owner))[field])[0])
    for value in few_in(getattr(owner, field), f"{name}.{field}", _MOST):
        if value not in words:
            yield f"{name}.{field} holds {shown(value)}: it may hold {', '.join(words)}"


def _number(name: str, value: object, least: float, most: float) -> Iterator[str]:
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return
    yield f"{name} is {shown(value)}: it must be a number from {least:.7g} to {most:.7g}"


def _whole(name: str, value: object, least: int, most: int = sys.maxsize) -> Iterator[str]:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return
    wanted = f"of at least {least}" if most == sys.maxsize else f"from {least} to {most}"
    yield f"{name} is {shown(value)}: it must be a whole number {wanted}"
