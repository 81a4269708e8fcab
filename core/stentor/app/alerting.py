"""Puts the service together that tells people of trouble."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from stentor.config import Config
from stentor.domain.destinations import Destination
from stentor.domain.jobs import Job
from stentor.domain.routing import Directory, RouteError, resolve
from stentor.ports import Clock, Store
from stentor.services.alert_routes import AlertRoutes, configured
from stentor.services.alerts import AlertDefaults, Alerts
from stentor.services.outgoing import Outgoings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the service works with, and whom it wakes."""

    store: Store
    clock: Clock
    outgoings: Outgoings
    unstored: Callable[[str], Job | None]
    clean: Callable[[str], str]
    on_outbox: Callable[[], None]


def alerts_of(config: Config, directory: Directory, around: Surroundings) -> Alerts:
    destination = configured(config)
    problem = why_unusable(destination, directory)
    if problem:
        log.error("alerts go other ways: %s", problem, extra={"event": "failure_destination_unusable"})
    said = config.cron.failure_alert
    zone, _ = config.zone()
    return Alerts(
        around.store,
        around.clock,
        around.outgoings,
        AlertRoutes(directory, around.outgoings.plan, destination),
        AlertDefaults(said.enabled, said.after, said.cooldown, said.include_skipped, zone),
        around.unstored,
        around.clean,
        around.on_outbox,
    )


def why_unusable(destination: Destination | None, directory: Directory) -> str:
    """What is wrong with the configuration's destination; empty when it can be resolved, or there is none."""
    address = destination.address if destination is not None else None
    if address is None:
        return ""
    try:
        resolve(address, directory)
    except RouteError as error:
        return f"cron.failure_destination: {error.message}; {error.hint}"
    return ""
