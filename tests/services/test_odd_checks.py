"""Looking at a target through a plugin that does not do as it should."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stentor.app.checking import check_target
from stentor.contract.errors import CredentialsRejected, NotSent
from stentor.contract.settings import AccountSettings
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.domain.refusals import Refused
from stentor.domain.routing import Route
from stentor.services.directory import Directory
from stentor.testing.scripted import Provider, ScriptedChannel
from tests.services.odd_channels import odd_channel, odd_line

ROOM = Target("page", "room", "room1", "room1", account="default")
QUICK = Traits(send_timeout=0.01)


def check(home: Path, channel: ScriptedChannel) -> Target:
    directory = Directory({"page": channel}, {"page": {"default": AccountSettings()}}, {})
    return check_target(home, Route(ROOM, "prefix"), directory)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (RuntimeError("a bug"), "RuntimeError: a bug"),
        (SystemExit(3), "SystemExit: 3"),
        (asyncio.CancelledError(), "it was cancelled from within"),
        (NotSent("no connection"), "no connection"),
        ("page:room1", "what resolve returns must be a Target, not str"),
        (Target("page", "room", "a\ud800", "a"), "id of what resolve returns holds half a character"),
        (..., "resolve took longer than 0.01 s"),
    ],
    ids=["bug", "end of the process", "cancelled", "no connection", "text", "half a character", "never ends"],
)
def test_a_target_that_cannot_be_looked_at_is_refused(tmp_path: Path, given: Any, said: str) -> None:
    async def resolve(line: object, target: Target) -> Any:
        if isinstance(given, BaseException):
            raise given
        if given is ...:
            await asyncio.get_running_loop().create_future()
        return given

    with pytest.raises(Refused) as refused:
        check(tmp_path, odd_line("page", Provider(), QUICK, resolve=resolve))
    assert refused.value.code == "bad_target"
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("raised", "said"),
    [(CredentialsRejected("401"), "401"), (SystemExit(3), "the account could not be opened: SystemExit: 3")],
    ids=["refused", "end of the process"],
)
def test_an_account_that_does_not_open_refuses_its_targets(
    tmp_path: Path, raised: BaseException, said: str
) -> None:
    async def open_line(*_: object) -> None:
        raise raised

    with pytest.raises(Refused, match=said):
        check(tmp_path, odd_channel("page", Provider(), open=open_line))


def test_a_connection_that_fails_to_close_has_answered_all_the_same(tmp_path: Path) -> None:
    async def close(line: object) -> None:
        raise SystemExit(3)

    assert check(tmp_path, odd_line("page", Provider(), close=close)) == ROOM
