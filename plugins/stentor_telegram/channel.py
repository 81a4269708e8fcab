"""The declaration of the Telegram channel."""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, Self, cast

from pydantic import Field, field_validator, model_validator

from stentor import (
    Account,
    AccountSettings,
    Channel,
    ChannelContext,
    Connection,
    Example,
    SecretRef,
    Target,
    TargetHints,
    Traits,
    Unavailable,
)
from stentor.contract.settings import ChatSettings
from stentor.contract.traits import Rate
from stentor_telegram.format import DIALECT
from stentor_telegram.limits import AT_ONCE, LIMITS, MESSAGES_PER_SECOND, rates
from stentor_telegram.targets import DIRECT, make_target, parse_target

OFFICIAL = "https://api.telegram.org"
_WEB_URL = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9/:._~%-]*)?"
)
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>[0-9]{1,5})")


class TelegramSettings(ChatSettings):
    """Settings under `[channels.telegram.accounts.<account>]`."""

    token: SecretRef
    base_url: str = OFFICIAL
    messages_per_second: float = Field(MESSAGES_PER_SECOND, ge=0.01, le=10_000)
    receive: Literal["off", "polling", "webhook"] = "off"
    webhook_url: str | None = None
    webhook_listen: str = "127.0.0.1:8788"
    webhook_secret: SecretRef | None = None

    @field_validator("base_url")
    @classmethod
    def _is_the_root(cls, text: str) -> str:
        url = _web_url(text, "base_url").rstrip("/")
        if re.search(r"/bot(?:$|[0-9]+:)", url):
            raise ValueError("base_url is written without /bot and without the token: http://127.0.0.1:8081")
        return url

    @field_validator("webhook_url")
    @classmethod
    def _is_public(cls, text: str | None) -> str | None:
        return None if text is None else _web_url(text, "webhook_url")

    @field_validator("webhook_listen")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        listen_address(text)
        return text

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        given = sorted(name for name in self.model_fields_set if name.startswith("webhook_"))
        if given and self.receive != "webhook":
            raise ValueError(f'{given[0]} means nothing without receive = "webhook"')
        if self.receive == "webhook" and self.webhook_url is None:
            raise ValueError(
                'receive = "webhook" needs webhook_url, the public address that Telegram is to call; '
                'where there is none write receive = "polling"'
            )
        if self.base_url == OFFICIAL and self.webhook_url and not self.webhook_url.startswith("https:"):
            raise ValueError("webhook_url must begin with https: Telegram calls nothing else")
        return self


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of an address to listen at."""
    found = _LISTEN.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise ValueError("webhook_listen is a host and a port, such as 127.0.0.1:8788 or [::1]:8788")
    return found["six"] or found["host"], int(found["port"])


def _web_url(text: str, setting: str) -> str:
    found = _WEB_URL.fullmatch(text)
    if found is None or int(found["port"] or 0) > 65535:
        raise ValueError(f"{setting} must be a plain http or https URL, such as https://example.org/path")
    return text


class TelegramChannel(Channel):
    name = "telegram"
    prefixes = ("telegram", "tg")
    summary = "Messages, files and albums to people, groups, channels and topics, by a bot."
    extra = "telegram"
    limits = LIMITS
    dialect = DIALECT
    settings: ClassVar[type[AccountSettings]] = TelegramSettings
    traits = Traits(
        manners=("silent", "bare_links", "reply_to"),
        receives=True,
        at_once=AT_ONCE,
        send_timeout=300,
        rates=rates(MESSAGES_PER_SECOND),
    )
    examples = (
        Example(
            "123456789", "telegram:123456789", "a person, who has to press Start in the bot's chat first"
        ),
        Example("telegram:123456789", "telegram:123456789"),
        Example("TG:123456789", "telegram:123456789", "a shorter prefix, in any case"),
        Example("telegram:tg:123456789", "telegram:123456789", "prefixes may be doubled"),
        Example("-1001234567890", "telegram:-1001234567890", "a supergroup or a channel"),
        Example(
            "telegram:-4087654321", "telegram:-4087654321", "a basic group; followed when it gets a new id"
        ),
        Example("telegram:group:-1001234567890", "telegram:-1001234567890", "as OpenClaw writes groups"),
        Example("-1001234567890:topic:42", "telegram:-1001234567890:topic:42", "a topic of a forum"),
        Example("-1001234567890:42", "telegram:-1001234567890:topic:42", "the same topic"),
        Example("tg:group:-1001234567890:TOPIC:42", "telegram:-1001234567890:topic:42"),
        Example("-1001234567890:topic:1", "telegram:-1001234567890:topic:1", "the topic General"),
        Example("123456789:topic:7", "telegram:123456789:topic:7", "private chats may have topics too"),
        Example(
            "-1001234567890:direct-topic:5",
            "telegram:-1001234567890:direct-topic:5",
            "one person's thread in the direct messages of a channel",
        ),
        Example("@My_Channel", "telegram:@my_channel", "a public channel or group; never a person"),
        Example("@my_forum:topic:42", "telegram:@my_forum:topic:42"),
        Example("t.me/My_Channel", "telegram:@my_channel"),
        Example("https://t.me/My_Channel/", "telegram:@my_channel"),
        Example("tg:telegram.me/my_channel", "telegram:@my_channel"),
        Example("https://t.me/my_forum/42/99", "telegram:@my_forum:topic:42", "a message in a topic"),
        Example(
            "https://t.me/c/1234567890/42/99",
            "telegram:-1001234567890:topic:42",
            "the same in a private forum; the message is left out",
        ),
    )

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        body = self.body(text)
        while (rest := self.body(body)) != body:
            body = rest
        return parse_target(body, hints)

    def parent(self, target: Target) -> Target | None:
        if target.thread is None or target.thread.startswith(DIRECT):
            return None
        return make_target(target.id)

    def rates(self, settings: AccountSettings) -> Sequence[Rate]:
        return rates(cast("TelegramSettings", settings).messages_per_second)

    def receives(self, settings: AccountSettings) -> bool:
        return cast("TelegramSettings", settings).receive != "off"

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        try:
            from stentor_telegram.connection import open_connection  # noqa: PLC0415 - declaring must load no SDK
        except ImportError as error:
            raise Unavailable(f"the Telegram library is missing ({error.name})", extra=self.extra) from error
        return open_connection(cast("TelegramSettings", account.settings), ctx)
