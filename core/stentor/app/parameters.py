"""What somebody asks for, read strictly: names that nobody knows and values of another kind are refused by name."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar, cast

from stentor.domain.refusals import Detail, Refused
from stentor.domain.spelling import did_you_mean

W = TypeVar("W", bound=str)
# Beyond this no store can count, and nobody means it.
_LARGEST = 10**15


class Parameters:
    """The fields of one request. What is null was not said."""

    def __init__(self, given: Mapping[str, object], *known: str) -> None:
        for name in sorted(set(given) - set(known)):
            raise not_valid(name, unknown(name, known))
        self._given = {name: value for name, value in given.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str | None:
        value = self._given.get(name)
        if value is not None and not isinstance(value, str):
            raise not_valid(name, "must be text")
        return value

    def flag(self, name: str) -> bool:
        value = self._given.get(name, False)
        if not isinstance(value, bool):
            raise not_valid(name, "must be true or false")
        return value

    def number(self, name: str, *, least: int = 0, most: int = _LARGEST) -> int | None:
        value = self._given.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            limits = f"from {least} on" if most == _LARGEST else f"from {least} to {most}"
            raise not_valid(name, f"must be a whole number {limits}")
        return value

    def word(self, name: str, words: Collection[W]) -> W | None:
        """One of the words that are known there."""
        value = self.text(name)
        found = next((word for word in words if word == value), None)
        if found is None and value is not None:
            raise not_valid(name, f"must be one of {', '.join(words)}")
        return found

    def texts(self, name: str) -> list[str]:
        """A list of texts, each of them once."""
        value = self._given.get(name, [])
        items = cast("list[object]", value) if isinstance(value, list) else [None]
        found = [item for item in items if isinstance(item, str)]
        if len(found) != len(items):
            raise not_valid(name, "must be a list of texts")
        return list(dict.fromkeys(found))


def unknown(name: str, known: Iterable[str]) -> str:
    """What is wrong with a name that nobody knows."""
    names = sorted(known)
    listed = f"known are {', '.join(names)}" if names else "nothing can be said here"
    return f"unknown field {name!r}{did_you_mean(name, names)}; {listed}"


def not_valid(name: str, why: str) -> Refused:
    return Refused("bad_request", "the request is not valid", details=(Detail(name, why),))
