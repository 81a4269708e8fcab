"""From the flags of a command line to a job, or to a change of one. Contradictions are refused here by the names of
their flags; everything else is left to the job's own rules, which are the same for files and the API.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stentor.domain.durations import parse_duration
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused

Flags = Mapping[str, Any]

_SCHEDULES = ("at", "every", "cron")
_PAYLOADS = ("message", "text", "system_event", "command", "command_argv")
_KINDS = {
    "message": "agentTurn",
    "text": "text",
    "system_event": "systemEvent",
    "command": "command",
    "command_argv": "command",
}
_NOT_BOTH = (
    ("enable", "disable"),
    ("delete_after_run", "keep_after_run"),
    ("stagger", "exact"),
    ("light_context", "no_light_context"),
    ("best_effort_deliver", "no_best_effort_deliver"),
    ("silent", "no_silent"),
    ("link_previews", "no_link_previews"),
    ("broadcast", "no_broadcast"),
    ("announce", "no_deliver"),
    ("announce", "webhook"),
    ("failure_alert_include_skipped", "failure_alert_exclude_skipped"),
)
_CLEARED = {
    "agent": "agentId",
    "session_key": "sessionKey",
    "model": "payload.model",
    "thinking": "payload.thinking",
    "fallbacks": "payload.fallbacks",
    "tools": "payload.toolsAllow",
    "to": "delivery.to",
    "channel": "delivery.channel",
    "thread_id": "delivery.threadId",
    "account": "delivery.accountId",
}
_SAID = {
    "id": "id",
    "name": "name",
    "description": "description",
    "agent": "agentId",
    "session": "sessionTarget",
    "session_key": "sessionKey",
    "wake": "wakeMode",
    "overlap": "overlap",
    "on_interrupt": "onInterrupt",
    "model": "payload.model",
    "thinking": "payload.thinking",
    "command_cwd": "payload.cwd",
    "command_input": "payload.input",
    "timeout_seconds": "payload.timeoutSeconds",
    "channel": "delivery.channel",
    "thread_id": "delivery.threadId",
    "account": "delivery.accountId",
    "priority": "delivery.priority",
    "on_unknown": "delivery.onUnknown",
    "missed": "missed.policy",
    "retries": "retry.maxAttempts",
    "failure_alert_after": "failureAlert.after",
    "failure_alert_channel": "failureAlert.channel",
    "failure_alert_to": "failureAlert.to",
    "failure_alert_mode": "failureAlert.mode",
    "failure_alert_account_id": "failureAlert.accountId",
    "failure_alert_thread_id": "failureAlert.threadId",
}
_MEANT: dict[str, tuple[str, object]] = {
    "enable": ("enabled", True),
    "disable": ("enabled", False),
    "disabled": ("enabled", False),
    "delete_after_run": ("deleteAfterRun", True),
    "keep_after_run": ("deleteAfterRun", False),
    "exact": ("schedule.staggerMs", 0),
    "light_context": ("payload.lightContext", True),
    "no_light_context": ("payload.lightContext", False),
    "announce": ("delivery.mode", "announce"),
    "deliver": ("delivery.mode", "announce"),
    "no_deliver": ("delivery.mode", "none"),
    "webhook": ("delivery.mode", "webhook"),
    "best_effort_deliver": ("delivery.bestEffort", True),
    "no_best_effort_deliver": ("delivery.bestEffort", False),
    "silent": ("delivery.silent", True),
    "no_silent": ("delivery.silent", False),
    "link_previews": ("delivery.linkPreviews", True),
    "no_link_previews": ("delivery.linkPreviews", False),
    "broadcast": ("delivery.broadcast", True),
    "no_broadcast": ("delivery.broadcast", False),
    "failure_alert_include_skipped": ("failureAlert.includeSkipped", True),
    "failure_alert_exclude_skipped": ("failureAlert.includeSkipped", False),
    "no_failure_alert": ("failureAlert", False),
}
_FOREIGN_TO_MODE = {
    "no_deliver": ("to", "channel", "thread_id", "account", "deliver", "webhook"),
    "webhook": ("to", "channel", "thread_id", "deliver"),
}
_AGENT_ONLY = ("model", "thinking", "light_context", "no_light_context", "fallbacks", "tools")
_COMMAND_ONLY = ("command_cwd", "command_env", "command_input")


def given(flags: Flags) -> JsonObject:
    """The flags that were used. 0 is a value like any other."""
    return {
        flag: value
        for flag, value in flags.items()
        if value is not None and value is not False and value != ()
    }


def job_of(flags: Flags) -> JsonObject:
    """The job that flags describe."""
    used = given(flags)
    for what, choices in (("schedule", _SCHEDULES), ("payload", _PAYLOADS)):
        if sum(flag in used for flag in choices) != 1:
            raise Refused("bad_request", f"choose exactly one {what}: {_spelt(choices)}")
    return _fields(used)


def patch_of(flags: Flags) -> JsonObject:
    """What flags change; everything they do not mention stays as it is."""
    used = given(flags)
    if not used:
        raise Refused(
            "bad_request", "nothing to change: name a flag", hint="stentor cron edit --help lists them"
        )
    for what, choices in (("schedule", _SCHEDULES), ("payload", _PAYLOADS)):
        if sum(flag in used for flag in choices) > 1:
            raise Refused("bad_request", f"choose at most one {what}: {_spelt(choices)}")
    return _fields(used)


def _fields(used: JsonObject) -> JsonObject:
    _refuse_contradictions(used)
    fields: JsonObject = {}
    for path, value in _values(used):
        _put(fields, path, value)
    _put_schedule(used, fields)
    _put_payload(used, fields)
    if "failure_alert" in used:
        fields.setdefault("failureAlert", {})
    return fields


def _values(used: JsonObject) -> Iterator[tuple[str, object]]:
    """Each flag by itself: the path of its field, and what it says of it."""
    yield from ((path, None) for flag, path in _CLEARED.items() if f"clear_{flag}" in used)
    yield from ((path, used[flag]) for flag, path in _SAID.items() if flag in used)
    yield from (said for flag, said in _MEANT.items() if flag in used)
    for flag, (path, read) in _READ.items():
        if flag in used:
            yield path, read(used[flag], _spelt([flag]))


def _put(fields: JsonObject, path: str, value: object) -> None:
    section, _, key = path.rpartition(".")
    (fields.setdefault(section, {}) if section else fields)[key] = value


def _put_schedule(used: JsonObject, fields: JsonObject) -> None:
    if "tz" in used:
        _put(fields, "schedule.tz", used["tz"])
    kind = next((flag for flag in _SCHEDULES if flag in used), None)
    if kind is None:
        return
    key, value = ("expr", used["cron"]) if kind == "cron" else ("at", used.get("at"))
    if kind == "every":
        key, value = "everyMs", duration(used["every"], "--every")
    fields["schedule"] = {"kind": kind, key: value, **fields.get("schedule", {})}


def _put_payload(used: JsonObject, fields: JsonObject) -> None:
    flag = next((flag for flag in _PAYLOADS if flag in used), None)
    if flag is None:
        return
    key, value = ("message" if flag == "message" else "text"), used[flag]
    if flag in ("command", "command_argv"):
        key, value = "argv", _words(value) if flag == "command" else _argv(value)
    fields["payload"] = {"kind": _KINDS[flag], key: value, **fields.get("payload", {})}


def _refuse_contradictions(used: JsonObject) -> None:
    pairs = (*_NOT_BOTH, *((flag, f"clear_{flag}") for flag in _CLEARED))
    for one, other in pairs:
        if one in used and other in used:
            raise Refused("bad_request", f"choose {_spelt([one])} or {_spelt([other])}, not both")
    if "no_failure_alert" in used and any(flag.startswith("failure_alert") for flag in used):
        raise Refused("bad_request", "--no-failure-alert takes no details of an alert")
    _refuse_foreign_to_schedule(used)
    kind = next((_KINDS[flag] for flag in _PAYLOADS if flag in used), None)
    refuse_foreign_to_payload(used, kind)
    _refuse_foreign_to_mode(used)


def _refuse_foreign_to_mode(used: JsonObject) -> None:
    """A webhook's URL is its whole address, and what is not delivered has none."""
    for mode, foreign in _FOREIGN_TO_MODE.items():
        idle = [flag for flag in foreign if flag in used]
        if mode in used and idle:
            one, others = _spelt([mode]), _spelt(idle)
            raise Refused("bad_request", f"choose one of {one} and {others}: they do not go together")


