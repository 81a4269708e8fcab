"""Everything people write for a place in Slack, and what it means."""

import string
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stentor import Example, InvalidTarget, Target, TargetHints
from stentor_slack import SlackChannel
from stentor_slack.channel import SlackSettings

CHANNEL = SlackChannel()
TS = "1795225318.000001"
HOOK = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


def parsed(text: str, thread: str | None = None) -> Target:
    return CHANNEL.parse_target(text, TargetHints(thread=thread))


def refusal(text: str, thread: str | None = None) -> InvalidTarget:
    with pytest.raises(InvalidTarget) as caught:
        parsed(text, thread)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("row", CHANNEL.examples, ids=lambda row: row.text)
def test_each_declared_example_holds(row: Example) -> None:
    assert parsed(row.text).canonical == row.canonical


@pytest.mark.parametrize(
    ("text", "canonical", "kind"),
    [
        ("C1", "slack:C1", "channel"),
        ("C123", "slack:C123", "channel"),
        ("G123", "slack:G123", "channel"),
        ("D024BE91L", "slack:D024BE91L", "channel"),
        ("CGYJQSXMB", "slack:CGYJQSXMB", "channel"),
        ("U123", "slack:user:U123", "user"),
        ("W9", "slack:user:W9", "user"),
        ("slack:slack: C1 ", "slack:C1", "channel"),
        ("Slack:Channel:C1", "slack:C1", "channel"),
        ("channel:C1234567890", "slack:C1234567890", "channel"),
        ("CHANNEL: c1234567890", "slack:C1234567890", "channel"),
        ("c0123456789", "slack:C0123456789", "channel"),
        ("slack:u0123456789", "slack:user:U0123456789", "user"),
        ("User:u456", "slack:user:U456", "user"),
        ("<@u123>", "slack:user:U123", "user"),
        ("<@U123|bob>", "slack:user:U123", "user"),
        ("<#c0123456789>", "slack:C0123456789", "channel"),
        ("channel:<#C123|general>", "slack:C123", "channel"),
        ("#C999", "slack:C999", "channel"),
        ("@U123", "slack:user:U123", "user"),
        (f"C1:THREAD: {TS} ", f"slack:C1:thread:{TS}", "channel"),
        (f"slack:channel:C1:{TS}", f"slack:C1:thread:{TS}", "channel"),
        (f"D024BE91L:{TS}", f"slack:D024BE91L:thread:{TS}", "channel"),
        (f"CHANNEL:CGYJQSXMB:{TS}", f"slack:CGYJQSXMB:thread:{TS}", "channel"),
        (f"<@U1>:thread:{TS}", f"slack:user:U1:thread:{TS}", "user"),
        ("acme.slack.com/archives/C1/", "slack:C1", "channel"),
        ("http://acme.slack-gov.com/messages/D1", "slack:D1", "channel"),
        ("https://app.slack.com/client/E1/D1", "slack:D1", "channel"),
        (
            f"https://acme.slack.com/archives/C1/p1795225399000200?cid=C1&thread_ts={TS}#x",
            f"slack:C1:thread:{TS}",
            "channel",
        ),
        ("webhook:Team-alerts.2", "slack:webhook:Team-alerts.2", "webhook"),
        ("Webhook:2027.000001", "slack:webhook:2027.000001", "webhook"),
    ],
)
def test_an_address_has_one_canonical_form(text: str, canonical: str, kind: str) -> None:
    target = parsed(text)

    assert (target.canonical, target.kind, target.is_name) == (canonical, kind, False)
    assert parsed(target.canonical) == target


@pytest.mark.parametrize(
    ("text", "canonical", "kind"),
    [
        ("#general", "slack:#general", "channel"),
        ("slack:#General", "slack:#general", "channel"),
        ("#general-1", "slack:#general-1", "channel"),
        ("channel:#équipe_2", "slack:#équipe_2", "channel"),
        ("#c999", "slack:#c999", "channel"),
        ("#c0123456789", "slack:#c0123456789", "channel"),
        (f"#general:thread:{TS}", f"slack:#general:thread:{TS}", "channel"),
        (f"#general:{TS}", f"slack:#general:thread:{TS}", "channel"),
        ("@bob", "slack:@bob", "user"),
        ("@bob-1", "slack:@bob-1", "user"),
        ("user:@Bob  Jones", "slack:@bob jones", "user"),
    ],
)
def test_names_are_told_from_ids(text: str, canonical: str, kind: str) -> None:
    target = parsed(text)

    assert (target.canonical, target.kind, target.is_name) == (canonical, kind, True)
    assert parsed(target.canonical) == target


@pytest.mark.parametrize("text", ["general", "channel:general", "hello world"])
def test_the_hint_can_be_typed_as_it_is(text: str) -> None:
    """In a shell, a word that begins with # is a comment."""
    assert "slack:#" in refusal(text).hint


