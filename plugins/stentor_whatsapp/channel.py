"""The declaration of the WhatsApp channel."""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from stentor import (
    Account,
    AccountSettings,
    Channel,
    ChannelContext,
    Connection,
    Example,
    Target,
    TargetHints,
)
from stentor.contract.channel import Ailment
from stentor.contract.pairing import PairingDesk
from stentor.contract.settings import ChatSettings
from stentor.contract.traits import Rate
from stentor_whatsapp.format import DIALECT
from stentor_whatsapp.limits import LIMITS, MESSAGES_PER_DAY, SECONDS_BETWEEN, TRAITS, rates
from stentor_whatsapp.numbers import is_region, tidy
from stentor_whatsapp.targets import parse_target

_NUMBER = "whatsapp:+6281234567890"
_GROUP = "whatsapp:group:120363401234567890@g.us"


class WhatsAppSettings(ChatSettings):
    """Settings under `[channels.whatsapp.accounts.<account>]`. There is no secret: the phone lets the account in."""

    base_url: str = ""
    default_region: str = ""
    device_name: str = Field(default="Stentor", min_length=1, max_length=50)
    seconds_between: float = Field(default=SECONDS_BETWEEN, ge=0.01, le=3600)
    messages_per_day: int = Field(default=MESSAGES_PER_DAY, ge=1, le=100_000)
    receive: Literal["off", "on"] = "off"

    @field_validator("base_url")
    @classmethod
    def _is_a_proxy(cls, text: str) -> str:
        proxy = text.strip()
        if proxy and not _is_proxy(proxy):
            raise ValueError(
                "base_url is the proxy on the way to WhatsApp, without a password, such as "
                "http://127.0.0.1:3128 or socks5://127.0.0.1:1080"
            )
        return proxy

    @field_validator("default_region")
    @classmethod
    def _is_a_country(cls, text: str) -> str:
        region = text.strip().upper()
        if region and not is_region(region):
            raise ValueError('default_region is a country in two letters, such as "ID" or "DE"')
        return region

    @field_validator("device_name")
    @classmethod
    def _can_be_shown(cls, text: str) -> str:
        if not text.strip() or not text.isprintable():
            raise ValueError("device_name is a word or two that the phone shows among its devices")
        return text.strip()


class WhatsAppChannel(Channel):
    name = "whatsapp"
    prefixes = ("whatsapp",)
    summary = "Writes to people and groups as a linked device of your phone, and sees what was read."
    extra = "whatsapp"
    limits = LIMITS
    traits = TRAITS
    settings: ClassVar[type[AccountSettings]] = WhatsAppSettings
    dialect = DIALECT
    examples = (
        Example("whatsapp:+6281234567890", _NUMBER, "a person, by the number with + and its country code"),
        Example(
            "+62 812-3456-7890",
            _NUMBER,
            "blanks, hyphens, dots, brackets and slashes do not matter; the prefix may be left out where the job's "
            "channel is whatsapp",
        ),
        Example("WhatsApp:6281234567890", _NUMBER, "digits alone begin with the country code"),
        Example("0062 812 3456 7890", _NUMBER, "00 is the +"),
        Example("tel:+62-812-3456-7890", _NUMBER),
        Example("＋６２ ８１２ ３４５６ ７８９０", _NUMBER, "digits of any script"),  # noqa: RUF001 - as Japanese keyboards write them
        Example("6281234567890@s.whatsapp.net", _NUMBER, "as WhatsApp's protocol writes a number"),
        Example("6281234567890:12@s.whatsapp.net", _NUMBER, "of a device: it goes to all devices"),
        Example("6281234567890@c.us", _NUMBER, "as WhatsApp Web wrote it"),
        Example("https://wa.me/6281234567890", _NUMBER, "a link that opens a chat"),
        Example("https://api.whatsapp.com/send?phone=6281234567890", _NUMBER),
        Example("whatsapp://send?phone=%2B6281234567890", _NUMBER),
        Example("whatsapp:120363401234567890@g.us", _GROUP, "a group"),
        Example(" WhatsApp:Group:120363401234567890@G.US ", _GROUP, "in any case"),
        Example(
            "4915112345678-1600000000@g.us", "whatsapp:group:4915112345678-1600000000@g.us", "an old group"
        ),
        Example(
            "whatsapp:123456789012345@lid",
            "whatsapp:lid:123456789012345@lid",
            "a person whose number is hidden; this is no phone number",
        ),
        Example("lid:123456789012345", "whatsapp:lid:123456789012345@lid"),
        Example(
            "120363144038483540@newsletter",
            "whatsapp:newsletter:120363144038483540@newsletter",
            "a channel, where the phone is one of its admins",
        ),
    )

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        region = hints.settings.default_region if isinstance(hints.settings, WhatsAppSettings) else ""
        target = parse_target(self.body(tidy(text)), region, hints)
        # Numbers are pasted with marks that nobody sees; in an id there is no place for them.
        return target if target.id.startswith("+") else parse_target(self.body(text), region, hints)

    def receives(self, settings: AccountSettings) -> bool:
        return cast("WhatsAppSettings", settings).receive == "on"

    def rates(self, settings: AccountSettings) -> Sequence[Rate]:
        return rates(cast("WhatsAppSettings", settings).seconds_between)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        from stentor_whatsapp.connection import connect  # noqa: PLC0415 - declaring must cost next to nothing

        return await connect(cast("WhatsAppSettings", account.settings), account, ctx)

    async def pair(self, account: Account, ctx: ChannelContext, desk: PairingDesk) -> str:
        from stentor_whatsapp.pairing import pair  # noqa: PLC0415 - as above

        return await pair(cast("WhatsAppSettings", account.settings), account, ctx, desk)

    async def unpair(self, account: Account, ctx: ChannelContext) -> None:
        from stentor_whatsapp.pairing import unpair  # noqa: PLC0415 - as above

        await unpair(cast("WhatsAppSettings", account.settings), account, ctx)

    def diagnose(self) -> Sequence[Ailment]:
        from stentor_whatsapp.library import ailments  # noqa: PLC0415 - as above

        return ailments()


def _is_proxy(text: str) -> bool:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return False
    plain = not (url.query or url.fragment or url.path.strip("/") or "@" in url.netloc)
    return url.scheme in ("http", "socks5") and bool(url.hostname) and port is not None and plain
