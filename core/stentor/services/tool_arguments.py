"""The arguments of a built-in tool: one model says how they are called, what they mean, and what of them is valid."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from stentor.contract.tools import ToolRefused
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import details_of

# What only the library has use for.
_LEFT_OUT = ("anyOf", "default", "title")
# Beyond this no store can count, and nobody means it.
LARGEST = 10**15
T = TypeVar("T")
# JSON has no tuples.
Several = Annotated[tuple[T, ...], Field(strict=False)]


class Arguments(BaseModel):
    """camelCase outside, snake_case inside. A value of another kind is refused, and never repeated in a message."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, alias_generator=to_camel, strict=True
    )


A = TypeVar("A", bound=Arguments)


def read(model: type[A], arguments: Mapping[str, object], tool: str) -> A:
    """What is null was not said, and a whole number is one as well with a point, as in JSON."""
    given = {name: _whole(value) for name, value in arguments.items() if value is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        mistakes = "; ".join(f"{detail.path}: {detail.message}" for detail in details_of(error, model, tool))
        raise ToolRefused(f"the call of {tool} is not valid; {mistakes}") from error


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def schema_of(model: type[Arguments]) -> Mapping[str, object]:
    """The same as JSON schema, for whoever offers the tool to a model."""
    schema = model.model_json_schema()
    return _object(schema, schema.get("$defs", {}))


def refusal(message: str, hint: str) -> ToolRefused:
    """The same words as anywhere else, with the way out."""
    return ToolRefused(f"{message}; {hint}" if hint else message)


def _object(schema: Mapping[str, Any], parts: Mapping[str, JsonObject]) -> JsonObject:
    fields: dict[str, JsonObject] = schema.get("properties", {})
    return {
        "type": "object",
        "properties": {name: _plain(field, parts) for name, field in fields.items()},
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _plain(field: Mapping[str, Any], parts: Mapping[str, JsonObject]) -> JsonObject:
    """What may be left out is no choice between something and nothing; of several spellings the first is meant.

    What a schema has only a reference to stands in its place.
    """
    said = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    whole = {**field, **said[0]} if said else dict(field)
    if "$ref" in whole:
        return _object(parts[whole["$ref"].rpartition("/")[2]], parts)
    plain = {key: value for key, value in whole.items() if key not in _LEFT_OUT}
    return {**plain, "items": _plain(plain["items"], parts)} if "items" in plain else plain
