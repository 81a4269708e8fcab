"""Placeholders and the rendering of channels that have none of their own."""

from pathlib import Path

import pytest

from stentor.contract.payloads import Attachment, Draft, Payload
from stentor.contract.traits import Limits
from stentor.domain.rendering import PLACEHOLDERS, drafts, fill, unknown_placeholders

VALUES = {"jobName": "Brief", "runId": "r1"}
REPORT = Attachment("report.pdf", Path("/spool/1"), "application/pdf", 10)
CHART = Attachment("chart.png", Path("/spool/2"), "image/png", 20)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{jobName}} {{runId}} {{jobName}}", "Brief r1 Brief"),
        ("{{ jobName }}", "Brief"),
        ("{{scheduledFor}}", "{{scheduledFor}}"),
        ("{jobName} {{}} {{ }} }}{{", "{jobName} {{}} {{ }} }}{{"),
        ("{{{jobName}}}", "{Brief}"),
    ],
)
def test_placeholders_with_a_value_are_filled_and_the_rest_stays(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert fill("{{jobName}}", {"jobName": "{{runId}}", "runId": "r1"}) == "{{runId}}"


def test_unknown_placeholders_are_named_once_each_in_order() -> None:
    assert unknown_placeholders("{{zeta}} {{jobName}} {{ alpha }} {{zeta}} {{Job name}}") == [
        "zeta",
        "alpha",
        "Job name",
    ]


def test_all_known_placeholders_are_known() -> None:
    assert unknown_placeholders("".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)) == []


def test_text_is_cut_and_each_attachment_follows_alone() -> None:
    payload = Payload("aaaa bbbb", (REPORT, CHART))
    assert drafts(payload, Limits(text=5)) == (
        Draft("aaaa"),
        Draft("bbbb"),
        Draft("", attachment=REPORT),
        Draft("", attachment=CHART),
    )


def test_the_limit_is_counted_in_the_channels_unit() -> None:
    assert len(drafts(Payload("\N{GRINNING FACE}" * 4), Limits(text=4, unit="utf16"))) == 2


def test_attachments_alone_are_sent_without_text() -> None:
    assert drafts(Payload(" \n", (REPORT,)), Limits(text=100)) == (Draft("", attachment=REPORT),)


def test_nothing_to_say_and_nothing_to_attach_is_no_draft() -> None:
    assert drafts(Payload(""), Limits(text=100)) == ()
