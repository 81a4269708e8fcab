"""What the fields of a job are made of: texts, words, names and ids, each refused where it cannot be meant."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_BAD_ID = re.compile(r"[/\\]|^\.+$")
# What breaks a line, turns it round or talks to a terminal. Joiners stay: emoji are made of them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LONGEST_NAME = 200
_AGENT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class JobModel(BaseModel):
    """camelCase outside, snake_case inside; frozen; the input value is never repeated in a message."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        alias_generator=to_camel,
        validate_by_name=True,
    )


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def one_line(text: str) -> str:
    """Text as a name may hold it."""
    return _UNSAFE.sub(" ", text).strip()


def _name(value: str) -> str:
    if len(value) > _LONGEST_NAME or _UNSAFE.search(value):
        raise ValueError(
            f"must be one line of up to {_LONGEST_NAME} characters, none of them a control character"
        )
    return _text(value)


def word(value: str) -> str:
    """What a process is started with cannot hold the character that ends it."""
    if "\x00" in value:
        raise ValueError("must not hold a NUL character")
    return value


def _job_id(value: str) -> str:
    bad = _BAD_ID.search(value) or _UNSAFE.search(value)
    if not value.strip() or value != value.strip() or len(value) > 128 or bad:
        raise ValueError("an id is up to 128 characters without slashes, control characters or outer blanks")
    return value


def _agent_id(value: str) -> str:
    if not _AGENT_ID.fullmatch(value):
        raise ValueError("an agent id is a-z, 0-9, _ and -, up to 64 characters")
    return value


# What is merely read as true or false was not said so.
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, AfterValidator(_text)]
Word = Annotated[str, AfterValidator(word)]
Seconds = Annotated[float, Field(ge=0, le=30 * 86400)]
JobId = Annotated[str, AfterValidator(_job_id)]
JobName = Annotated[str, AfterValidator(_name)]
AgentId = Annotated[str, AfterValidator(_agent_id)]
