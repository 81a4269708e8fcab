"""Placeholders and the rendering of channels that have none of their own: parts, numbers, captions, files."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.domain.dialects import MAIL, PLACES, TELEGRAM

from stentor.contract.dialects import PLAIN
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


def test_several_parts_can_carry_their_numbers() -> None:
    texts = [draft.text for draft in drafts(Payload("aaaa bbbb cccc"), Limits(text=24), PLAIN, numbered=True)]
    assert texts == ["aaaa bbbb cccc"]
    texts = [draft.text for draft in drafts(Payload("aaaa bbbb cccc " * 2), Limits(text=24), numbered=True)]
    assert texts == ["aaaa bbbb cccc\n(1/2)", "aaaa bbbb cccc\n(2/2)"]


@pytest.mark.parametrize("name", sorted(PLACES))
def test_numbers_are_escaped_and_fit_however_many_there_are(name: str) -> None:
    place = PLACES[name]
    dialect = replace(place.dialect, escapes={**place.dialect.escapes, "(": "\\(", ")": "\\)"})
    limits = replace(place.limits, text=100)
    found = drafts(Payload("word " * 2000), limits, dialect, numbered=True)
    assert len(found) > 99
    assert all(draft.text.endswith(f"\\({n}/{len(found)}\\)") for n, draft in enumerate(found, start=1))
    if limits.counted == "sent":
        assert max(len(draft.text) for draft in found) <= 100


def test_room_is_kept_for_the_digits_that_numbers_take_once_there_is_room_for_them() -> None:
    found = drafts(Payload("x" * 9 * 40), Limits(text=40), PLAIN, numbered=True)
    assert len(found) > 9
    assert max(len(draft.text) for draft in found) <= 40


def test_parts_too_short_for_numbers_have_none() -> None:
    assert [draft.text for draft in drafts(Payload("aaaa bbbb"), Limits(text=5), numbered=True)] == [
        "aaaa",
        "bbbb",
    ]


CAPTIONED = Limits(text=100, caption=20, counted="shown")


def test_a_short_text_goes_with_the_first_file_where_the_channel_takes_captions() -> None:
    assert drafts(Payload("**Both** of them", (REPORT, CHART)), CAPTIONED, TELEGRAM) == (
        Draft("<b>Both</b> of them", "html", attachment=REPORT, plain="Both of them"),
        Draft("", attachment=CHART),
    )


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        pytest.param("a text of more than twenty", CAPTIONED, id="longer than a caption"),
        pytest.param("short", replace(CAPTIONED, caption=None), id="a channel without captions"),
    ],
)
def test_any_other_text_goes_before_the_files(text: str, limits: Limits) -> None:
    assert drafts(Payload(text, (REPORT,)), limits, TELEGRAM) == (
        Draft(text, "html"),
        Draft("", attachment=REPORT),
    )


def test_files_without_text_have_no_caption() -> None:
    assert drafts(Payload("", (REPORT,)), CAPTIONED, TELEGRAM) == (Draft("", attachment=REPORT),)


@pytest.mark.parametrize("dialect", [None, PLAIN, TELEGRAM], ids=["as written", "plain", "markup"])
def test_a_file_that_cannot_be_had_is_named_below_the_text(dialect) -> None:
    (draft,) = drafts(Payload("Done.", missing=("a_b_.png",)), Limits(text=100), dialect)
    assert draft.text == "Done.\n\nFile not sent: a_b_.png"


def test_a_file_that_cannot_be_had_is_named_even_if_there_is_no_text() -> None:
    (draft,) = drafts(Payload("", missing=("x.png",)), Limits(text=100), MAIL)
    assert draft.text == "File not sent: x.png"


def test_a_file_too_large_for_the_channel_is_named_instead_of_sent() -> None:
    found = drafts(Payload("Done.", (REPORT, CHART)), Limits(text=100, attachment_bytes=15), TELEGRAM)
    assert [draft.text for draft in found] == [
        "Done.\n\nFile not sent: chart.png (20 bytes; at most 15 can be sent here)",
        "",
    ]
    assert [draft.attachment for draft in found] == [None, REPORT]


def test_without_a_dialect_the_text_is_sent_as_it_was_written() -> None:
    text = "# **T** @everyone\n\n| a |\n|---|\n<b>&amp; [x](http://y)"
    assert drafts(Payload(text), Limits(text=100)) == (Draft(text),)


LINK_TEXT = " ".join(["text"] * 6)


def test_a_link_across_a_cut_goes_to_the_next_part() -> None:
    text = f"{'word ' * 30}[{LINK_TEXT}](http://a.b/c) and on"
    found = drafts(Payload(text), Limits(text=160, counted="shown"), TELEGRAM)
    assert [draft.text for draft in found] == [
        ("word " * 30).rstrip(),
        f'<a href="http://a.b/c">{LINK_TEXT}</a> and on',
    ]


def test_a_link_stays_whole_even_if_there_is_no_blank_before_it() -> None:
    found = drafts(
        Payload(f"{'x' * 30}[{LINK_TEXT}](http://a.b/c)"), Limits(text=40, counted="shown"), TELEGRAM
    )
    assert [draft.text for draft in found] == ["x" * 30, f'<a href="http://a.b/c">{LINK_TEXT}</a>']


def test_a_link_longer_than_a_part_is_several_links() -> None:
    found = drafts(Payload(f"[{'x' * 30}](http://a.b/c)"), Limits(text=20, counted="shown"), TELEGRAM)
    assert [draft.text for draft in found] == [f'<a href="http://a.b/c">{"x" * n}</a>' for n in (20, 10)]


def test_every_line_of_a_quotation_pays_for_its_mark() -> None:
    found = drafts(Payload("> a\n" * 50), Limits(text=40), PLAIN)
    assert {len(draft.text) for draft in found} == {39}
    assert all(line == "> a" for draft in found for line in draft.text.split("\n"))


@pytest.mark.parametrize(
    ("cluster", "limit"),
    [
        pytest.param("\N{GRINNING FACE}", 5, id="surrogate pair"),
        pytest.param("e\u0301\u0323", 4, id="combining marks"),
        pytest.param("\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}", 9, id="joined emoji"),
    ],
)
def test_what_looks_like_one_character_is_never_torn_in_a_dialect_either(cluster: str, limit: int) -> None:
    limits = Limits(text=limit, unit="utf16", counted="shown")
    found = drafts(Payload(f"**{cluster * 5}**"), limits, TELEGRAM)
    assert "".join(draft.plain for draft in found) == cluster * 5
    assert all(draft.plain == cluster * (len(draft.plain) // len(cluster)) for draft in found)


def test_blank_lines_and_indentation_of_code_survive_a_cut() -> None:
    found = drafts(Payload("```\naaaaaaaa\n\n  b\n```"), Limits(text=8, counted="shown"), TELEGRAM)
    assert [draft.text for draft in found] == ["<pre>aaaaaaaa</pre>", "<pre>\n  b</pre>"]


def test_code_across_a_cut_is_opened_again_in_its_language() -> None:
    text = "```py\nx = 1x = 1\ny < 2y < 2\nz = 3z = 3\n```\nafter"
    found = drafts(Payload(text), Limits(text=22, counted="shown"), TELEGRAM)
    assert [draft.text for draft in found] == [
        '<pre><code class="language-py">x = 1x = 1\ny &lt; 2y &lt; 2</code></pre>',
        '<pre><code class="language-py">z = 3z = 3</code></pre>\nafter',
    ]


def test_a_provider_that_counts_what_is_shown_is_given_as_much() -> None:
    escaped = "<" * 30
    assert len(drafts(Payload(escaped), Limits(text=30, counted="shown"), TELEGRAM)) == 1
    assert len(drafts(Payload(escaped), Limits(text=30, counted="sent"), TELEGRAM)) == 5


def test_markup_that_would_fill_a_part_is_left_out() -> None:
    (draft,) = drafts(Payload(f"[t](http://a.b/{'c' * 60})"), Limits(text=100), TELEGRAM)
    assert draft.text == f"t (http://a.b/{'c' * 60})"
