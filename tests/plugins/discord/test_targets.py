"""Every spelling of a Discord target, and what is none."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor import AccountSettings, Example, InvalidTarget, SecretRef, TargetHints
from stentor_discord import DiscordChannel, stentor_channels
from stentor_discord.channel import DiscordSettings
from stentor_discord.targets import HookUrl, parse_hook_url

CHANNEL = DiscordChannel()
NO_HINTS = TargetHints()
TOKEN = SecretRef(env="T")


def test_the_plugin_declares_one_channel() -> None:
    (channel,) = stentor_channels()

    assert (channel.name, channel.prefixes, channel.extra) == ("discord", ("discord",), "discord")


def test_declaring_and_parsing_load_no_sdk_and_no_loop() -> None:
    check = (
        "import sys, stentor_discord; from stentor import TargetHints;"
        "stentor_discord.DiscordChannel().parse_target('<@5>', TargetHints());"
        "print({'discord', 'aiohttp', 'yarl', 'asyncio'} & set(sys.modules))"
    )

    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "set()\n"


@pytest.mark.parametrize("example", CHANNEL.examples, ids=lambda example: example.text)
def test_an_example_reads_as_declared_and_its_canonical_text_is_a_fixed_point(example: Example) -> None:
    target = CHANNEL.parse_target(example.text, NO_HINTS)

    assert target.canonical == example.canonical
    assert CHANNEL.parse_target(target.canonical, NO_HINTS) == target
    assert CHANNEL.parse_target(target.address, NO_HINTS) == target


SPELLINGS = {
    # What OpenClaw reads, its defects mended.
    "<@123>": "user:123",
    "<@!456>": "user:456",
    "user:789": "user:789",
    "discord:987": "user:987",
    "discord:user:987": "user:987",
    "discord:channel:555": "channel:555",
    "DISCORD:Channel:55": "channel:55",
    "channel:555": "channel:555",
    "Channel:555": "channel:555",
    "User:5": "user:5",
    "@123456": "user:123456",
    "thread:123": "channel:123",
    "#general": "#general",
    "channel:#general": "#general",
    # And more.
    "  discord: discord:channel: 5 ": "channel:5",
    "<#555>": "channel:555",
    "#Daily-Reports": "#daily-reports",
    "#grüße-\N{SPARKLES}": "#grüße-\N{SPARKLES}",
    "#a/b": "#a/b",
    "#2024": "#2024",
    "FORUM:44": "forum:44",
    "webhook:Alerts": "webhook:alerts",
    "webhook:42": "webhook:42",
    "webhook:thread": "webhook:thread",
    "webhook:a:THREAD: 7": "webhook:a:thread:7",
    "channel:5:thread:7": "channel:7",
    "thread:5:thread:7": "channel:7",
    "forum:44:thread:7": "channel:7",
    "https://discord.com/channels/1/2": "channel:2",
    "https://discord.com/channels/1/2/": "channel:2",
    "https://discord.com/channels/1/2/3": "channel:2",
    "https://discord.com/channels/1/2/threads/3": "channel:3",
    "https://discord.com/channels/1/2/threads/3/4": "channel:3",
    "https://discord.com/channels/@me/2": "channel:2",
    "https://discord.com/channels/1/2?x=1#y": "channel:2",
    "http://discord.com/channels/1/2": "channel:2",
    "HTTPS://PTB.Discord.com/channels/1/2": "channel:2",
    "https://canary.discord.com/channels/1/2": "channel:2",
    "https://discordapp.com/channels/1/2": "channel:2",
    "discord.com/channels/1/2": "channel:2",
    "<https://discord.com/channels/1/2>": "channel:2",
    "channel:18446744073709551615": "channel:18446744073709551615",
}


@pytest.mark.parametrize(("text", "address"), SPELLINGS.items(), ids=SPELLINGS)
def test_each_spelling_has_one_canonical_form(text: str, address: str) -> None:
    target = CHANNEL.parse_target(text, NO_HINTS)

    assert (target.channel, target.address) == ("discord", address)
    assert target.is_name is address.startswith("#")
    assert CHANNEL.parse_target(target.canonical, NO_HINTS) == target


REFUSED = {
    "": "channel:ID",
    "   ": "channel:ID",
    "discord:": "channel:ID",
    "123456789": "channel:123456789 for a channel or thread, user:123456789 for a person, or paste the link",
    "112233445566778899": "user:112233445566778899",
    "general": "#general",
    "current": "#current",
    "@bob": "user:ID",
    "@": "user:ID",
    "@everyone": "channel:ID",
    "@Here": "channel:ID",
    "<@&123>": "channel:ID",
    "<@x>": "channel:ID",
    "<:smile:123>": "channel:ID",
    "<t:123>": "channel:ID",
    "#": "#general",
    "#two words": "#general",
    "##x": "#general",
    "#112233445566778899": "channel:112233445566778899",
    "group:5": "channel, thread, user, forum, webhook",
    "telegram:5": "channel, thread, user, forum, webhook",
    "slack:C123": "channel, thread, user, forum, webhook",
    "channel:": "17 to 20 digits",
    "channel:abc": "17 to 20 digits",
    "channel:0": "17 to 20 digits",
    "channel:007": "17 to 20 digits",
    "channel:-5": "17 to 20 digits",
    "channel:5.0": "17 to 20 digits",
    "channel:5:6": "17 to 20 digits",
    "channel:\N{FULLWIDTH DIGIT FIVE}": "17 to 20 digits",
    "channel:18446744073709551616": "17 to 20 digits",
    "user:#general": "17 to 20 digits",
    "user:5:thread:7": "leave the thread out",
    "channel:5:thread:x": "17 to 20 digits",
    "\N{FULLWIDTH DIGIT FIVE}": "channel:ID",
    "webhook:": "account's settings",
    "webhook:-x": "account's settings",
    "webhook:a b": "account's settings",
    "https://discord.com/channels/1": "Copy Link",
    "https://discord.gg/abc": "Copy Link",
    "https://example.com/channels/1/2": "Copy Link",
    "https://discord.com.evil.example/channels/1/2": "Copy Link",
    "https://evil.example/discord.com/channels/1/2": "Copy Link",
    "discord://-/channels/1/2": "Copy Link",
    "/etc/passwd": "Copy Link",
    "channel:5\N{RIGHT-TO-LEFT OVERRIDE}": "by hand",
    "channel:5\n6": "by hand",
}


@pytest.mark.parametrize(("text", "hint"), REFUSED.items(), ids=[repr(text) for text in REFUSED])
def test_what_is_no_target_is_refused_with_the_way_to_say_it(text: str, hint: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        CHANNEL.parse_target(text, NO_HINTS)

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "https://discord.com/api/webhooks/123/s3cret-T0ken",
        "https://discord.com/api/v10/webhooks/123/s3cret-T0ken",
        "discord:https://ptb.discordapp.com/api/webhooks/123/s3cret-T0ken?thread_id=5",
        "webhook:https://discord.com/api/webhooks/123/s3cret-T0ken",
        "http://127.0.0.1:9/api/webhooks/123/s3cret-T0ken",
        "webhooks/123/s3cret-T0ken",
        "webhook:123/s3cret-T0ken",
        "123/s3cret-T0ken",
        "#https://discord.com/api/webhooks/123/s3cret-T0ken",
        "https://discord.com/api/webhooks/123/s3cret-T0ken\n",
        "https://discord.com/api/\N{ZERO WIDTH SPACE}webhooks/123/s3cret-T0ken",
    ],
)
def test_a_webhook_s_url_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        CHANNEL.parse_target(text, NO_HINTS)

    assert "s3cret" not in caught.value.message + caught.value.hint
    if "/webhooks/" in text and text.isprintable():
        assert "webhook:alerts" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "address"),
    [("channel", "channel:5"), ("thread", "channel:5"), ("user", "user:5"), ("forum", "forum:5")],
)
def test_the_surroundings_may_say_what_a_bare_id_is(kind: str, address: str) -> None:
    target = CHANNEL.parse_target("5", TargetHints(default_kind=kind))

    assert target.address == address
    assert bool(target.warnings) is (address == "channel:5")


def test_surroundings_that_are_none_of_ours_leave_a_bare_id_ambiguous() -> None:
    with pytest.raises(InvalidTarget):
        CHANNEL.parse_target("5", TargetHints(default_kind="group"))


def test_an_id_behind_the_prefix_is_a_person_whatever_surrounds_it() -> None:
    target = CHANNEL.parse_target("discord:5", TargetHints(default_kind="channel"))

    assert target.address == "user:5"
    assert "channel:5" in target.warnings[0]


THREADS = {
    ("channel:5", "7"): "channel:7",
    ("channel:7", "7"): "channel:7",
    ("#general", "7"): "channel:7",
    ("forum:5", " 7 "): "channel:7",
    ("https://discord.com/channels/1/2/3", "7"): "channel:7",
    ("webhook:a", "7"): "webhook:a:thread:7",
    ("webhook:a:thread:7", "7"): "webhook:a:thread:7",
}


@pytest.mark.parametrize(("text", "thread"), THREADS, ids=str)
def test_a_thread_named_beside_the_target_is_where_it_goes(text: str, thread: str) -> None:
    target = CHANNEL.parse_target(text, TargetHints(thread=thread))

    assert target.address == THREADS[text, thread]
    assert CHANNEL.parse_target(target.canonical, TargetHints(thread=thread)) == target


@pytest.mark.parametrize(
    ("text", "thread"), [("user:5", "7"), ("webhook:a:thread:8", "7"), ("channel:5", "x"), ("channel:5", "")]
)
def test_a_thread_that_does_not_fit_is_refused(text: str, thread: str) -> None:
    with pytest.raises(InvalidTarget):
        CHANNEL.parse_target(text, TargetHints(thread=thread))


def test_only_a_webhook_s_thread_has_a_parent() -> None:
    def parent(text: str) -> str | None:
        found = CHANNEL.parent(CHANNEL.parse_target(text, NO_HINTS))
        return None if found is None else found.canonical

    assert parent("webhook:a:thread:7") == "discord:webhook:a"
    assert [parent(text) for text in ("webhook:a", "channel:5", "user:5", "forum:5")] == [None] * 4


def test_a_webhook_has_to_be_configured_on_the_account() -> None:
    settings = DiscordSettings(token=TOKEN, webhooks={"alerts": TOKEN, "news": TOKEN})
    hints = TargetHints(settings=settings)

    assert CHANNEL.parse_target("webhook:NEWS", hints).address == "webhook:news"
    with pytest.raises(InvalidTarget) as caught:
        CHANNEL.parse_target("webhook:alarm", hints)
    assert "webhook:alerts, webhook:news" in caught.value.hint


@pytest.mark.parametrize("text", ["channel:5", "user:5", "forum:5", "#general"])
def test_an_account_without_a_bot_reaches_its_webhooks_only(text: str) -> None:
    with pytest.raises(InvalidTarget, match="no bot"):
        CHANNEL.parse_target(text, TargetHints(settings=DiscordSettings(webhooks={"alerts": TOKEN})))


def test_settings_of_another_kind_are_no_obstacle() -> None:
    assert CHANNEL.parse_target("webhook:a", TargetHints(settings=AccountSettings())).address == "webhook:a"


HOOKS = {
    "https://discord.com/api/webhooks/1/T-o_k.en": ("https://discord.com/api/v10", "1", "T-o_k.en", None),
    "https://discord.com/api/v9/webhooks/1/T": ("https://discord.com/api/v9", "1", "T", None),
    "https://canary.discord.com/api/webhooks/1/T/": ("https://canary.discord.com/api/v10", "1", "T", None),
    " https://discordapp.com/api/webhooks/1/T?thread_id=7\n": (
        "https://discordapp.com/api/v10",
        "1",
        "T",
        "7",
    ),
    "http://127.0.0.1:9/api/webhooks/1/T?wait=true": ("http://127.0.0.1:9/api", "1", "T", None),
    "http://127.0.0.1:9/webhooks/1/T": ("http://127.0.0.1:9", "1", "T", None),
}


@pytest.mark.parametrize(("url", "parts"), HOOKS.items(), ids=HOOKS)
def test_a_webhook_s_url_may_be_versioned_local_and_name_a_thread(
    url: str, parts: tuple[str, str, str, str | None]
) -> None:
    hook = parse_hook_url(url)

    assert hook == HookUrl(*parts)
    assert hook.token not in repr(hook)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3cret",
        "ftp://discord.com/api/webhooks/1/s3cret",
        "https://discord.com/api/webhooks/x/s3cret",
        "https://discord.com/api/webhooks/1",
        "https://discord.com/api/webhooks/1/s3cret/slack",
        "https://discord.com/api/webhooks/1/s3cret#x",
        "https://discord.com/api/webhooks/1/s3cret?thread_id=x",
        "https://discord.com/api/webhooks/1/s3cret?thread_id=1&thread_id=2",
        "https://user:s3cret@discord.com/api/webhooks/1/T",
    ],
)
def test_what_is_no_webhook_s_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^its? ") as caught:
        parse_hook_url(url)

    assert "s3cret" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_target_or_is_refused_as_one(text: str) -> None:
    try:
        target = CHANNEL.parse_target(text, NO_HINTS)
    except InvalidTarget:
        return
    assert CHANNEL.parse_target(target.canonical, NO_HINTS) == target


PIECES = st.sampled_from(
    [
        *(
            "discord",
            "channel",
            "user",
            "thread",
            "forum",
            "webhook",
            ":",
            "#",
            "@",
            "<",
            ">",
            "!",
            "&",
            "/",
            "5",
        ),
        *("112233445566778899", "alerts", "https://discord.com/channels/", "1/2", " ", "x", "."),
    ]
)


@given(
    st.lists(PIECES, max_size=7).map("".join),
    st.sampled_from([None, "7", "x"]),
    st.sampled_from([None, "channel", "user", "group"]),
)
def test_whatever_is_put_together_is_read_once_and_the_same_again(
    text: str, thread: str | None, kind: str | None
) -> None:
    try:
        target = CHANNEL.parse_target(text, TargetHints(thread=thread, default_kind=kind))
    except InvalidTarget:
        return
    assert CHANNEL.parse_target(target.canonical, NO_HINTS) == target
    assert CHANNEL.parse_target(target.canonical, TargetHints(thread=thread, default_kind=kind)) == target


@given(st.integers(1, 2**64 - 1), st.sampled_from(["channel", "user", "forum"]))
def test_ids_keep_their_digits(ident: int, kind: str) -> None:
    assert CHANNEL.parse_target(f"{kind}:{ident}", NO_HINTS).id == str(ident)
