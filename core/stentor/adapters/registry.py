"""Finds the plugins and keeps them apart: what is wrong with one is recorded and felt by no other."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as installed_entry_points
from inspect import isasyncgenfunction, iscoroutinefunction
from types import MappingProxyType
from typing import Self, TypeVar, cast

import pluggy

from stentor.adapters.declared import PluginError, contained, read_channel, read_runner, read_tool
from stentor.contract import hookspecs
from stentor.contract.channel import Channel
from stentor.contract.commands import Commands
from stentor.contract.runners import AgentRunner
from stentor.contract.tools import Tool
from stentor.domain.spelling import did_you_mean

GROUP = "stentor"

_log = logging.getLogger(__name__)
_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("stentor_"))

Item = TypeVar("Item")
Named = TypeVar("Named", AgentRunner, Tool)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin as people see it. With an `error` it takes no part, or not in all that it declares."""

    name: str
    distribution: str
    version: str
    channels: tuple[str, ...] = ()
    runners: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Origin:
    name: str
    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution or 'no distribution'} {self.version}".rstrip() + ")"


class Registry:
    """All that the plugins declare, under names that nobody else holds."""

    def __init__(self) -> None:
        self._plugins: list[tuple[_Origin, _Plugin]] = []
        self._loaded: list[Loaded] = []
        self._claims: dict[tuple[str, str], _Origin] = {}
        self._conflicts: list[str] = []
        self._channels: dict[str, Channel] = {}
        self._prefixes: dict[str, Channel] = {}
        self._runners: dict[str, AgentRunner] = {}
        self._tools: dict[str, Tool] = {}

    @classmethod
    def load(cls, entry_points: Iterable[EntryPoint] | None = None) -> Self:
        """Load the installed plugins one by one, in the order of their names."""
        found = installed_entry_points(group=GROUP) if entry_points is None else entry_points
        registry = cls()
        for entry in sorted(found, key=lambda entry: (entry.name, entry.value)):
            registry._load(entry)
        return registry

    @classmethod
    def of(
        cls,
        channels: Iterable[Channel] = (),
        runners: Iterable[AgentRunner] = (),
        tools: Iterable[Tool] = (),
    ) -> Self:
        """A registry of these and of nothing installed; raises `PluginError` when one of them is not valid."""
        registry = cls()
        plugin = _Plugin(_Embedded(tuple(channels), tuple(runners), tuple(tools)))
        registry._admit(_Origin("embedded"), plugin)
        return registry

    @property
    def plugins(self) -> tuple[Loaded, ...]:
        return tuple(self._loaded)

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Names that are claimed twice. Whoever was loaded first holds the name."""
        return tuple(self._conflicts)

    @property
    def channels(self) -> Mapping[str, Channel]:
        return MappingProxyType(self._channels)

    @property
    def runners(self) -> Mapping[str, AgentRunner]:
        return MappingProxyType(self._runners)

    @property
    def tools(self) -> Mapping[str, Tool]:
        return MappingProxyType(self._tools)

    def channel_of_prefix(self, prefix: str) -> Channel | None:
        """The channel that a target's prefix selects, whatever its case; a channel's name is a prefix too."""
        return self._prefixes.get(prefix.lower())

    @property
    def watches_receipts(self) -> bool:
        """Whether any plugin wants to hear of receipts."""
        return self._watched("stentor_receipt")

    def observe_receipt(self, receipt: Mapping[str, object], delivery: Mapping[str, object]) -> None:
        # Copies, so that no observer sees what another one did to its arguments.
        self._tell("stentor_receipt", lambda: {"receipt": dict(receipt), "delivery": dict(delivery)})

    @property
    def watches_runs(self) -> bool:
        """Whether any plugin wants to hear of finished runs: telling costs a look into the store each time."""
        return self._watched("stentor_run_finished")

    def observe_run(self, run: Mapping[str, object]) -> None:
        self._tell("stentor_run_finished", lambda: {"run": dict(run)})

    def add_commands(self, cli: Commands) -> None:
        self._tell("stentor_commands", lambda: {"cli": cli})

    def _watched(self, hook: str) -> bool:
        return any(plugin.implements(hook) for _, plugin in self._plugins)

    def _tell(self, hook: str, arguments: Callable[[], Mapping[str, object]]) -> None:
        for origin, plugin in self._plugins:
            try:
                plugin.call(hook, **arguments())
            except (PluginError, KeyboardInterrupt) as error:
                _log.error("plugin %s: %s", origin, error, exc_info=error, extra={"event": "plugin_failed"})

    def _load(self, entry: EntryPoint) -> None:
        origin = _origin(entry)
        try:
            with contained(f"importing {entry.value} failed"):
                module = cast("object", entry.load())
            plugin = _Plugin(module)
        except PluginError as error:
            _log.debug("plugin %s: %s", origin, error, exc_info=error, extra={"event": "plugin_refused"})
            self._record(origin, error=str(error))
        else:
            self._admit(origin, plugin)

    def _admit(self, origin: _Origin, plugin: "_Plugin") -> None:
        self._plugins.append((origin, plugin))
        agreed = len(self._conflicts)
        channels = tuple(channel.name for channel in plugin.channels if self._hold_channel(origin, channel))
        runners = self._hold(origin, "runner", plugin.runners, self._runners)
        self._hold(origin, "tool", plugin.tools, self._tools)
        error = "; ".join(self._conflicts[agreed:]) or None
        self._record(origin, channels=channels, runners=runners, error=error)

    def _record(
        self,
        origin: _Origin,
        *,
        channels: tuple[str, ...] = (),
        runners: tuple[str, ...] = (),
        error: str | None,
    ) -> None:
        self._loaded.append(
            Loaded(origin.name, origin.distribution, origin.version, channels, runners, error)
        )

    def _hold_channel(self, origin: _Origin, channel: Channel) -> bool:
        """Whoever has lost its name is not reachable at all; who has lost another prefix answers to the rest."""
        if not self._claim(origin, "prefix", channel.name):
            return False
        others = dict.fromkeys(prefix for prefix in channel.prefixes if prefix != channel.name)
        held = [prefix for prefix in others if self._claim(origin, "prefix", prefix)]
        self._prefixes |= dict.fromkeys((channel.name, *held), channel)
        self._channels[channel.name] = channel
        return True

    def _hold(
        self, origin: _Origin, kind: str, items: Iterable[Named], by_name: dict[str, Named]
    ) -> tuple[str, ...]:
        held = {item.name: item for item in items if self._claim(origin, kind, item.name)}
        by_name |= held
        return tuple(held)

    def _claim(self, origin: _Origin, kind: str, name: str) -> bool:
        holder = self._claims.get((kind, name))
        if holder is None:
            self._claims[kind, name] = origin
            return True
        self._conflicts.append(
            f"{kind} {name!r} is claimed by {holder} and by {origin}: uninstall one of them"
        )
        return False


class _Plugin:
    """One plugin behind a pluggy manager of its own: no call, check or failure can touch another plugin."""

    def __init__(self, plugin: object) -> None:
        self._manager = pluggy.PluginManager(hookspecs.hookspec.project_name)
        self._manager.add_hookspecs(hookspecs)
        with contained("its hooks do not fit"):
            self._manager.register(plugin)
            self._check_hooks(plugin)
        self.channels = self._declared("stentor_channels", read_channel)
        self.runners = self._declared("stentor_runners", read_runner)
        self.tools = self._declared("stentor_tools", read_tool)

    def call(self, hook: str, **arguments: object) -> list[object]:
        """What the implementations of `hook` return; whatever they raise comes as a `PluginError`."""
        caller = cast("pluggy.HookCaller", getattr(self._manager.hook, hook))
        with contained(f"{hook} failed"):
            return cast("list[object]", caller(**arguments))

    def implements(self, hook: str) -> bool:
        caller = cast("pluggy.HookCaller", getattr(self._manager.hook, hook))
        return bool(caller.get_hookimpls())

    def _check_hooks(self, plugin: object) -> None:
        hooks = self._manager.get_hookcallers(plugin) or []
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError:
            unknown = next(hook.name for hook in hooks if not hook.has_spec())
            near = did_you_mean(unknown, _HOOKS) or f"; the hooks are {', '.join(_HOOKS)}"
            raise PluginError(f"there is no hook {unknown!r}{near}") from None
        if not hooks:
            raise PluginError("it implements no hook: put @hookimpl above its functions")
        for function in (found.function for hook in hooks for found in hook.get_hookimpls()):
            if iscoroutinefunction(function) or isasyncgenfunction(function):
                raise PluginError(f"{function.__name__} is async: make it a plain function")

    def _declared(self, hook: str, read: Callable[[object], Item]) -> tuple[Item, ...]:
        results = self.call(hook)
        # A hook that yields runs only now.
        with contained(f"{hook} failed"):
            return tuple(read(item) for result in results for item in cast("Iterable[object]", result))


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Declares what an embedding program brings along, the way a plugin would."""

    channels: tuple[Channel, ...]
    runners: tuple[AgentRunner, ...]
    tools: tuple[Tool, ...]

    @hookspecs.hookimpl
    def stentor_channels(self) -> Iterable[Channel]:
        return self.channels

    @hookspecs.hookimpl
    def stentor_runners(self) -> Iterable[AgentRunner]:
        return self.runners

    @hookspecs.hookimpl
    def stentor_tools(self) -> Iterable[Tool]:
        return self.tools


def _origin(entry: EntryPoint) -> _Origin:
    # A distribution with broken metadata still deserves a record of its own.
    with suppress(Exception):
        if entry.dist is not None:
            return _Origin(entry.name, entry.dist.name or "", entry.dist.version or "")
    return _Origin(entry.name)
