"""Mistakes in the configuration, each with the path of its setting and never with its value."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import TypedDict, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_QUOTABLE = 4  # a shorter value is no secret, and blacking it out would tear words apart


class Detail(TypedDict):
    """One mistake: the dotted path of the setting, and what is wrong with it."""

    path: str
    message: str


class ConfigError(ValueError):
    """The configuration cannot be used as it stands."""

    def __init__(self, message: str, *, hint: str = "", details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = list(details)


def mistakes_of(error: ValidationError, model: type[BaseModel], at: Sequence[str]) -> list[Detail]:
    """What a model has to say against a table, in the words of whoever wrote that."""
    details: list[Detail] = []
    for found in error.errors(include_url=False, include_context=False):
        location = tuple(step for step in found["loc"] if step != "[key]")
        match found["type"]:
            case "extra_forbidden":
                message = _no_such_setting(str(location[-1]), _known_keys(model, location[:-1]))
            case "missing":
                message = "is required"
            case "model_type" | "dict_type":
                message = "must be a table"
            case "literal_error" | "enum":
                message = found["msg"]
            case _:
                message = _without_values(found["msg"].removeprefix("Value error, "), found["input"])
        details.append({"path": _dotted((*at, *location)), "message": message})
    return details


def _no_such_setting(key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, n=1)
    if near:
        return f"this release has no such setting, did you mean {near[0]!r}?"
    return (
        f"this release has no such setting; there are: {', '.join(known)}"
        if known
        else "no setting belongs here"
    )


def _known_keys(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    """The keys of the table at `location`, found by walking the models down."""
    here: object = model
    for step in location:
        field = _fields(here).get(str(step))
        here = field.annotation if field is not None else next(reversed(get_args(here)), None)
    return tuple(_fields(here))


def _fields(kind: object) -> Mapping[str, FieldInfo]:
    choices = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    for choice in choices:
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice.model_fields
    return {}


def _without_values(message: str, given: object) -> str:
    """A validator may quote what it was given, and somebody may have typed a secret into the wrong setting."""
    for text in sorted(_texts(given), key=len, reverse=True):
        if len(text) >= _QUOTABLE:
            message = message.replace(text, "…")
    return message


def _texts(given: object) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        for value in cast("Mapping[object, object]", given).values():
            yield from _texts(value)
    elif isinstance(given, (list, tuple)):
        for value in cast("Sequence[object]", given):
            yield from _texts(value)


def _dotted(location: Sequence[str | int]) -> str:
    """The path as TOML writes it: `agents."two words".model`, `fallbacks[0]`."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            key = step if _BARE_KEY.fullmatch(step) else json.dumps(step, ensure_ascii=False)
            path += f".{key}" if path else key
    return path
