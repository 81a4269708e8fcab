"""Secrets: noticed when they change, and written nowhere."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stentor.adapters.logs import set_up_logging
from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext, Connection, Example
from stentor.contract.errors import Ambiguous, CredentialsRejected, Rejected, RunnerError
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.runners import TurnRequest
from stentor.contract.settings import AccountSettings, SecretRef
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel
from stentor.testing.simulation import Simulation
from tests.services.stories import TalkingRunner, adding, alerts, deliveries, job, runs

OLD, NEW = "123456:AAHoldoldoldoldoldoldoldoldoldoldold1", "123456:AAHnewnewnewnewnewnewnewnewnewnewnew2"
TURN = {"kind": "agentTurn", "message": "brief"}


class TokenSettings(AccountSettings):
    token: SecretRef


class _Line(Connection):
    def __init__(self, provider: "Gatekeeper", token: str) -> None:
        self._provider = provider
        self._token = token

    async def send(self, part: Part) -> Receipt:
        self._provider.tokens.append(self._token)
        if self._token != self._provider.good:
            raise CredentialsRejected(f"401 for https://api.example.com/bot{self._token}/sendMessage")
        return self._provider.receive(part)


class Gatekeeper(Provider):
    """Lets one token in."""

    def __init__(self, good: str) -> None:
        super().__init__()
        self.good = good
        self.tokens: list[str] = []


class TokenChannel(ScriptedChannel):
    name = "page"
    prefixes = ("page",)
    examples = (Example("page:room1", "page:room1"),)
    needs_account: ClassVar[bool] = True
    settings: ClassVar[type[AccountSettings]] = TokenSettings
    provider: Gatekeeper

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        assert isinstance(account.settings, TokenSettings)
        return _Line(self.provider, ctx.reveal(account.settings.token))


def furnished(home: Path, good: str, *runners: TalkingRunner) -> tuple[Simulation, Gatekeeper]:
    """A home whose token is kept in a file, and the provider that lets one in."""
    (home / "token").write_text(OLD)
    (home / "token").chmod(0o600)
    (home / "stentor.toml").write_text('[channels.page.accounts.default]\ntoken = { file = "token" }\n')
    channel, provider = TokenChannel(), Gatekeeper(good)
    channel.provider = provider
    return Simulation(home, [channel], runners), provider


def test_an_account_that_was_refused_goes_on_when_it_has_another_token(fast_home: Path) -> None:
    world, provider = furnished(fast_home, good=NEW)

    async def story(operations: Operations) -> None:
        for number in range(20):
            await operations.send({"to": f"page:room{number % 5}", "text": f"message {number}"})
        await operations.app.ground.seams.clock.sleep(300)
        assert provider.tokens == [OLD]
        assert {one["state"] for one in deliveries(fast_home)} == {"pending"}
        (fast_home / "token").write_text(NEW)

    world.live(story, seconds=30)

    assert provider.tokens == [OLD] + [NEW] * 20
    rooms = [[part.text for part in provider.accepted if part.target.id == f"room{n}"] for n in range(5)]
    assert rooms == [[f"message {n + 5 * k}" for k in range(4)] for n in range(5)]
    assert alerts(fast_home) == ["account_down"]
    assert {one["state"] for one in deliveries(fast_home)} == {"accepted"}


def quoting(error: bool) -> TalkingRunner:
    """An agent that repeats the token it has read somewhere."""

    async def turn(request: TurnRequest) -> str:
        if error:
            raise RunnerError("auth", f"401 with the token {OLD}")
        return f"I found {OLD} in your files."

    return TalkingRunner(turn)


@pytest.fixture
def restored_log() -> Iterator[None]:
    """What this process logs is everybody's."""
    root, httpx = logging.getLogger(), logging.getLogger("httpx")
    before = root.handlers, root.level, httpx.level
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    httpx.setLevel(before[2])


@pytest.mark.usefixtures("restored_log")
@pytest.mark.parametrize("error", [False, True], ids=["in its answer", "in its error"])
def test_a_token_appears_nowhere_whoever_quotes_it(
    fast_home: Path, capsys: pytest.CaptureFixture[str], error: bool
) -> None:
    world, provider = furnished(fast_home, OLD, quoting(error))
    provider.script.extend(
        [Ambiguous(f"no answer from /bot{OLD}/"), Rejected("too_large", OLD), ValueError(f"a bug with {OLD}")]
    )
    answers: list[Any] = []

    async def story(operations: Operations) -> None:
        set_up_logging(operations.app.ground.redactor, "debug")
        await adding(job(payload=TURN))(operations)
        answers.extend(
            [await operations.send({"to": f"page:room{n}", "text": f"hello {OLD}"}) for n in (2, 3, 4)]
        )
        await operations.app.ground.seams.clock.sleep(60)
        logging.getLogger("httpx").warning("POST https://api.example.com/bot%s/sendMessage", OLD)
        answers.extend([runs(fast_home), deliveries(fast_home), operations.health()])
        with Reader.open(fast_home / "stentor.db") as reader:
            answers.extend([reader.events(0), reader.alerts(100)])

    world.live(story, seconds=60)

    (fast_home / "token").unlink()
    check(fast_home, Witness({"page": provider}, secrets=[OLD]))
    printed = "".join(capsys.readouterr())
    assert OLD not in json.dumps(answers)
    assert OLD not in printed
    assert "[redacted]" in printed
    assert OLD not in "".join(part.text for part in provider.requests)
