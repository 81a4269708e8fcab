import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stentor import Draft, Example, InvalidTarget, Payload, TargetHints
from stentor.contract.payloads import Attachment
from stentor_webhook import WebhookChannel, stentor_channels
from stentor_webhook.channel import WebhookSettings
from stentor_webhook.targets import parse_url

CHANNEL = WebhookChannel()
NO_HINTS = TargetHints()


def test_the_plugin_declares_one_channel_that_needs_no_account() -> None:
    (channel,) = stentor_channels()

    assert (channel.name, channel.prefixes, channel.needs_account) == ("webhook", ("webhook",), False)
    assert channel.settings() == WebhookSettings(allow_networks=(), signing_secret=None, bearer_token=None)


def test_the_retries_follow_standard_webhooks() -> None:
    retry = CHANNEL.traits.retry

    assert [delay / 60 for delay in retry.delays[1:]] == [5, 30, 120, 300, 600, 840, 1200, 1440]
    assert (retry.delays[0], retry.refusals) == (5, None)


@pytest.mark.parametrize("example", CHANNEL.examples, ids=lambda example: example.text)
def test_an_example_reads_as_declared_and_its_canonical_text_is_a_fixed_point(example: Example) -> None:
    target = CHANNEL.parse_target(example.text, NO_HINTS)

    assert target.canonical == example.canonical
    assert CHANNEL.parse_target(target.canonical, NO_HINTS) == target
    assert CHANNEL.parse_target(target.address, NO_HINTS) == target


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h:80", "http://h/"),
        ("http://h:443/", "http://h:443/"),
        ("https://h:", "https://h/"),
        ("https://my_service.internal/a", "https://my_service.internal/a"),
        ("https://h/a;b=1/..//c?x;y=2", "https://h/a;b=1/..//c?x;y=2"),
        ("https://h?x=https://a@b/", "https://h/?x=https://a@b/"),
        ("https://h/team@tenant/x%2Fy", "https://h/team@tenant/x%2Fy"),
        ("https://[::1]/", "https://[::1]/"),
        ("https://1.example/", "https://1.example/"),
    ],
)
def test_a_url_has_one_spelling_and_keeps_what_its_server_reads(text: str, url: str) -> None:
    target = CHANNEL.parse_target(text, NO_HINTS)

    assert (target.kind, target.id, target.address) == ("url", url, url)


@pytest.mark.parametrize("authority", ["h", "h:8443", "[::1]", "[::1]:8443", "192.0.2.7:8443"])
def test_the_authority_is_what_the_host_header_says(authority: str) -> None:
    assert parse_url(f"https://{authority}/in").authority == authority


def test_declaring_the_channel_loads_no_http_library() -> None:
    check = "import sys, stentor_webhook; print({'httpcore2', 'httpx2'} & set(sys.modules))"

    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "set()\n"


def test_the_display_leaves_the_query_out() -> None:
    assert CHANNEL.parse_target("https://h/a?key=s3cret", NO_HINTS).display == "https://h/a"


