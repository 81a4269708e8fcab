"""What agents say to the tool for jobs. They know its shape from elsewhere, and often leave out a part of it."""

import json
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from stentor.contract.tools import ToolRefused
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.spelling import did_you_mean
from stentor.services.tool_arguments import Arguments

CRON = "cron"
# The fields of a job may stand beside these: then they are meant as its own.
_WRITING = ("add", "update")


_Name = Annotated[str | None, Field(description="The job, by its id or name.")]
# What is an object may have been written as text.
_Fields = JsonObject | str | None


class CronArguments(Arguments):
    model_config = ConfigDict(extra="allow")

    action: Annotated[
        Literal["status", "list", "get", "add", "update", "remove", "run", "runs"],
        Field(description="What is to be done."),
    ]
    job: Annotated[
        _Fields,
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
        _Fields,
        Field(description="With update: the fields that change; null clears one."),
    ] = None
    run_mode: Annotated[
        Literal["due", "force"], Field(description="With run: always (force, usual), or only if it is due.")
    ] = "force"
    run_id: Annotated[str | None, Field(description="With runs: only this run.")] = None
    include_disabled: Annotated[bool, Field(description="With list: also jobs that are switched off.")] = (
        False
    )
    limit: Annotated[int, Field(ge=1, le=200, description="With list and runs: how many at most.")] = 20
    offset: Annotated[int, Field(ge=0, description="With list and runs: how many are passed over.")] = 0

    @property
    def name(self) -> str | None:
        """The job that is meant."""
        said = self.job_id or self.id
        return said or (self.job if isinstance(self.job, str) else None)

    @property
    def beside(self) -> JsonObject:
        """What stands beside the tool's own arguments."""
        return dict(self.model_extra or {})

    def refuse_strangers(self) -> None:
        """Only a job can have fields that this tool does not know."""
        for name in () if self.action in _WRITING else sorted(self.beside):
            known = [field.alias or own for own, field in CronArguments.model_fields.items()]
            close = did_you_mean(name, known) or f"; known are {', '.join(sorted(known))}"
            raise ToolRefused(f"the call of {CRON} is not valid; {name}: unknown field{close}")


def lifted(asked: CronArguments) -> tuple[JsonObject, list[str]]:
    """The job or the patch that is meant, and what had to be put into its place."""
    notes: list[str] = []
    adding = asked.action == "add"
    word = "job" if adding else "patch"
    beside = asked.beside
    if adding:
        given = _fields(asked.job, "job", notes)
        if asked.job_id or asked.id:
            beside["id"] = asked.job_id or asked.id
    else:
        given = _fields(asked.patch, "patch", notes)
        if asked.patch is None and isinstance(asked.job, dict):
            given = asked.job
            notes.append("job read as patch")
    put = {name: value for name, value in beside.items() if given.get(name) is None}
    notes += [f"{name} dropped: {word}.{name} is given too and wins" for name in beside if name not in put]
    if put:
        notes.append(f"{', '.join(put)} lifted into {word}")
    return {**given, **put}, notes


def _fields(value: JsonObject | str | None, name: str, notes: list[str]) -> JsonObject:
    if not isinstance(value, str):
        return dict(value or {})
    try:
        found = as_object(json.loads(value))
    except ValueError:
        found = None
    if found is None:
        raise ToolRefused(f"the call of {CRON} is not valid; {name}: must be an object")
    notes.append(f"{name} read from text")
    return found
