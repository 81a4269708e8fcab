"""What the configuration says of how much is kept, and of when sessions begin anew."""

from dataclasses import replace

from stentor.config import Config
from stentor.config.sections import ResetConfig
from stentor.domain.retention import Limits
from stentor.domain.session_limits import SessionLimits
from stentor.domain.session_resets import ResetPolicy, Resets


def limits_of(config: Config) -> Limits:
    """The limits of the sweep that a daemon makes by itself."""
    kept, mode = config.cron.run_log, config.sessions.maintenance.mode
    sessions = session_limits_of(config)
    if mode == "off":
        sessions = SessionLimits(sessions.retention_ms)
    elif mode == "warn":
        sessions = replace(sessions, enforced=False)
    return Limits(kept.keep_runs, kept.keep_days, kept.max_bytes, config.deliveries.keep_days, sessions)


def session_limits_of(config: Config) -> SessionLimits:
    """The limits of sessions, all of them enforced: those of a sweep that somebody asks for."""
    kept = config.sessions.maintenance
    return SessionLimits(
        config.cron.session_retention, kept.prune_after, kept.max_entries, kept.max_disk_bytes
    )


def resets_of(config: Config) -> Resets:
    sessions = config.sessions
    by_kind = {str(kind): _policy(reset) for kind, reset in sessions.reset_by_kind.items()}
    return Resets(config.zone()[0], _policy(sessions.reset), by_kind)


def _policy(reset: ResetConfig) -> ResetPolicy:
    if reset.daily_at is None:
        return ResetPolicy(None, reset.idle_minutes)
    hours, minutes = reset.daily_at.split(":")
    return ResetPolicy(int(hours) * 60 + int(minutes), reset.idle_minutes)
