"""The routes of accounts: what a running daemon is asked about those that only it can have."""

from starlette.requests import Request
from starlette.routing import Route

from stentor.app.account_operations import AccountOperations
from stentor.domain.json_types import JsonObject
from stentor.http.exchange import Answers, body_of


def account_routes(operations: AccountOperations, answers: Answers) -> list[Route]:
    endpoints, at = AccountEndpoints(operations), answers.route
    return [
        at("/api/v1/accounts/probe", endpoints.probe, "POST"),
        at("/api/v1/accounts/check", endpoints.check, "POST"),
        at("/api/v1/accounts/give-away", endpoints.give_away, "POST"),
        at("/api/v1/accounts/renew", endpoints.renew, "POST"),
    ]


class AccountEndpoints:
    """One method per route; what they raise becomes the answer."""

    def __init__(self, operations: AccountOperations) -> None:
        self._operations = operations

    async def probe(self, request: Request) -> JsonObject:
        return await self._operations.probe(await body_of(request))

    async def check(self, request: Request) -> JsonObject:
        return await self._operations.check(await body_of(request))

    async def give_away(self, request: Request) -> JsonObject:
        return await self._operations.give_away(await body_of(request))

    async def renew(self, request: Request) -> JsonObject:
        return await self._operations.renew(await body_of(request))
