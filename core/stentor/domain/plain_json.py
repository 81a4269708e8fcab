"""What plugins hand over, made into JSON that every store, socket and program takes."""

import json
from typing import cast

from stentor.domain.json_types import as_object
from stentor.domain.plugin_words import PluginFault, asked, whole

# Deeper than this readers of JSON give up, each at a depth of its own.
_DEEPEST = 100


def plain(given: object) -> object:
    """What comes back of it as JSON, with a mark in place of what cannot be stored; else `PluginFault`."""
    return _storable(asked(lambda: json.loads(json.dumps(given, allow_nan=False))), _DEEPEST)


def _storable(value: object, levels: int) -> object:
    if isinstance(value, str):
        return whole(value)
    inside = as_object(value)
    if inside is None and not isinstance(value, list):
        return value
    if not levels:
        raise PluginFault(f"it is nested more than {_DEEPEST} levels deep")
    if inside is not None:
        return {whole(key): _storable(item, levels - 1) for key, item in inside.items()}
    return [_storable(item, levels - 1) for item in cast("list[object]", value)]
