"""Reads what plugins declare, and refuses what could not be worked with: the text says what is wrong, and where."""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from inspect import iscoroutinefunction, unwrap
from typing import cast

from stentor.contract.channel import Channel, Example
from stentor.contract.errors import StentorError
from stentor.contract.runners import AgentRunner
from stentor.contract.settings import AccountSettings, RunnerSettings
from stentor.contract.targets import TargetHints
from stentor.contract.tools import BUILT_IN, Tool
from stentor.contract.traits import Limits, Traits
from stentor.domain.answers import target_of
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.plain_json import plain
from stentor.domain.plugin_words import PluginFault, named, whole
from stentor.domain.promises import flaw

# These say what kind of place or which conversation is meant, or begin a web address: none may select a channel.
RESERVED_PREFIXES = frozenset(
    {
        *("channel", "conversation", "dm", "group", "room", "session", "thread", "topic", "user"),
        *("current", "last"),
        *("http", "https"),
    }
)
# Room for any one character with the marks around it, in every dialect.
_SHORTEST_PART = 64
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
# What every server of models takes: one that is offered a name that it does not take refuses the whole request.
_TOOL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class PluginError(StentorError):
    """A plugin cannot be used; the text says what is wrong with it."""


@contextmanager
def contained(doing: str) -> Generator[None]:
    """Turn whatever a plugin raises, also its attempt to end the process, into a `PluginError`."""
    try:
        yield
    except PluginError:
        raise
    except BaseException as error:
        # Whoever waits for a plugin may press Ctrl-C.
        if type(error) is KeyboardInterrupt:
            raise
        raise PluginError(f"{doing}: {' '.join(named(error).split())}") from error


def read_channel(item: object) -> Channel:
    if not isinstance(item, Channel):
        raise _misfit(item, "Channel")
    about = f"channel {_name(item, _WORD)!r}"
    for attribute, kind in (("prefixes", tuple), ("examples", tuple), ("limits", Limits), ("traits", Traits)):
        if not isinstance(getattr(item, attribute, None), kind):
            raise PluginError(f"{about}: {attribute!r} must be of type {kind.__name__}")
    _check_promises(about, item)
    _check_text(about, item)
    _check_settings(about, item.settings, AccountSettings)
    if not item.needs_account:
        with contained(f"{about}: its settings have no defaults, so it must say needs_account = True"):
            item.settings()
    for prefix in (item.name, *cast("tuple[object, ...]", item.prefixes)):
        if not isinstance(prefix, str) or not _WORD.fullmatch(prefix):
            raise PluginError(f"{about}: the prefix {prefix!r} must be a lower-case word without its colon")
        if prefix in RESERVED_PREFIXES:
            raise PluginError(f"{about}: the prefix {prefix!r} is reserved: choose another word")
    _check_examples(about, item)
    return item


def _check_promises(about: str, channel: Channel) -> None:
    """What would only be found out amid a send."""
    with contained(f"{about}: its declarations cannot be read"):
        wrong = flaw(channel.limits, channel.traits)
    if wrong:
        raise PluginError(f"{about}: {wrong}")
    kind = type(channel)
    if channel.traits.pairs and (kind.pair is Channel.pair or kind.unpair is Channel.unpair):
        raise PluginError(f"{about}: traits.pairs is True, so it must have a pair and an unpair of its own")


def _check_text(about: str, channel: Channel) -> None:
    """What would only be found out when the first text is to be sent."""
    if channel.limits.text < _SHORTEST_PART:
        raise PluginError(f"{about}: limits.text must be at least {_SHORTEST_PART}")
    for pattern in channel.dialect.mentions if channel.dialect is not None else ():
        try:
            re.compile(pattern)
        except re.error as error:
            raise PluginError(f"{about}: the mention pattern {pattern!r} is not one: {error}") from error


def _check_examples(about: str, channel: Channel) -> None:
    if not channel.examples:
        raise PluginError(f"{about}: it gives no example of a target")
    for example in cast("tuple[object, ...]", channel.examples):
        if not isinstance(example, Example):
            raise _misfit(example, "Example")
        _check_example(about, channel, example)


def _check_example(about: str, channel: Channel, example: Example) -> None:
    with contained(f"{about}: the example {example.text!r} does not parse"):
        target = target_of(channel.parse_target(example.text, TargetHints()), "what parse_target returns")
        again = channel.parse_target(target.canonical, TargetHints())
    if target.channel != channel.name:
        raise PluginError(f"{about}: the example {example.text!r} is a target of {target.channel!r}")
    if target.canonical != example.canonical:
        raise PluginError(
            f"{about}: the example {example.text!r} becomes {target.canonical!r}, not {example.canonical!r}"
        )
    if again != target:
        raise PluginError(f"{about}: {target.canonical!r} read again is another target")


def read_runner(item: object) -> AgentRunner:
    if not isinstance(item, AgentRunner):
        raise _misfit(item, "AgentRunner")
    _check_settings(f"runner {_name(item, _WORD)!r}", item.settings, RunnerSettings)
    return item


def read_tool(item: object) -> Tool:
    if not isinstance(item, Tool):
        raise _misfit(item, "Tool")
    if (name := _name(item, _TOOL_NAME)) in BUILT_IN:
        raise PluginError(f"the tool {name!r} is built in: choose another name")
    about = f"tool {name!r}"
    text = cast("object", item.description)
    if not isinstance(text, str) or whole(text) != text:
        raise PluginError(f"{about}: its description must be text that can be sent")
    _check_handler(about, item.handler)
    return Tool(name, text, _schema(about, item.schema), item.handler)


def _check_handler(about: str, handler: object) -> None:
    """What would only be found out when an agent calls it."""
    if not callable(handler):
        raise PluginError(f"{about}: its handler must be a function that is written as `async def`")
    if not any(iscoroutinefunction(unwrap(call)) for call in (handler, type(handler).__call__)):
        raise PluginError(
            f"{about}: its handler is not async: write it as `async def`, and return the result"
        )


def _schema(about: str, schema: object) -> JsonObject:
    """A copy that stays as it is. One that cannot be told would be felt by every agent: all are told of all tools."""
    if not isinstance(schema, Mapping):
        raise PluginError(f"{about}: its schema must be a dict that JSON can hold")
    try:
        found = as_object(plain(dict(cast("Mapping[str, object]", schema)))) or {}
    except PluginFault as fault:
        raise PluginError(
            f"{about}: its schema is not JSON, write one that json.dumps takes: {fault}"
        ) from fault
    if found.get("type", "object") != "object" or as_object(found.get("properties", {})) is None:
        raise PluginError(f'{about}: its schema must be of type "object", with its arguments as properties')
    return found


def _misfit(item: object, wanted: str) -> PluginError:
    return PluginError(f"{item!r} was declared where an instance of {wanted} belongs")


def _name(item: object, grammar: re.Pattern[str]) -> str:
    name: object = getattr(item, "name", None)
    if isinstance(name, str) and grammar.fullmatch(name):
        return name
    raise PluginError(
        f"{type(item).__name__} has the name {name!r}, which does not match {grammar.pattern}: choose another name"
    )


def _check_settings(about: str, settings: object, base: type) -> None:
    if not (isinstance(settings, type) and issubclass(settings, base)):
        raise PluginError(f"{about}: 'settings' must be a subclass of {base.__name__}")
