"""What a run of a job does."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stentor.domain.jobs.fields import Flag, JobModel, Seconds, Text, Word, word
from stentor.domain.rendering import PLACEHOLDERS, unknown_placeholders
from stentor.domain.spelling import did_you_mean


def _starts_with_a_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0].strip():
        raise ValueError("must begin with the program to run")
    return argv


def _variable(value: str) -> str:
    if not value or "=" in value:
        raise ValueError("the name of a variable is not empty and holds no =")
    return word(value)


def _known_placeholders(value: str) -> str:
    for name in unknown_placeholders(value):
        raise ValueError(f"{{{{{name}}}}} is not a placeholder{did_you_mean(name, PLACEHOLDERS)}")
    return value


def _model(value: str) -> str:
    if not value.strip() or value != value.strip():
        raise ValueError("names a model, without blanks around it")
    return value


Model = Annotated[str, AfterValidator(_model)]


class AgentTurn(JobModel):
    """Ask the agent; its answer is the payload.

    `fallbacks` replaces those of the agent, and an empty list means that nobody stands in for the model. Of the tools
    the agent gets those in `tools_allow`, or all of them.
    """

    kind: Literal["agentTurn"] = "agentTurn"
    message: Text
    model: Model | None = None
    fallbacks: tuple[Model, ...] | None = None
    thinking: Literal["off", "minimal", "low", "medium", "high", "xhigh"] | None = None
    timeout_seconds: Seconds | None = None
    light_context: Flag = False
    tools_allow: tuple[Text, ...] | None = None


class SystemEvent(JobModel):
    """A line for the main session; nothing is run and nothing is sent."""

    kind: Literal["systemEvent"] = "systemEvent"
    text: Text


class FixedText(JobModel):
    """Text as it stands, with placeholders filled in. No agent takes part."""

    kind: Literal["text"] = "text"
    text: Annotated[Text, AfterValidator(_known_placeholders)]


class Command(JobModel):
    """A program whose output is the payload."""

    kind: Literal["command"] = "command"
    argv: Annotated[tuple[Word, ...], Field(min_length=1), AfterValidator(_starts_with_a_program)]
    cwd: Word | None = None
    env: dict[Annotated[str, AfterValidator(_variable)], Word] = Field(default_factory=dict[str, str])
    input: str | None = None
    timeout_seconds: Seconds | None = None


PayloadModel = Annotated[AgentTurn | SystemEvent | FixedText | Command, Field(discriminator="kind")]
