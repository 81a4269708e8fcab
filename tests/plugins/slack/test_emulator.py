"""The channel against a Slack that nobody here has written."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fake_context import FakeContext
from tests.plugins.slack.emulator import FULL, HOOK, POOR, emulator
from tests.plugins.slack.samples import CHANNEL, failure_of, part, with_files

from stentor import Connection, InvalidTarget, Rejected, TargetHints
from stentor.contract.payloads import Attachment
from stentor_slack.channel import SlackSettings
from stentor_slack.connection import connect

GENERAL = "C000000001"


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("emulate")) as address:
        yield address


@pytest.fixture
def ctx(tmp_path: Path, stranger: str) -> FakeContext:
    return FakeContext(data_dir=tmp_path, secrets={"FULL": FULL, "POOR": POOR, "HOOK": stranger + HOOK})


async def opened(ctx: FakeContext, stranger: str, token: str) -> Connection:
    given = {"token": {"env": token}, "base_url": stranger + "/api", "webhooks": {"alerts": {"env": "HOOK"}}}
    return await connect(SlackSettings.model_validate(given), ctx)


@pytest.fixture
async def connection(ctx: FakeContext, stranger: str) -> AsyncIterator[Connection]:
    connection = await opened(ctx, stranger, "FULL")
    yield connection
    await connection.close()


async def test_it_knows_who_we_are(connection: Connection) -> None:
    assert await connection.probe() == "admin in Emulate"


async def test_a_message_an_answer_to_it_and_a_look_at_both(connection: Connection) -> None:
    first = replace(part(f"slack:{GENERAL}", text="*Hello*"), id="e1.1")
    receipt = await connection.send(first)
    answer = replace(part(f"slack:{GENERAL}:thread:{receipt.message_id}"), id="e1.2")
    in_thread = await connection.send(answer)

    assert (receipt.target, in_thread.target) == (first.target, answer.target)
    for sent, got in ((first, receipt), (answer, in_thread)):
        found = await connection.reconcile(sent)
        assert found is not None
        assert (found.target, found.message_id) == (sent.target, got.message_id)
    assert await connection.reconcile(replace(first, id="e1.9")) is None
    assert await connection.reconcile(replace(answer, id="e1.9")) is None


async def test_names_become_ids_and_a_person_gets_a_message(connection: Connection) -> None:
    channel = await connection.resolve(CHANNEL.parse_target("#reports", TargetHints()))
    person = await connection.resolve(CHANNEL.parse_target("@bob", TargetHints()))

    assert (channel.kind, person.kind) == ("channel", "user")
    for target in (channel, person):
        receipt = await connection.send(replace(part(), target=target))
        assert receipt.target == target
    assert receipt.detail["channel"].startswith("D")
    with pytest.raises(InvalidTarget, match="no channel #nowhere"):
        await connection.resolve(CHANNEL.parse_target("#nowhere", TargetHints()))


async def test_a_webhook_answers_ok(connection: Connection) -> None:
    sent = part("slack:webhook:alerts")

    assert (await connection.send(sent)).message_id == sent.id
    failure = await failure_of(connection, replace(sent, text=""))
    assert isinstance(failure, Rejected)
    assert failure.reason == "bad_format"


async def test_files_are_taken(connection: Connection, tmp_path: Path) -> None:
    files = []
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
        files.append(Attachment(name, tmp_path / name, "text/plain", 5))

    receipt = await connection.send(with_files(*files, target=f"slack:{GENERAL}"))

    assert len(receipt.detail["files"].split()) == 2


@pytest.mark.parametrize(
    ("target", "text", "reason"),
    [
        pytest.param("slack:C0000000099", "Hello", "bad_target", id="channel_not_found"),
        pytest.param(f"slack:{GENERAL}", "", "bad_format", id="no_text"),
    ],
)
async def test_it_refuses_what_cannot_be(connection: Connection, target: str, text: str, reason: str) -> None:
    failure = await failure_of(connection, part(target, text))

    assert isinstance(failure, Rejected)
    assert failure.reason == reason


async def test_a_scope_that_is_missing_is_named(ctx: FakeContext, stranger: str) -> None:
    connection = await opened(ctx, stranger, "POOR")
    failure = await failure_of(connection, part(f"slack:{GENERAL}"))
    await connection.close()

    assert isinstance(failure, Rejected)
    assert "add the scope chat:write" in str(failure)
