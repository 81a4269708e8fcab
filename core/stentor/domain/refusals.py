"""A refusal says what was wrong, where, and how to mend it."""

from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stentor.domain.spelling import did_you_mean

_OBJECT, _LIST, _WHOLE = "must be an object", "must be a list", "must be a whole number"
_NUMBER, _FLAG = "must be a number", "must be true or false"
_WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "tuple_type": _LIST,
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
}


@dataclass(frozen=True, slots=True)
class Detail:
    path: str
    message: str


class Refused(Exception):
    """Input that is not taken. `code` is stable; nothing was changed."""

    def __init__(self, code: str, message: str, *, hint: str = "", details: tuple[Detail, ...] = ()) -> None:
        self.code = code
        self.message = "; ".join([message, *(f"{d.path}: {d.message}" for d in details)])
        super().__init__(self.message)
        self.hint = hint
        self.details = details


def details_of(error: ValidationError, model: type[BaseModel], whole: str = "job") -> tuple[Detail, ...]:
    """A model's errors in the words of its author: dotted paths, the nearest known key, never the value."""
    return tuple(_detail(item, model, whole) for item in error.errors(include_input=False, include_url=False))


def _detail(item: ErrorDetails, model: type[BaseModel], whole: str) -> Detail:
    path, holder = _walk(item["loc"], model)
    text = plain(item)
    if item["type"] == "extra_forbidden" and path:
        known = _keys(holder)
        close = did_you_mean(path[-1], known)
        text = f"unknown field{close}" if close else f"unknown field; known are {', '.join(sorted(known))}"
    elif item["type"].startswith("union_tag"):
        path = [*path, "kind"]
    return Detail(".".join(path) or whole, text)


def plain(item: ErrorDetails) -> str:
    """A validator's message without the words of the library."""
    words = _WORDS.get(item["type"])
    if words is None:
        return item["msg"].removeprefix("Value error, ")
    facts = item.get("ctx", {})
    return words.format(
        **{key: int(fact) if isinstance(fact, float) else fact for key, fact in facts.items()}
    )


def _walk(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[list[str], type[BaseModel]]:
    """Follow an error's location through the models; tags of unions are not part of what the author wrote."""
    path: list[str] = []
    holder = model
    choices: tuple[type[BaseModel], ...] = ()
    for step in loc:
        if step == "[key]":
            continue
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
    return tuple(found for part in get_args(annotation) for found in _models(part))


def _tag(model: type[BaseModel]) -> object:
    kind = model.model_fields.get("kind")
    return None if kind is None else kind.default


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