def test_a_target_says_what_the_api_needs() -> None:
    target = parsed(f"https://acme.slack.com/archives/C0123456789/p1795225318000001?thread_ts={TS}")

    assert (target.id, target.thread, target.warnings) == ("C0123456789", TS, ())
    assert parsed("user:U0123456789").id == "U0123456789"
    assert parsed("<#C0123456789|general>").display == "#general"


def test_the_link_of_a_message_means_the_thread_below_it_and_says_so() -> None:
    target = parsed("https://acme.slack.com/archives/C0123456789/p1795225318000001")

    assert target.thread == TS
    assert "thread below" in target.warnings[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing is named"),
        ("slack:", "nothing is named"),
        ("general", "no id"),
        ("slack:general", "no id"),
        ("dev1", "no id"),
        ("slack:dev1", "no id"),
        ("deployment1", "no id"),
        ("GENERAL", "no id"),
        ("DEVELOPMENT", "no id"),
        ("channel:general", "no id"),
        ("channel:dev1", "no id"),
        ("user:bob", "no id"),
        ("current", "no id"),
        ("B0123456789", "no id"),
        ("C", "no id"),
        ("C" + "1" * 40, "no id"),
        ("C1 C2", "no id"),
        ("hello world", "no id"),
        ("channel:", "no id"),
        ("channel:U1", "is a user"),
        ("user:C1", "is a channel"),
        ("user:#general", "is a channel"),
        ("<#CABC>", "none of the ids"),
        ("<@C123>", "none of the ids"),
        ("<#U123>", "none of the ids"),
        ("<#c\N{LATIN SMALL LETTER DOTLESS I}1>", "none of the ids"),
        ("thread:1", "no kind 'thread'"),
        ("team:T123:channel:C456", "one workspace"),
        ("team:T1", "one workspace"),
        ("telegram:123", "no kind 'telegram'"),
        ("discord:channel:123", "no kind 'discord'"),
        ("webhook:", "no name of a webhook"),
        ("webhook:a b", "no name of a webhook"),
        ("<!channel>", "many people"),
        ("<!here|here>", "many people"),
        ("<!subteam^S0123>", "many people"),
        ("@channel", "many people"),
        ("@Here", "many people"),
        ("user:@everyone", "many people"),
        ("#gen eral", "no name"),
        ("#", "no name"),
        ("@", "no name"),
        ("C1:1795225318", "not the ts"),
        ("C1:thread:1795225318", "not the ts"),
        ("C1:thread:1795225318.1", "not the ts"),
        ("C1:thread:abc", "not the ts"),
        ("C1:thread:", "not the ts"),
        (f"webhook:alerts:thread:{TS}", "posts to its channel only"),
        ("https://acme.slack.com/archives/U1", "none of the ids"),
        ("https://acme.slack.com/archives/C1/p12", "no conversation"),
        ("https://acme.slack.com/", "no conversation"),
        ("https://acme.slack.com/archives/C1/p1795225318000001?cid=C2", "two channels"),
        (
            f"https://acme.slack.com/archives/C1/p1795225318000001?thread_ts={TS}&thread_ts=1.000000",
            "two threads",
        ),
        (f"https://app.slack.com/client/T1/C1/thread/C2-{TS}", "two channels"),
        ("https://acme.slack.com.evil.example/archives/C1", "none of Slack's"),
        ("https://example.com/archives/C1", "none of Slack's"),
        ("slack://channel?team=T1&id=C1", "none of Slack's"),
        ("C1\u202e", "invisible"),
        ("C1\n", ""),
    ],
)
def test_what_is_no_address_is_refused_with_the_mend(text: str, why: str) -> None:
    if not why:
        assert parsed(text).canonical == "slack:C1"
    else:
        assert why in refusal(text).message


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HOOK, id="of a channel"),
        pytest.param(f"slack:webhook:{HOOK}", id="behind the kind"),
        pytest.param(HOOK.replace("https://", "").upper(), id="in capitals without a scheme"),
        pytest.param(HOOK.replace("hooks.slack.com", "127.0.0.1:9"), id="elsewhere"),
        pytest.param(HOOK.replace("slack.com", "slack-gov.com"), id="of an authority"),
        pytest.param(
            "https://hooks.slack.com/workflows/T1/A1/2/XXXXXXXXXXXXXXXXXXXXXXXX", id="of a workflow"
        ),
        pytest.param(HOOK + "\u200b", id="with something invisible"),
        pytest.param("xoxb-1-XXXXXXXXXXXXXXXXXXXXXXXX", id="a token"),
    ],
)
def test_a_secret_is_refused_and_never_repeated(text: str) -> None:
    error = refusal(text)

    assert "XXXX" not in error.message + error.hint
    assert "xxxx" not in error.message + error.hint


