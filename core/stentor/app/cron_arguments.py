"""What agents say to the tool for jobs. They know its shape from elsewhere, and often leave out a part of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from stentor.contract.tools import ToolRefused
from stentor.domain.jobs.fields import Text
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.spelling import did_you_mean
from stentor.services.tool_arguments import LARGEST, Arguments

CRON = "cron"
_NAMES = ("jobId", "id", "job")
# Which arguments mean something, by action.
_TAKEN = {
    "status": (),
    "list": ("includeDisabled", "limit", "offset"),
    "get": _NAMES,
    "add": _NAMES,
    "update": (*_NAMES, "patch"),
    "remove": _NAMES,
    "run": (*_NAMES, "runMode"),
    "runs": (*_NAMES, "runId", "limit", "offset"),
}
# The fields of a job may stand beside these: then they are meant as its own.
_WRITING = ("add", "update")


def _object_or_text(value: object) -> object:
    if as_object(value) is None and not isinstance(value, str):
        raise ValueError("must be an object")
    return value


_Name = Annotated[Text | None, Field(description="The job, by its id or name.")]
# What is an object may have been written as text.
_Fields = Annotated[JsonObject | str, PlainValidator(_object_or_text), WithJsonSchema({"type": "object"})]


class CronArguments(Arguments):
    model_config = ConfigDict(extra="allow")

    action: Annotated[
        Literal["status", "list", "get", "add", "update", "remove", "run", "runs"],
        Field(description="What is to be done."),
    ]
    job: Annotated[
        _Fields | None,
        Field(
            description=(
                "With add: the job, with schedule ({kind: at, at} | {kind: every, everyMs} | {kind: cron, expr, tz}), "
                "payload ({kind: agentTurn, message} | {kind: text, text} | {kind: systemEvent, text}), name, "
                "sessionTarget (main, isolated, current or session:ID) and delivery ({mode: announce, to} | "
                "{mode: none}). Without delivery the answer goes to the conversation you are in."
            )
        ),
    ] = None
    job_id: _Name = None
    id: _Name = None
    patch: Annotated[
        _Fields | None, Field(description="With update: the fields that change; null clears one.")
    ] = None
    run_mode: Annotated[
        Literal["due", "force"], Field(description="With run: always (force, usual), or only if it is due.")
    ] = "force"
    run_id: Annotated[Text | None, Field(description="With runs: only this run.")] = None
    include_disabled: Annotated[bool, Field(description="With list: also jobs that are switched off.")] = (
        False
    )
    limit: Annotated[int, Field(ge=1, le=200, description="With list and runs: how many at most.")] = 20
    offset: Annotated[
        int, Field(ge=0, le=LARGEST, description="With list and runs: how many are passed over.")
    ] = 0

    @property
    def name(self) -> str | None:
        """The job that is meant."""
        return next(iter(self._names.values()), None)

    @property
    def _names(self) -> Mapping[str, str]:
        """What the job is called, by the arguments that say so."""
        named = self.job if self._job_is_a_name and isinstance(self.job, str) else None
        said = {"jobId": self.job_id, "id": self.id, "job": named}
        return {argument: name for argument, name in said.items() if name is not None}

    @property
    def _job_is_a_name(self) -> bool:
        """Text may also be an object that is written down."""
        return self.action != "add" and isinstance(self.job, str) and _object_in(self.job) is None

    @property
    def changes(self) -> JsonObject | str | None:
        """With update: what is to change."""
        return self.job if self.patch is None and not self._job_is_a_name else self.patch

    @property
    def beside(self) -> JsonObject:
        """What stands beside the tool's own arguments."""
        return dict(self.model_extra or {})

    def refuse_idle(self) -> None:
        """Whatever the action would pass over is refused by name."""
        for mistake in (*self._strangers(), *self._idle(), *self._contradictions()):
            raise ToolRefused(f"the call of {CRON} is not valid; {mistake}")

    def _strangers(self) -> Iterator[str]:
        """Only a job can have fields that this tool does not know."""
        known = sorted(_arguments().values())
        for name in () if self.action in _WRITING else sorted(self.beside):
            close = did_you_mean(name, known) or f"; known are {', '.join(known)}"
            yield f"{name}: unknown field{close}"

    def _idle(self) -> Iterator[str]:
        taken = _TAKEN[self.action]
        given = {name for own, name in _arguments().items() if own in self.model_fields_set}
        for name in sorted(given - {"action", *taken}):
            takes = f"; it takes {', '.join(taken)}" if taken else ", nor anything else"
            yield f"{name}: the action {self.action} does not take it{takes}"

    def _contradictions(self) -> Iterator[str]:
        names = self._names
        if len(set(names.values())) > 1:
            yield f"{' and '.join(names)}: they name different jobs; give one of them"
        if self.job is None or self._job_is_a_name or self.action == "add":
            return
        if self.action != "update":
            yield f"job: the action {self.action} takes the id or name of a job, and no fields"
        elif self.patch is not None:
            yield "job: patch says what changes; leave job out"


def lifted(asked: CronArguments) -> tuple[JsonObject, list[str]]:
    """The job or the patch that is meant, and what had to be put into its place."""
    notes: list[str] = []
    adding = asked.action == "add"
    word = "job" if adding else "patch"
    beside = asked.beside
    if adding:
        given = _fields(asked.job, "job", notes)
        if asked.name is not None:
            beside["id"] = asked.name
    else:
        given = _fields(asked.changes, "patch", notes)
        if asked.patch is None and asked.changes is not None:
            notes.append("job read as patch")
    put = {name: value for name, value in beside.items() if given.get(name) is None}
    notes += [f"{name} dropped: {word}.{name} is given too and wins" for name in beside if name not in put]
    if put:
        notes.append(f"{', '.join(put)} lifted into {word}")
    return {**given, **put}, notes


def _arguments() -> Mapping[str, str]:
    """What the tool's own arguments are called, inside and outside."""
    return {own: field.alias or own for own, field in CronArguments.model_fields.items()}


def _fields(value: JsonObject | str | None, name: str, notes: list[str]) -> JsonObject:
    if not isinstance(value, str):
        return dict(value or {})
    found = _object_in(value)
    if found is None:
        raise ToolRefused(f"the call of {CRON} is not valid; {name}: must be an object")
    notes.append(f"{name} read from text")
    return found


def _object_in(text: str) -> JsonObject | None:
    try:
        return as_object(json.loads(text))
    except (ValueError, RecursionError):
        return None
