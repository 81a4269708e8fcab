"""Where the payload of a run is meant to go, decided before the agent is paid."""

import json
from dataclasses import dataclass
from functools import cached_property

from stentor.contract.targets import Target
from stentor.domain.aims import Aim, aims_stored
from stentor.domain.jobs import DeliveryModel
from stentor.domain.reach import NOWHERE, Reach, allow_list
from stentor.domain.routing import Directory, Route, RouteError


@dataclass(frozen=True)
class RoutePlan:
    """The places a payload goes to, those its agent may send to besides, and what cannot be reached now."""

    delivery: DeliveryModel | None = None
    aims: tuple[Aim, ...] = ()
    required: bool = True
    reach: Reach = NOWHERE
    unreachable: tuple[str, ...] = ()

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        return tuple(found.route for found in self.aims if found.route is not None)

    @cached_property
    def errors(self) -> tuple[RouteError, ...]:
        return tuple(found.error for found in self.aims if found.error is not None)

    @property
    def fatal(self) -> str | None:
        if not (self.errors and self.required):
            return None
        return "; ".join(dict.fromkeys(_with_hint(error) for error in self.errors))

    @property
    def lost(self) -> tuple[str, ...]:
        return (*(error.message for error in self.errors), *self.unreachable)

    @cached_property
    def as_json(self) -> str:
        """Intended and resolved, target by target, as the run log shows them."""
        return json.dumps([self._row(found) for found in self.aims], ensure_ascii=False)

    def _row(self, found: Aim) -> dict[str, object]:
        route, delivery = found.route, self.delivery or DeliveryModel()
        channel = delivery.channel or (None if route is None else route.target.channel)
        source = delivery.target_source if route is None else route.source
        return {
            "intended": {
                "channel": channel,
                "to": found.text,
                "accountId": delivery.account_id,
                "threadId": delivery.thread_id,
                "source": source or "explicit",
            },
            "resolved": {
                "ok": route is not None,
                "target": None if route is None else route.target.canonical,
                "accountId": None if route is None else route.account,
                "error": None if found.error is None else found.error.message,
            },
        }


def plan_for(delivery: DeliveryModel, directory: Directory, last: Target | None = None) -> RoutePlan:
    """What a stored job's targets lead to now: a plugin or an account may have gone since it was added."""
    found = aims_stored(delivery, directory, last)
    own = tuple(one.route.target for one in found if one.route is not None)
    reach, unreachable = _reach(delivery, directory, own)
    if delivery.mode == "none":
        lost = (one.error.message for one in found if one.error is not None)
        return RoutePlan(delivery, reach=reach, unreachable=(*lost, *unreachable))
    return RoutePlan(delivery, found, not delivery.best_effort, reach, unreachable)


def _reach(
    delivery: DeliveryModel, directory: Directory, own: tuple[Target, ...]
) -> tuple[Reach, tuple[str, ...]]:
    entries = allow_list(delivery, directory) if delivery.offers_messages else ()
    reach = Reach(
        own,
        tuple(entry.target for entry in entries if entry.target is not None),
        tuple(entry.channel for entry in entries if entry.channel),
    )
    return reach, tuple(
        f"delivery.allow: {entry.error.message}" for entry in entries if entry.error is not None
    )


def _with_hint(error: RouteError) -> str:
    """Nobody can be asked at run time: the error says itself what could be named."""
    return f"{error.message}; {error.hint}" if error.code == "no_last" else error.message
