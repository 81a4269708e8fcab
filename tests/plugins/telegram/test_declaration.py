"""What the channel declares, and which settings it takes."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError
from tests.plugins.telegram.samples import CHANNEL

from stentor.adapters.declared import read_channel
from stentor.contract.traits import Rate
from stentor_telegram.channel import TelegramSettings, listen_address

TOKEN = {"token": {"env": "TELEGRAM_BOT_TOKEN"}}
HOOK = {"receive": "webhook", "webhook_url": "https://bot.example.org/telegram"}


def settings(**given: Any) -> TelegramSettings:
    return TelegramSettings.model_validate({**TOKEN, **given})


def test_the_declaration_is_sound() -> None:
    assert read_channel(CHANNEL) is CHANNEL


def test_declaring_and_reading_targets_load_no_library() -> None:
    program = (
        "import sys\n"
        "from stentor import TargetHints\n"
        "from stentor_telegram import TelegramChannel\n"
        "TelegramChannel().parse_target('t.me/c/1/2/3', TargetHints())\n"
        "print(sorted({'telegram', 'httpx', 'asyncio', 'ssl'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_token_is_all_that_is_needed() -> None:
    found = settings()
    assert found.base_url == "https://api.telegram.org"
    assert (found.receive, found.dm_policy, found.messages_per_second) == ("off", "pairing", 30)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
        ("https://bots.example.org/api/", "https://bots.example.org/api"),
        ("http://[::1]:8081", "http://[::1]:8081"),
        ("https://example.org/botapi", "https://example.org/botapi"),
        ("https://example.org/bots/", "https://example.org/bots"),
    ],
)
def test_a_server_of_one_s_own_is_named_by_its_root(text: str, root: str) -> None:
    assert settings(base_url=text).base_url == root


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"base_url": "https://api.telegram.org/bot"}, "without /bot", id="bot"),
        pytest.param({"base_url": "https://api.telegram.org/bot/"}, "without /bot", id="bot and a slash"),
        pytest.param({"base_url": "https://api.telegram.org/bot4711:AAF"}, "without /bot", id="the token"),
        pytest.param({"base_url": "http://h/bot4711:AAF/getMe"}, "without /bot", id="a method"),
        pytest.param({"base_url": "127.0.0.1:8081"}, "http or https URL", id="no scheme"),
        pytest.param({"base_url": "ftp://example.org"}, "http or https URL", id="another scheme"),
        pytest.param({"base_url": "http://"}, "http or https URL", id="no host"),
        pytest.param({"base_url": "http://a:b@example.org"}, "http or https URL", id="a password"),
        pytest.param({"base_url": "http://example.org?x=1"}, "http or https URL", id="a query"),
        pytest.param({"base_url": "http://example.org/{token}"}, "http or https URL", id="a placeholder"),
        pytest.param({"base_url": "http://example.org:99999"}, "http or https URL", id="no port"),
        pytest.param({"base_url": "http://[::1"}, "http or https URL", id="half a bracket"),
        pytest.param({"token": "4711:AAF"}, "a secret is a reference", id="a token in the open"),
        pytest.param({"messages_per_second": 0}, "greater", id="no message ever"),
        pytest.param({"messages_per_second": float("inf")}, "less", id="no pace"),
        pytest.param({"receive": "sometimes"}, "off", id="another way to receive"),
        pytest.param({"recieve": "off"}, "Extra inputs", id="a slip of the pen"),
        pytest.param({"webhook_url": "https://e.org/"}, 'receive = "webhook"', id="a webhook unasked"),
        pytest.param({"webhook_listen": "127.0.0.1:1"}, 'receive = "webhook"', id="an address unasked"),
        pytest.param({"webhook_secret": {"env": "X"}}, 'receive = "webhook"', id="a secret unasked"),
        pytest.param({**HOOK, "receive": "polling"}, 'receive = "webhook"', id="both ways"),
        pytest.param({"receive": "webhook"}, "needs webhook_url", id="no public address"),
        pytest.param({**HOOK, "webhook_url": "http://e.org/"}, "https", id="an address without TLS"),
        pytest.param({**HOOK, "webhook_url": "e.org"}, "http or https URL", id="no address"),
        pytest.param({**HOOK, "webhook_listen": "8788"}, "127.0.0.1:8788", id="a port alone"),
        pytest.param({**HOOK, "webhook_listen": "::1:8788"}, "127.0.0.1:8788", id="no brackets"),
        pytest.param({**HOOK, "webhook_listen": "127.0.0.1:0"}, "127.0.0.1:8788", id="port 0"),
        pytest.param({**HOOK, "webhook_listen": "127.0.0.1:99999"}, "127.0.0.1:8788", id="no port"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_mend(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**given)
    assert says in str(caught.value)
    assert "AAF" not in str(caught.value)


def test_a_webhook_is_configured() -> None:
    found = settings(**HOOK, webhook_listen="[::1]:9000", webhook_secret={"env": "HOOK"})
    assert found.webhook_url == "https://bot.example.org/telegram"
    assert listen_address(found.webhook_listen) == ("::1", 9000)


def test_a_server_of_one_s_own_may_call_without_tls() -> None:
    found = settings(**{**HOOK, "webhook_url": "http://127.0.0.1:9/x"}, base_url="http://127.0.0.1:8081")
    assert found.webhook_url == "http://127.0.0.1:9/x"


def test_the_pace_is_the_account_s_own() -> None:
    assert CHANNEL.rates(settings()) == CHANNEL.traits.rates
    assert CHANNEL.rates(settings(messages_per_second=0.5)) == (
        Rate(0.5, burst=1),
        Rate(1, burst=5, scope="target"),
    )


def test_an_account_receives_when_it_says_how() -> None:
    receiving = {**HOOK, "receive": "webhook"}
    assert [CHANNEL.receives(settings(**said)) for said in ({}, {"receive": "polling"}, receiving)] == [
        False,
        True,
        True,
    ]
