"""Files go to Slack in three steps, and people see the last one only."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.loopback import Drop, Hang, Reply, Reset
from tests.plugins.slack.conftest import Connect
from tests.plugins.slack.provider import FakeSlack, error, ok, plain
from tests.plugins.slack.samples import TS, failure_of, part, with_files

from stentor import Ambiguous, Connection, NotSent, Rejected, Throttled
from stentor.contract.errors import DeliveryError
from stentor.contract.payloads import Attachment, Manner
from stentor_slack.limits import Patience

PLACE, UPLOAD, COMPLETE = "files.getUploadURLExternal", "upload", "files.completeUploadExternal"
HASTY = Patience(connection=0.1, call=0.3, files=0.5)


@pytest.fixture
def report(tmp_path: Path) -> Attachment:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7 Gr\xc3\xbc\xc3\x9fe")
    return Attachment("report.pdf", path, "application/pdf", path.stat().st_size)


@pytest.fixture
def table(tmp_path: Path) -> Attachment:
    path = tmp_path / "kept-as-something-else"
    path.write_bytes(b"a,b\n1,2\n")
    return Attachment("table 1.csv", path, "text/csv", 8)


async def test_files_are_uploaded_and_posted_together(
    slack: FakeSlack, connection: Connection, report: Attachment, table: Attachment
) -> None:
    sent = with_files(report, table, text="*Two* files")

    receipt = await connection.send(sent)

    assert slack.methods() == [PLACE, UPLOAD, PLACE, UPLOAD, COMPLETE]
    assert slack.calls(PLACE) == [
        {"filename": "report.pdf", "length": str(report.size)},
        {"filename": "table 1.csv", "length": "8"},
    ]
    assert [call["bytes"] for call in slack.calls(UPLOAD)] == [report.path.read_bytes(), b"a,b\n1,2\n"]
    assert not [
        seen for seen in slack.seen if seen.path.startswith("/upload") and "authorization" in seen.headers
    ]
    (complete,) = slack.calls(COMPLETE)
    assert json.loads(complete.pop("files")) == [
        {"id": "F0001", "title": "report.pdf"},
        {"id": "F0002", "title": "table 1.csv"},
    ]
    assert complete == {"channel_id": "C0123456789", "initial_comment": "*Two* files"}
    assert (receipt.target, receipt.message_id, receipt.degraded) == (sent.target, "F0001", "")
    assert receipt.detail == {"channel": "C0123456789", "files": "F0001 F0002"}


async def test_a_file_without_a_text_goes_alone(
    slack: FakeSlack, connection: Connection, report: Attachment
) -> None:
    await connection.send(with_files(report, text=""))

    assert "initial_comment" not in slack.calls(COMPLETE)[0]


async def test_files_go_to_threads_and_people(
    slack: FakeSlack, connection: Connection, report: Attachment
) -> None:
    in_thread = replace(with_files(report, target=f"slack:C1:thread:{TS}"), manner=Manner(broadcast=True))

    receipt = await connection.send(in_thread)
    to_person = await connection.send(with_files(report, target="slack:user:U1"))

    first, second = slack.calls(COMPLETE)
    assert (first["channel_id"], first["thread_ts"]) == ("C1", TS)
    assert (receipt.target, receipt.degraded) == (in_thread.target, "not_broadcast")
    assert (second["channel_id"], to_person.target.canonical) == ("D1", "slack:user:U1")


BEFORE = [
    pytest.param(PLACE, Drop(), NotSent, id="dropped while asking for a place"),
    pytest.param(PLACE, Hang(), NotSent, id="no answer while asking for a place"),
    pytest.param(PLACE, plain("", 500), NotSent, id="500 while asking for a place"),
    pytest.param(PLACE, ok(), NotSent, id="no place"),
    pytest.param(PLACE, ok(file_id="F1", upload_url="nowhere"), NotSent, id="a place that is none"),
    pytest.param(PLACE, error("ratelimited"), Throttled, id="quiet"),
    pytest.param(PLACE, error("missing_scope", needed="files:write"), Rejected, id="missing_scope"),
    pytest.param(UPLOAD, Drop(), NotSent, id="dropped after the upload"),
    pytest.param(UPLOAD, Reset(), NotSent, id="dropped while uploading"),
    pytest.param(UPLOAD, Hang(), NotSent, id="no answer to the upload"),
    pytest.param(UPLOAD, plain("", 500), NotSent, id="500 to the upload"),
    pytest.param(UPLOAD, plain("", 302, Location="/elsewhere"), Rejected, id="a redirected upload"),
    pytest.param(UPLOAD, plain("", 403), NotSent, id="403 to the upload"),
    pytest.param(UPLOAD, plain("", 413), Rejected, id="413 to the upload"),
]


@pytest.mark.parametrize(("method", "told", "expected"), BEFORE)
async def test_before_the_last_step_nobody_has_seen_anything(
    slack: FakeSlack,
    open_account: Connect,
    report: Attachment,
    method: str,
    told: Reply,
    expected: type[DeliveryError],
) -> None:
    slack.told[method].append(told)
    async with open_account(patience=HASTY) as connection:
        failure = await failure_of(connection, with_files(report))

    assert type(failure) is expected
    assert slack.methods() in ([PLACE], [PLACE, UPLOAD])


@pytest.mark.parametrize("told", [Drop(), Hang(), plain("", 500), error("fatal_error"), plain("<html>")])
async def test_after_it_there_is_doubt_and_nothing_is_uploaded_again(
    slack: FakeSlack, open_account: Connect, report: Attachment, told: Reply
) -> None:
    slack.told[COMPLETE].append(told)
    async with open_account(patience=HASTY) as connection:
        failure = await failure_of(connection, with_files(report))

    assert type(failure) is Ambiguous
    assert slack.methods() == [PLACE, UPLOAD, COMPLETE]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("channel_not_found", "bad_target"),
        ("not_in_channel", "not_a_member"),
        ("missing_scope", "files_forbidden"),
    ],
)
async def test_the_last_step_may_be_refused(
    slack: FakeSlack, connection: Connection, report: Attachment, code: str, reason: str
) -> None:
    slack.told[COMPLETE].append(error(code))

    failure = await failure_of(connection, with_files(report))

    assert isinstance(failure, Rejected)
    assert failure.reason == reason


async def test_a_big_upload_that_is_cut_off_was_not_sent(
    slack: FakeSlack, connection: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(b"x" * 20_000_000)
    slack.told[UPLOAD].append(Reset())

    failure = await failure_of(connection, with_files(Attachment("big.bin", path, "video/mp4", 20_000_000)))

    assert isinstance(failure, NotSent)


async def test_files_that_come_to_take_too_long_were_not_sent(
    slack: FakeSlack, open_account: Connect, report: Attachment
) -> None:
    slack.told[UPLOAD].append(Hang())
    async with open_account(patience=replace(HASTY, call=5, files=0.2)) as connection:
        failure = await failure_of(connection, with_files(report))

    assert isinstance(failure, NotSent)
    assert "in time" in str(failure)


async def test_a_file_that_is_gone_is_refused(connection: Connection, table: Attachment) -> None:
    table.path.unlink()

    failure = await failure_of(connection, with_files(table))

    assert isinstance(failure, Rejected)
    assert failure.reason == "file_gone"
    assert "table 1.csv" in str(failure)


@pytest.mark.parametrize("status", [413, 500])
async def test_a_failed_upload_is_told_by_the_name_that_people_know(
    slack: FakeSlack, connection: Connection, table: Attachment, status: int
) -> None:
    slack.told[UPLOAD].append(plain("", status))

    failure = str(await failure_of(connection, with_files(table)))

    assert "table 1.csv" in failure
    assert table.path.name not in failure


async def test_files_in_doubt_are_found_where_slack_shows_them(
    slack: FakeSlack, connection: Connection, report: Attachment
) -> None:
    sent = with_files(report)
    slack.told[COMPLETE].append(Drop())
    await failure_of(connection, sent)

    receipt = await connection.reconcile(sent)

    assert receipt is not None
    assert (receipt.target, receipt.message_id) == (sent.target, "F0001")


@pytest.mark.parametrize("kind", ["private", "public"])
async def test_files_are_found_among_their_shares_too(
    slack: FakeSlack, connection: Connection, report: Attachment, kind: str
) -> None:
    slack.told[COMPLETE].append(Reply(500))
    await failure_of(connection, with_files(report))
    slack.told["files.info"].append(ok(file={"shares": {kind: {"C0123456789": [{"ts": TS}]}}}))

    assert await connection.reconcile(with_files(report)) is not None


@pytest.mark.parametrize("begun", [True, False], ids=["in this process", "in another one"])
async def test_of_files_that_are_not_seen_nobody_says_that_they_never_will_be(
    slack: FakeSlack, connection: Connection, report: Attachment, begun: bool
) -> None:
    if begun:
        slack.told[COMPLETE].append(Reply(500))
        await failure_of(connection, with_files(report))

    with pytest.raises(Rejected, match="cannot be asked"):
        await connection.reconcile(with_files(report))


async def test_a_webhook_takes_no_files_and_says_which_were_left_out(
    slack: FakeSlack, connection: Connection, report: Attachment, table: Attachment
) -> None:
    sent = with_files(report, table, target="slack:webhook:alerts")

    receipt = await connection.send(sent)
    await connection.send(with_files(report, target="slack:webhook:alerts", text=""))

    first, second = slack.calls("hook")
    assert first["text"] == "Hello\n\n(a webhook takes no files: report.pdf, table 1.csv was left out)"
    assert second["text"] == "(a webhook takes no files: report.pdf was left out)"
    assert receipt.degraded == "no_files"


async def test_a_text_alone_needs_none_of_this(slack: FakeSlack, connection: Connection) -> None:
    await connection.send(part())

    assert slack.methods() == ["chat.postMessage"]