def _refuse_foreign_to_schedule(used: JsonObject) -> None:
    if "every" in used and "tz" in used:
        raise Refused("bad_request", "--tz is only valid with --cron or an --at without offset")
    if used.keys() & {"at", "every"} and used.keys() & {"stagger", "exact"}:
        raise Refused("bad_request", "--stagger and --exact are only valid with --cron")


def concern_the_stored_payload(flags: Flags) -> bool:
    """Whether flags say something about a payload without saying which it is."""
    used = given(flags)
    about = (*_AGENT_ONLY, *_COMMAND_ONLY, "timeout_seconds")
    return any(flag in used for flag in about) and not any(flag in used for flag in _PAYLOADS)


def refuse_foreign_to_payload(flags: Flags, kind: str | None) -> None:
    """Flags that say nothing of a payload of that kind, where it is known."""
    used = given(flags)
    foreign = {
        "agentTurn": _COMMAND_ONLY,
        "command": _AGENT_ONLY,
        "text": (*_AGENT_ONLY, *_COMMAND_ONLY, "timeout_seconds"),
        "systemEvent": (*_AGENT_ONLY, *_COMMAND_ONLY, "timeout_seconds"),
    }
    for flag in foreign.get(kind or "", ()):
        if flag in used:
            concerned = "--message" if flag in _AGENT_ONLY else "--command"
            both = f"{concerned} and --message" if flag == "timeout_seconds" else concerned
            hint = f"leave it out: the payload is {kind}"
            raise Refused("bad_request", f"{_spelt([flag])} only concerns {both}", hint=hint)


