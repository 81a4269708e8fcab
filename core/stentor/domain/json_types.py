"""JSON objects as types: text keys, and values that nobody has looked at yet."""

from typing import Any, cast

JsonObject = dict[str, Any]


def as_object(value: object) -> JsonObject | None:
    """The value itself if it is an object, else None; what it holds is not looked at."""
    return cast("JsonObject", value) if isinstance(value, dict) else None