REFUSED = {
    "nothing": "",
    "foreign prefix": "telegram:1",
    "foreign prefix after ours": "webhook:telegram:1",
    "no scheme": "hooks.example.com/in",
    "no host": "https:///in",
    "only a port": "https://:8443/in",
    "other scheme": "ftp://h/in",
    "file": "file:///etc/passwd",
    "fragment": "https://h/in#part",
    "empty fragment": "https://h/in#",
    "user and password": "https://me:pw@h/in",
    "user": "https://me@h/in",
    "empty userinfo": "https://@h/in",
    "blank": "https://h/a b",
    "backslash": "https://h\\@evil/in",
    "angle brackets": "<https://h/in>",
    "port 0": "https://h:0/",
    "port too large": "https://h:65536/",
    "port as a word": "https://h:https/",
    "port in other digits": "https://h:٤٤٣/",
    "decimal address": "http://2130706433/",
    "hexadecimal address": "http://0x7f.0.0.1/",
    "hexadecimal number": "http://0x7f000001/",
    "octal address": "http://0177.0.0.1/",
    "short address": "http://127.1/",
    "zero": "http://0/",
    "five numbers": "http://1.2.3.4.5/",
    "address over 255": "http://127.0.0.256/",
    "circled digits": "http://①②⑦.⓪.⓪.①/",
    "full-width dots": "http://127。0。0。1/",
    "name outside ASCII": "https://bücher.example/",
    "percent-encoded host": "https://%31%32%37.0.0.1/",
    "mapped address": "http://[::ffff:127.0.0.1]/",
    "address with a zone": "http://[fe80::1%25eth0]/",
    "unfinished address": "http://[::1/",
    "address without brackets": "http://::1/",
    "words in brackets": "http://[localhost]/",
    "trailing dot": "https://example.com./",
    "double dot": "https://example..com/",
    "leading hyphen": "https://-h.example/",
    "label too long": f"https://{'a' * 64}.example/",
    "name too long": f"https://{'a.' * 130}example/",
    "URL too long": f"https://h/{'a' * 4096}",
    "zero width": "https://exam\u200bple.com/",
    "line break": "https://example.com/\nHost: evil",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_plain_url_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        CHANNEL.parse_target(text, NO_HINTS)

    assert caught.value.hint


@pytest.mark.parametrize("userinfo", ["me", "me:pw", "me:pw@x", ""])
def test_credentials_in_a_url_are_sent_to_the_settings(userinfo: str) -> None:
    with pytest.raises(InvalidTarget, match="credentials") as caught:
        CHANNEL.parse_target(f"https://{userinfo}@h/in", NO_HINTS)

    assert "bearer_token" in caught.value.hint


def test_a_thread_is_refused_because_webhooks_have_none() -> None:
    with pytest.raises(InvalidTarget, match="no threads"):
        CHANNEL.parse_target("https://h/", TargetHints(thread="7"))


@pytest.mark.parametrize(
    "text",
    [
        "https://h/?key=s3cret#x",
        "https://me:s3cret@h/",
        "https://h/a b?key=s3cret",
        "https://h:0/?key=s3cret",
        "https://127.1/?key=s3cret",
        "https://h/?key=s3cret\u200b",
        "ftp://h/?key=s3cret",
        "h/?key=s3cret",
    ],
)
def test_a_refusal_never_repeats_a_key(text: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        CHANNEL.parse_target(text, NO_HINTS)

    assert "s3cret" not in caught.value.message + caught.value.hint


PIECES = st.sampled_from(
    [
        *"aZ09-._~:/?#[]@!$&'()*+,;=% \\é①",
        "http",
        "HTTPS",
        "://",
        "webhook:",
        "%2f",
        "127.0.0.1",
        "::1",
        ":80",
        "xn--a",
    ]
)


@given(st.lists(PIECES, max_size=12).map(lambda pieces: "https://h" + "".join(pieces)) | st.text(max_size=30))
def test_any_text_is_refused_or_reads_the_same_again(text: str) -> None:
    try:
        target = CHANNEL.parse_target(text, NO_HINTS)
    except InvalidTarget:
        return
    assert CHANNEL.parse_target(target.canonical, NO_HINTS) == target
    assert target.id.isascii()


def draft(payload: Payload) -> Draft:
    (only,) = CHANNEL.render(payload, CHANNEL.parse_target("https://h/", NO_HINTS))
    assert only.format == "json"
    return only


def test_the_event_is_posted_whole_in_its_own_order() -> None:
    event = {"runId": "r1", "jobName": "Grüße 🌅", "text": "x" * 300_000, "ok": True}

    text = draft(Payload("ignored", event=event)).text

    assert text.startswith('{"runId":"r1","jobName":"Grüße 🌅","text":"xxx')
    assert json.loads(text) == event


def test_a_payload_without_an_event_is_posted_as_a_message() -> None:
    assert draft(Payload('say "hi"')).text == '{"type":"message","text":"say \\"hi\\""}'


def test_a_message_names_its_attachments(tmp_path: Path) -> None:
    files = (Attachment("a.pdf", tmp_path / "1", "application/pdf", 9),)

    message = json.loads(draft(Payload("see file", files)).text)

    assert message["attachments"] == [{"name": "a.pdf", "mediaType": "application/pdf", "size": 9}]


@pytest.mark.parametrize("networks", [["127.0.0.1/8"], ["localhost"], ["10.0.0.0/33"], [""]], ids=str)
def test_what_is_no_network_is_refused_in_the_settings(networks: list[str]) -> None:
    with pytest.raises(ValidationError, match="allow_networks"):
        WebhookSettings.model_validate({"allow_networks": networks})


def test_a_single_address_is_a_network_of_one() -> None:
    settings = WebhookSettings.model_validate({"allow_networks": ["127.0.0.1", "fd00::/8"]})

    assert settings.allow_networks == ("127.0.0.1/32", "fd00::/8")


def test_the_time_limit_is_no_setting() -> None:
    with pytest.raises(ValidationError, match="time_limit"):
        WebhookSettings.model_validate({"time_limit": 60})


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T0/B0/s3cret",
        "https://discord.com/api/webhooks/1/s3cret",
        "https://ptb.discordapp.com/api/v10/webhooks/1/s3cret?wait=true",
    ],
)
def test_the_incoming_webhook_of_a_chat_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidTarget) as refused:
        CHANNEL.parse_target(url, TargetHints())
    assert "s3cret" not in f"{refused.value.message} {refused.value.hint}"
    assert "webhooks" in refused.value.hint
