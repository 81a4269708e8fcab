"""Settings of accounts and runners: strict models, and secrets that are references until they are needed."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Frozen, and an unknown key is an error. Messages never repeat the value, which may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SecretRef(Strict):
    """Where a secret is kept: exactly one place. Plain text in the configuration is refused."""

    env: str | None = None
    file: str | None = None
    credential: str | None = None
    keyring: str | None = None
    command: tuple[str, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_plain_text(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(  # noqa: TRY004 - pydantic reports a ValueError, a TypeError escapes
                'a secret is a reference: write { env = "NAME" } or { file = "/path" } instead of the text'
            )
        return value

    @model_validator(mode="after")
    def _name_one_place(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("name exactly one of env, file, credential, keyring, command")
        return self


class AccountSettings(Strict):
    """Settings of one account; a channel subclasses it with fields of its own."""


class ChatSettings(AccountSettings):
    """Settings of an account that people can write to, as far as they are alike everywhere.

    They matter once the account receives. `dm_policy` says who may write to it directly: those who pair themselves,
    those in `allow_from` only, everybody, or nobody.
    """

    dm_policy: Literal["pairing", "allowlist", "open", "disabled"] = "pairing"
    allow_from: tuple[str, ...] = ()


class RunnerSettings(Strict):
    """Settings of one agent's runner; a runner subclasses it with fields of its own."""


def _address(text: str) -> str:
    """An address that can be asked, or none."""
    if text and not _is_http(text):
        raise ValueError("is no address; write one such as http://127.0.0.1:8080/v1")
    return text


def _is_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_there = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_there and text.isprintable() and " " not in text


# A number of TOML: "8" is none, and true is not 1.
_Seconds = Annotated[float, Field(gt=0, le=86_400, strict=True, allow_inf_nan=False)]


class ProviderSettings(Strict):
    """Where models are asked. What is not said is as usual for the provider of that name.

    `api` is the protocol that is spoken there: `openai` is that of OpenAI's chat completions, which most servers speak,
    and what is meant where the name is none of the others.
    """

    api: Literal["openai", "openai-responses", "anthropic", "google", "ollama"] | None = None
    base_url: Annotated[str, AfterValidator(_address)] = ""
    api_key: SecretRef | None = None
    # Until the first word of an answer, between two of them, and for the whole of one.
    first_event_seconds: _Seconds = 120
    idle_seconds: _Seconds = 300
    request_seconds: _Seconds = 600
