"""The arguments of a built-in tool: one model says how they are called, what they mean, and what of them is valid."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from stentor.contract.tools import ToolRefused
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import details_of

# What only the library has use for.
_LEFT_OUT = ("anyOf", "default", "title")


class Arguments(BaseModel):
    """camelCase outside, snake_case inside; the given value is never repeated in a message."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, alias_generator=to_camel
    )


A = TypeVar("A", bound=Arguments)


def read(model: type[A], arguments: Mapping[str, object], tool: str) -> A:
    """What is null was not said."""
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        mistakes = "; ".join(f"{detail.path}: {detail.message}" for detail in details_of(error, model, tool))
        raise ToolRefused(f"the call of {tool} is not valid; {mistakes}") from error


def schema_of(model: type[Arguments]) -> Mapping[str, object]:
    """The same as JSON schema, for whoever offers the tool to a model."""
    schema = model.model_json_schema()
    fields: dict[str, JsonObject] = schema.get("properties", {})
    return {
        "type": "object",
        "properties": {name: _plain(field) for name, field in fields.items()},
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def refusal(message: str, hint: str) -> ToolRefused:
    """The same words as anywhere else, with the way out."""
    return ToolRefused(f"{message}; {hint}" if hint else message)


def _plain(field: Mapping[str, Any]) -> JsonObject:
    """What may be left out is no choice between something and nothing; of several spellings the first is meant."""
    said = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    whole = {**field, **said[0]} if said else dict(field)
    return {key: value for key, value in whole.items() if key not in _LEFT_OUT}
