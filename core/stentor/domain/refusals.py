"""A refusal says what was wrong, where, and how to mend it."""

from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from stentor.domain.spelling import did_you_mean


@dataclass(frozen=True, slots=True)
class Detail:
    path: str
    message: str


class Refused(Exception):
    """Input that is not taken. `code` is stable; nothing was changed."""

    def __init__(self, code: str, message: str, *, hint: str = "", details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = (
            "; ".join([message, *(f"{d.path}: {d.message}" for d in details)]) if details else message
        )
        self.hint = hint
        self.details = details


def details_of(error: ValidationError, model: type[BaseModel]) -> tuple[Detail, ...]:
    """A model's errors in the words of its author: dotted paths, the nearest known key, never the value."""
    return tuple(
        _detail(item["type"], item["loc"], item["msg"], model)
        for item in error.errors(include_input=False, include_url=False)
    )


def _detail(kind: str, loc: tuple[int | str, ...], message: str, model: type[BaseModel]) -> Detail:
    path, holder = _walk(loc, model)
    text = message.removeprefix("Value error, ")
    if kind == "extra_forbidden" and path:
        known = _keys(holder)
        close = did_you_mean(path[-1], known)
        text = f"unknown field{close}" if close else f"unknown field; known are {', '.join(sorted(known))}"
    elif kind == "missing":
        text = "is missing"
    return Detail(".".join(path) or "job", text)


def _walk(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[list[str], type[BaseModel]]:
    """Follow an error's location through the models; tags of unions are not part of what the author wrote."""
    path: list[str] = []
    holder = model
    choices: tuple[type[BaseModel], ...] = ()
    for step in loc:
        tagged = next((choice for choice in choices if _tag(choice) == step), None)
        if tagged is not None:
            holder, choices = tagged, ()
            continue
        path.append(str(step))
        choices = _models(_annotation(holder, step))
        if len(choices) == 1:
            holder = choices[0]
    return path, holder


def _annotation(model: type[BaseModel], step: int | str) -> Any:
    for name, field in model.model_fields.items():
        if step in (name, field.alias):
            return field.annotation
    return None


def _models(annotation: Any) -> tuple[type[BaseModel], ...]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    if get_origin(annotation) is None and not get_args(annotation):
        return ()
    inner = [found for part in get_args(annotation) for found in _models(part)]
    return tuple(inner) if get_origin(annotation) is not dict or inner else ()


def _tag(model: type[BaseModel]) -> object:
    kind = model.model_fields.get("kind")
    return None if kind is None else kind.default


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
