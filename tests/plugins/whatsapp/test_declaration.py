"""What the channel declares, and which settings it takes."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from stentor.adapters.declared import read_channel
from stentor.contract.traits import Rate
from stentor_whatsapp import WhatsAppChannel
from stentor_whatsapp.channel import WhatsAppSettings

CHANNEL = WhatsAppChannel()


def settings(**given: Any) -> WhatsAppSettings:
    return WhatsAppSettings.model_validate(given)


def test_the_declaration_is_sound() -> None:
    assert read_channel(CHANNEL) is CHANNEL


def test_declaring_loads_neither_the_library_nor_the_numbering_plans() -> None:
    program = (
        "import sys\n"
        "from stentor import TargetHints\n"
        "from stentor_whatsapp import WhatsAppChannel\n"
        "from stentor_whatsapp.channel import WhatsAppSettings\n"
        "channel = WhatsAppChannel()\n"
        "channel.rates(WhatsAppSettings())\n"
        "heavy = {'neonize', 'phonenumbers', 'magic', 'asyncio', 'sqlite3', 'subprocess', 'ssl'}\n"
        "before = heavy & set(sys.modules)\n"
        "channel.parse_target('whatsapp:+6281234567890', TargetHints())\n"
        "print(sorted(before), sorted((heavy & set(sys.modules)) - {'phonenumbers'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_an_account_needs_no_settings() -> None:
    found = settings()

    assert (found.base_url, found.default_region, found.device_name) == ("", "", "Stentor")
    assert (found.seconds_between, found.messages_per_day) == (3, 200)
    assert (found.receive, found.dm_policy, found.allow_from) == ("off", "pairing", ())
    assert CHANNEL.needs_account


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        (" http://127.0.0.1:3128 ", "http://127.0.0.1:3128"),
        ("http://proxy.example.org:3128/", "http://proxy.example.org:3128/"),
        ("socks5://[::1]:1080", "socks5://[::1]:1080"),
    ],
)
def test_a_proxy_is_a_host_and_a_port(given: str, kept: str) -> None:
    assert settings(base_url=given).base_url == kept


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:3128",
        "proxy",
        "https://web.whatsapp.com",
        "ftp://127.0.0.1:21",
        "http://127.0.0.1",
        "http://:3128",
        "http://127.0.0.1:0x1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:3128/path",
        "http://127.0.0.1:3128?x",
        "http://user:hunter2@127.0.0.1:3128",
        "http://[::1",
    ],
)
def test_what_is_no_proxy_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match=r"such as http://127\.0\.0\.1:3128") as caught:
        settings(base_url=text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("text", "region"), [("", ""), ("ID", "ID"), (" de ", "DE")])
def test_a_region_is_a_country_in_two_letters(text: str, region: str) -> None:
    assert settings(default_region=text).default_region == region


@pytest.mark.parametrize("text", ["XX", "IDN", "Indonesia", "62", "+62"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match='such as "ID"'):
        settings(default_region=text)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"seconds_between": 0}, "greater than or equal to 0.01"),
        ({"seconds_between": 4000}, "less than or equal"),
        ({"messages_per_day": 0}, "greater than or equal"),
        ({"device_name": ""}, "at least 1"),
        ({"device_name": "  "}, "among its devices"),
        ({"device_name": "a\nb"}, "among its devices"),
        ({"device_name": "x" * 51}, "at most 50"),
        ({"receive": "polling"}, "'off' or 'on'"),
        ({"token": {"env": "X"}}, "not permitted"),
    ],
    ids=lambda given: "" if isinstance(given, str) else next(iter(given)),
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**given)


def test_a_device_has_the_name_it_is_given() -> None:
    assert settings(device_name=" Ops room ").device_name == "Ops room"


def test_an_account_sends_one_message_after_another() -> None:
    assert CHANNEL.rates(settings()) == (Rate(1 / 3, 1, "account"),)
    assert CHANNEL.rates(settings(seconds_between=0.5)) == (Rate(2, 1, "account"),)
    assert CHANNEL.traits.rates == CHANNEL.rates(settings())
    assert CHANNEL.traits.at_once == 1


def test_it_receives_where_the_settings_say_so() -> None:
    assert not CHANNEL.receives(settings())
    assert CHANNEL.receives(settings(receive="on"))


def test_what_is_promised() -> None:
    traits = CHANNEL.traits

    assert (traits.idempotency, traits.reconcile, traits.receipt_level) == ("none", "lookup", "read")
    assert traits.stays_open
    assert traits.pairs
    assert (traits.send_timeout, traits.receipt_id) == (60, "provider")
    assert not traits.resend_is_harmless(0)
