"""Which final texts are sent, which stay silent, and why."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.contract.errors import RunnerErrorKind
from stentor.domain.replies import ACK_REMARK_LIMIT, Reason, Reply, classify, denial, is_interim

LONG = "x" * (ACK_REMARK_LIMIT + 10)


@pytest.mark.parametrize(
    "text",
    [
        "NO_REPLY",
        "no_reply",
        "  NO_REPLY \n",
        "NO_REPLY\nNO_REPLY",
        "NO_REPLYNO_REPLY",
        "**NO_REPLY**",
        "_NO_REPLY_",
        "NO_REPLY.",
        '"NO_REPLY"',
        "```\nNO_REPLY\n```",
        '{"action":"NO_REPLY"}',
        '```json\n{ "action": "NO_REPLY" }\n```',
        "<think>x</think>NO_REPLY",
        "ANNOUNCE_SKIP",
        " REPLY_SKIP\n",
    ],
    ids=repr,
)
def test_a_silent_token_alone_is_silence(text: str) -> None:
    assert classify(text) == Reply("silent", "", "silent_token")


@pytest.mark.parametrize(
    "text",
    ["Done. NO_REPLY", "Done.NO_REPLY", "Done. **NO_REPLY**.", "All good\n\nNO_REPLY", "All good\nno_reply", "_Hm_ _NO_REPLY_"],
    ids=repr,
)  # fmt: skip
def test_prose_that_ends_in_the_token_was_not_meant_to_be_announced(text: str) -> None:
    assert classify(text) == Reply("silent", "", "silent_token")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("no reply", "no reply"),
        ("The sender is no_reply", "The sender is no_reply"),
        ("The flag is called DO_NO_REPLY", "The flag is called DO_NO_REPLY"),
        ("NO_REPLY_TO is the header", "NO_REPLY_TO is the header"),
        ("I said NO_REPLY to them all", "I said NO_REPLY to them all"),
        ("NO_REPLYThe user asked", "The user asked"),
        ("NO_REPLY done", "done"),
        ("NO_REPLY: **done**", "**done**"),
        ("ANNOUNCE_SKIP please", "ANNOUNCE_SKIP please"),
        ('{"action":"NO_REPLY","text":"hi"}', '{"action":"NO_REPLY","text":"hi"}'),
    ],
)
def test_a_token_elsewhere_does_not_silence_the_text(text: str, sent: str) -> None:
    assert classify(text) == Reply("text", sent)


@pytest.mark.parametrize(
    "text",
    [
        "HEARTBEAT_OK",
        "HEARTBEAT_OK.",
        "**HEARTBEAT_OK**",
        "HEARTBEAT_OK all quiet",
        "Everything fine HEARTBEAT_OK",
        "x" * ACK_REMARK_LIMIT + " HEARTBEAT_OK",
    ],
    ids=lambda text: text[-40:],
)
def test_an_acknowledgement_with_a_short_remark_is_nothing_to_report(text: str) -> None:
    assert classify(text) == Reply("silent", "", "heartbeat_ack")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        pytest.param(f"{LONG} HEARTBEAT_OK", LONG, id="a long remark in front"),
        pytest.param(f"**HEARTBEAT_OK**\n{LONG}", LONG, id="a long remark behind"),
        pytest.param(f"HEARTBEAT_OK {LONG} HEARTBEAT_OK", LONG, id="a long remark between"),
        pytest.param("It said HEARTBEAT_OK to me", "It said HEARTBEAT_OK to me", id="in the middle"),
        pytest.param("heartbeat_ok", "heartbeat_ok", id="lower case"),
        pytest.param("HEARTBEAT_OKAY then", "HEARTBEAT_OKAY then", id="part of a longer word"),
    ],
)
def test_an_acknowledgement_with_real_news_is_sent_without_the_token(text: str, sent: str) -> None:
    assert classify(text) == Reply("text", sent)


@pytest.mark.parametrize(
    "text", ["", "  \n\t", "\u200b\ufeff", "<think>hm</think>", "<think>never closed"], ids=repr
)
def test_a_reply_without_visible_text_is_empty(text: str) -> None:
    assert classify(text) == Reply("silent", "", "empty")


@pytest.mark.parametrize(
    "text", ["", "NO_REPLY", "Here it is. NO_REPLY", "HEARTBEAT_OK all quiet", "REPLY_SKIP"], ids=repr
)
def test_attachments_are_sent_even_when_the_text_is_silent(text: str) -> None:
    assert classify(text, attachments=True) == Reply("text", "")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("<think>let me see</think>\n\nThe answer is 4.", "The answer is 4."),
        ("<THINKING>a\nb</THINKING>Yes<think>c</think>, it is.", "Yes, it is."),
        ("<think>a <think>b</think>Answer", "Answer"),
        ("Write <think> to open a block.", "Write <think> to open a block."),
        ("The tag </think> closes it.", "The tag </think> closes it."),
        ("<think>it is `x</think>Use `y` here.", "Use `y` here."),
        ("<think>```\nodd</think>Yes.\n```py\nx\n```\n<think>\n```\nb\n```\n</think>No.", "Yes.\n```py\nx\n```\nNo."),
        ("It isn`t so. <think>a `b` c</think>Yes.", "It isn`t so. Yes."),
        ("a\n```py\nnever closed\n<think>b</think>c", "a\n```py\nnever closed\nc"),
        ("`a`<think>b</think>`c`", "`a``c`"),
    ],
)  # fmt: skip
def test_reasoning_never_leaves(text: str, sent: str) -> None:
    assert classify(text) == Reply("text", sent)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("the code for `<think>` is broken </think> end", id="inside a line"),
        pytest.param("``<think> ` </think>``", id="inside more backticks"),
        pytest.param("```xml\n<think>plan</think>\n```\nis what it says", id="in a block"),
        pytest.param("~~~\n<think>\n~~~\nand later </think>", id="in another block"),
        pytest.param("- so:\n  ```\n  <think>plan</think>\n  ```", id="in a block of a list"),
    ],
)
def test_what_is_written_about_reasoning_stays(text: str) -> None:
    assert classify(text) == Reply("text", text)


def test_a_table_keeps_the_indentation_of_its_first_line() -> None:
    assert classify("\n\n   A  B\n   1  2\n").text == "   A  B\n   1  2"


@given(st.text())
def test_every_text_gets_exactly_one_verdict(text: str) -> None:
    reply = classify(text)
    assert (reply.kind == "silent") == bool(reply.reason)
    assert (reply.kind == "silent") == (not reply.text.strip())


@pytest.mark.parametrize(
    "text",
    [
        "*" * 200_000 + "x",
        "<think>" * 40_000 + "x",
        "<think>a</think>" * 20_000 + "x",
        "```py\n" * 40_000 + "x",
        "`a``b" * 40_000,
        "NO_REPLY " * 20_000 + "x_",
        " " * 200_000 + "x",
    ],
    ids=lambda text: text[:10],
)
def test_hostile_text_gets_a_verdict_too(text: str) -> None:
    assert classify(text).kind in ("text", "silent")


@pytest.mark.parametrize(
    "text",
    [
        "On it!",
        "on it",
        "Sure thing. On it \N{ROCKET}",
        "I'm on it.",
        "I\N{RIGHT SINGLE QUOTATION MARK}m on it.",
        "**Working on it now**",
        "Got it, on it now",
        "Let me compile that",
        "Give me a few minutes",
        "Back in a few more minutes.",
        "I'll gather the numbers first.",
        "I\N{RIGHT SINGLE QUOTATION MARK}ll gather the numbers first.",
        "Pulling everything together for you\N{HORIZONTAL ELLIPSIS}",
        "The first try failed, retrying now.",
        "It should be about ten more minutes.",
        "Spawned a subagent; it will auto-announce when done.",
        "Subagent spawned.",
        "<think>hm</think>On it",
        "word " * 41 + "I'm working on it",
        "I'll get right on it.",
        "We're already on it and will report back.",
        "Just a few minutes, please.",
        "This will take a few more minutes.",
        "I need a few minutes.",
        "Should be about 20 seconds.",
    ],
    ids=lambda text: text[-40:],
)
def test_a_text_that_only_announces_work_is_interim(text: str) -> None:
    assert is_interim(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Here is the report: 3 items", id="a report"),
        pytest.param("The position of items", id="letters inside words"),
        pytest.param("Based on itinerary", id="the beginning of a word"),
        pytest.param("The forecast is based on it.", id="the words in another sense"),
        pytest.param("Season items", id="the end of a word and the beginning of another"),
        pytest.param("It should be about 20 degrees today.", id="another measure"),
        pytest.param("Let me compiled", id="a longer word"),
        pytest.param("The outage lasted a few minutes and is over.", id="minutes that are over"),
        pytest.param("Your meeting starts in a few minutes.", id="minutes of somebody else"),
        pytest.param("I checked the drive. On it are 3 files: a, b, c.", id="things that are on it"),
        pytest.param("Listing: on it: a.txt", id="what is on it"),
        pytest.param("The vendor is working on it and expects a fix by 18:00.", id="work of somebody else"),
        pytest.param("Retrying now fixed it; all green.", id="a try that is over"),
        pytest.param("The talk should be about 20 minutes long.", id="a length"),
        pytest.param("word " * 43 + "I'm working on it", id="more than forty-five words"),
        pytest.param("On it. NO_REPLY", id="silence was asked for"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_text_that_says_something_is_final(text: str) -> None:
    assert not is_interim(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SYSTEM_RUN_DENIED: approval required", "SYSTEM_RUN_DENIED: approval required"),
        ("INVALID_REQUEST", "INVALID_REQUEST"),
        ("\n**SYSTEM_RUN_DENIED: allowlist miss**\nI could not run it.", "SYSTEM_RUN_DENIED: allowlist miss"),
        ("<think>hm</think>INVALID_REQUEST: no such host", "INVALID_REQUEST: no such host"),
        ("approval cannot safely bind this command", "approval cannot safely bind this command"),
    ],
)
def test_a_text_that_begins_with_a_refusal_is_one(text: str, said: str) -> None:
    assert denial(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "The log says SYSTEM_RUN_DENIED twice.",
        "INVALID_REQUESTS rose by 3 %",
        "invalid_request",
        "Denied.",
        "",
    ],
)
def test_a_text_about_refusals_is_none(text: str) -> None:
    assert denial(text) is None


def test_a_runner_has_the_same_word_for_a_filtered_answer() -> None:
    assert Reason.FILTERED in get_args(RunnerErrorKind)
