"""What providers know of a job's targets, asked where somebody is connected to them anyway."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, Directory, Route, RouteError, without_account

# Whoever adds a job waits so long at most for what is good to know and not needed.
PATIENCE_SECONDS = 10.0
_MOST = 20

# The target as the provider knows it; None where nobody is there to ask. Raises `Refused` and `TimeoutError`.
Ask = Callable[[Route], Awaitable[JsonObject | None]]


def askable(shown: JsonObject, directory: Directory) -> list[Route]:
    """The targets of a job, as an answer shows it, whose accounts stay open: asking costs no more than a moment."""
    account = shown["delivery"].get("accountId")
    routes: list[Route] = []
    for canonical in shown["preview"]["targets"][:_MOST]:
        with suppress(RouteError):
            route = without_account(Address(canonical, account=account), directory)
            if route.account and directory.channels[route.target.channel].traits.stays_open:
                routes.append(route)
    return routes


async def confirmed(shown: JsonObject, routes: Iterable[Route], ask: Ask) -> JsonObject:
    """The answer about a job, with how providers know its targets, and a warning for those they do not know."""
    known: dict[str, str] = {}
    warnings: list[str] = list(shown["warnings"])
    for route in routes:
        try:
            found = await asyncio.wait_for(ask(route), PATIENCE_SECONDS)
        except TimeoutError:
            break  # the others would not be told either
        except Refused as refusal:
            if refusal.code == "bad_target":
                warnings.append(refusal.message)
            continue
        if found is not None and found["display"]:
            known[route.target.canonical] = found["display"]
    preview = {**shown["preview"], "known": known} if known else shown["preview"]
    return {**shown, "preview": preview, "warnings": warnings}
