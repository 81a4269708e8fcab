from pathlib import Path

import pytest
from tests.fake_context import FakeContext

from stentor import Account, AccountSettings, Example, InvalidTarget, Part, TargetHints
from stentor.contract.payloads import Attachment
from stentor_local import LocalChannel, stentor_channels

CHANNEL = LocalChannel()
NO_HINTS = TargetHints()


def part(part_id: str = "p1", *, attachment: Attachment | None = None) -> Part:
    target = CHANNEL.parse_target("local:Ops", NO_HINTS)
    return Part(
        id=part_id,
        delivery_id="d1",
        target=target,
        n=1,
        of=2,
        text="Guten Morgen",
        attempt=1,
        attachment=attachment,
    )


async def test_the_plugin_declares_one_channel_that_needs_no_account() -> None:
    (channel,) = stentor_channels()

    assert (channel.name, channel.prefixes, channel.needs_account) == ("local", ("local",), False)
    assert channel.traits.resend_is_harmless(1e9)


@pytest.mark.parametrize("example", CHANNEL.examples, ids=lambda example: example.text)
def test_an_example_reads_as_declared_and_its_canonical_text_is_a_fixed_point(example: Example) -> None:
    target = CHANNEL.parse_target(example.text, NO_HINTS)

    assert target.canonical == example.canonical
    assert CHANNEL.parse_target(target.canonical, NO_HINTS) == target
    assert CHANNEL.parse_target(target.address, NO_HINTS) == target


def test_a_box_keeps_its_case_and_is_a_box() -> None:
    target = CHANNEL.parse_target("local:OpS", NO_HINTS)

    assert (target.kind, target.id, target.thread, target.account) == ("box", "OpS", None, None)


@pytest.mark.parametrize(
    "text",
    [
        "telegram:1",
        "local:telegram:1",
        "local:two words",
        "local:.hidden",
        "local:-flag",
        "local:a/b",
        "local:ünter",
        "local:" + "a" * 65,
        "local:in\u200bbox",
        "local:in\nbox",
    ],
)
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(InvalidTarget):
        CHANNEL.parse_target(text, NO_HINTS)


def test_a_thread_is_refused_because_boxes_have_none() -> None:
    with pytest.raises(InvalidTarget, match="no threads"):
        CHANNEL.parse_target("local:ops", TargetHints(thread="7"))


async def test_a_part_becomes_one_record_whose_id_is_the_receipt(ctx: FakeContext) -> None:
    connection = await CHANNEL.open(Account("local", "default", AccountSettings()), ctx)

    receipt = await connection.send(part())

    assert (receipt.target, receipt.message_id) == (part().target, "1")
    assert ctx.journal.records == [
        ("p1", "local:Ops", {"text": "Guten Morgen", "deliveryId": "d1", "n": 1, "of": 2})
    ]


async def test_a_part_sent_again_is_kept_once_under_the_same_receipt(ctx: FakeContext) -> None:
    connection = await CHANNEL.open(Account("local", "default", AccountSettings()), ctx)

    first = await connection.send(part("p1"))
    await connection.send(part("p2"))
    again = await connection.send(part("p1"))

    assert again == first
    assert len(ctx.journal.records) == 2


async def test_a_record_names_the_file_that_came_with_the_part(ctx: FakeContext, tmp_path: Path) -> None:
    connection = await CHANNEL.open(Account("local", "default", AccountSettings()), ctx)
    report = Attachment("report.pdf", tmp_path / "spool" / "1", "application/pdf", 4096)

    await connection.send(part(attachment=report))

    (_, _, body) = ctx.journal.records[0]
    assert body["attachment"] == {"name": "report.pdf", "size": 4096, "path": str(tmp_path / "spool" / "1")}