def duration(text: str, flag: str, *, default_unit: str = "ms") -> int:
    """Milliseconds."""
    try:
        return parse_duration(text, default_unit=default_unit)
    except ValueError as error:
        raise Refused("bad_request", f"{flag}: {error}") from error


def _milliseconds(text: str, flag: str) -> int:
    return duration(text, flag)


def _seconds(text: str, flag: str) -> int:
    seconds, rest = divmod(duration(text, flag, default_unit="s"), 1000)
    if rest:
        raise Refused("bad_request", f"{flag}: {text!r} is no whole number of seconds")
    return seconds


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise Refused("bad_request", f"--command: {error}", hint="close the quotation marks") from error


def _argv(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        hint = """write a JSON list: --command-argv '["ls", "-l"]'"""
        raise Refused("bad_request", f"--command-argv is not JSON: {error}", hint=hint) from error


def _variables(pairs: Iterable[str], flag: str) -> JsonObject:
    variables: JsonObject = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Refused("bad_request", f"{flag}: {pair!r} is not KEY=VALUE")
        variables[name] = value
    return variables


def _list(value: Iterable[str], _flag: str) -> list[str]:
    return list(value)


def _one_in_list(value: str, _flag: str) -> list[str]:
    return [value]


def _comma_separated(text: str, _flag: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


_READ: dict[str, tuple[str, Callable[[Any, str], object]]] = {
    "to": ("delivery.to", _list),
    "expires": ("delivery.expiresAfterSeconds", _seconds),
    "grace": ("missed.graceSeconds", _seconds),
    "stagger": ("schedule.staggerMs", _milliseconds),
    "command_env": ("payload.env", _variables),
    "fallbacks": ("payload.fallbacks", _comma_separated),
    "tools": ("payload.toolsAllow", _comma_separated),
    "webhook": ("delivery.to", _one_in_list),
    "failure_alert_cooldown": ("failureAlert.cooldownMs", _milliseconds),
}


def _spelt(flags: Iterable[str]) -> str:
    return ", ".join(f"--{flag.replace('_', '-')}" for flag in flags)
