"""Reads `stentor.toml`."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from stentor.config.mistakes import ConfigError, mistakes_of
from stentor.config.sections import Config

CONFIG_FILE = "stentor.toml"

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


def load_config(home: Path) -> Config:
    """Read `stentor.toml` in `home`; a home without one has the defaults."""
    path = home / CONFIG_FILE
    try:
        raw = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raw = {}
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", hint=f"correct that line of {path}") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", hint="make it a file you may read"
        ) from error
    return read_settings(Config, raw, source=str(path))


def read_settings(
    model: type[SettingsModel],
    raw: Mapping[str, object],
    *,
    at: Sequence[str] = (),
    source: str = CONFIG_FILE,
) -> SettingsModel:
    """Check the table `at` of the configuration with `model`, the core's own or a plugin's."""
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        details = mistakes_of(error, model, at)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    first = details[0]
    message = f"{source}: {first['path'] or 'the file'}: {first['message']}{more}"
    raise ConfigError(message, hint=f"edit {source}", details=details)