@pytest.mark.parametrize(
    ("text", "thread", "canonical"),
    [
        pytest.param("C1", TS, f"slack:C1:thread:{TS}", id="beside the id"),
        pytest.param("C1", f" {TS} ", f"slack:C1:thread:{TS}", id="with blanks"),
        pytest.param("user:U1", TS, f"slack:user:U1:thread:{TS}", id="of a person"),
        pytest.param(f"C1:thread:{TS}", TS, f"slack:C1:thread:{TS}", id="named twice"),
    ],
)
def test_a_thread_may_stand_beside_the_target(text: str, thread: str, canonical: str) -> None:
    assert parsed(text, thread).canonical == canonical


@pytest.mark.parametrize(
    ("text", "thread", "why"),
    [
        pytest.param(f"C1:thread:{TS}", "1795225318.000002", "two threads", id="another one"),
        pytest.param("https://a.slack.com/archives/C1/p1795225318000002", TS, "two threads", id="of a link"),
        pytest.param("C1", "1795225318", "not the ts", id="without its digits"),
        pytest.param("C1", "", "not the ts", id="empty"),
        pytest.param("C1", "42", "not the ts", id="a number"),
        pytest.param("webhook:alerts", TS, "posts to its channel only", id="of a webhook"),
    ],
)
def test_a_thread_that_contradicts_is_refused(text: str, thread: str, why: str) -> None:
    assert why in refusal(text, thread).message


def test_a_thread_belongs_to_its_channel() -> None:
    assert CHANNEL.parent(parsed(f"C1:thread:{TS}")) == parsed("C1")
    assert CHANNEL.parent(parsed(f"user:U1:thread:{TS}")) == parsed("user:U1")
    assert CHANNEL.parent(parsed("C1")) is None


def test_an_account_is_asked_for_the_webhooks_it_has() -> None:
    settings = SlackSettings.model_validate({"webhooks": {"alerts": {"env": "A"}, "news": {"env": "B"}}})
    hints = TargetHints(settings=settings)

    assert CHANNEL.parse_target("webhook:alerts", hints).id == "alerts"
    with pytest.raises(InvalidTarget) as caught:
        CHANNEL.parse_target("webhook:alarm", hints)
    assert "alerts, news" in caught.value.hint
    with pytest.raises(InvalidTarget, match="webhooks only"):
        CHANNEL.parse_target("C1", hints)


def test_a_webhook_promises_less_than_a_channel() -> None:
    of_hook, of_channel = CHANNEL.traits_of(parsed("webhook:alerts")), CHANNEL.traits_of(parsed("C1"))

    assert (of_hook.reconcile, of_hook.receipt_id, of_hook.manners) == ("none", "own", ("bare_links",))
    assert (of_channel.reconcile, of_channel.receipt_id) == ("lookup", "provider")


_ID = st.from_regex(r"[CGDUW]0[A-Z0-9]{8,9}", fullmatch=True)
_WRITINGS = st.sampled_from(("{}", "slack:{}", "SLACK: {} ", "slack:{lower}"))


@given(_ID, _WRITINGS, st.none() | st.from_regex(r"[0-9]{10}\.[0-9]{6}", fullmatch=True))
def test_every_id_survives_every_writing(known: str, writing: str, thread: str | None) -> None:
    target = parsed(writing.format(known, lower=known.lower()), thread)

    assert (target.id, target.thread) == (known, thread)
    assert parsed(target.canonical) == target


_DOTLESS = "\N{LATIN SMALL LETTER DOTLESS I}"
_WORDS = "slack: C1 c0123456789 U1 # @ < > <# <@ | : thread: channel: user: team: webhook: /p ?thread_ts= 1795225318"
_PIECES = st.sampled_from((*_WORDS.split(), TS, "https://a.slack.com/archives/", " ", _DOTLESS))
_TEXTS = (
    st.text(max_size=30) | st.text(string.printable, max_size=30) | st.lists(_PIECES, max_size=6).map("".join)
)


@given(_TEXTS, st.none() | st.just(TS) | st.text(max_size=20))
@example(f"<@{_DOTLESS}1>", None)
@example("@İ", None)
def test_any_text_is_a_target_that_stays_the_same_or_is_refused(text: str, thread: str | None) -> None:
    try:
        target = parsed(text, thread)
    except InvalidTarget:
        return
    assert parsed(target.canonical) == target
    assert target.id.isprintable()


def test_reading_targets_loads_neither_the_sdk_nor_http() -> None:
    program = (
        "import sys; from stentor import TargetHints; from stentor_slack import SlackChannel\n"
        "SlackChannel().parse_target('slack:C1', TargetHints())\n"
        "print([name for name in ('slack_sdk', 'aiohttp', 'asyncio', 'json') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert "slack_sdk" not in done.stdout
    assert "aiohttp" not in done.stdout
