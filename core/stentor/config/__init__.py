"""What the owner of a Stentor home sets: `stentor.toml`, strict, with every mistake named by its path."""

from stentor.config.loading import CONFIG_FILE, load_config, read_settings
from stentor.config.mistakes import ConfigError
from stentor.config.sections import AgentConfig, Config, RunLogConfig
from stentor.config.zones import host_timezone

__all__ = [
    "CONFIG_FILE",
    "AgentConfig",
    "Config",
    "ConfigError",
    "RunLogConfig",
    "host_timezone",
    "load_config",
    "read_settings",
]
