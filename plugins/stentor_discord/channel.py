"""The declaration of the Discord channel."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from stentor import (
    Account,
    AccountSettings,
    Channel,
    ChannelContext,
    Connection,
    CredentialsRejected,
    Example,
    InvalidTarget,
    SecretRef,
    Target,
    TargetHints,
    Traits,
    Unavailable,
)
from stentor.contract.settings import ChatSettings
from stentor.contract.traits import Rate
from stentor_discord.format import DIALECT
from stentor_discord.limits import LIMITS, NONCE_WINDOW, RATES, SEND_TIMEOUT
from stentor_discord.targets import WEBHOOK_NAME, HookUrl, parse_hook_url, parse_target, webhook

OFFICIAL = "https://discord.com/api/v10"


class DiscordSettings(ChatSettings):
    """Settings under `[channels.discord.accounts.<account>]`."""

    token: SecretRef | None = None
    base_url: str = OFFICIAL
    webhooks: dict[str, SecretRef] = Field(default_factory=dict[str, SecretRef])
    receive: Literal["off", "gateway"] = "off"

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url := url.strip())
        # A port that there cannot be is a ValueError of its own.
        is_whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 0) >= 0
        if not is_whole or "@" in parts.netloc:
            raise ValueError(f"write the API's address in full, such as {OFFICIAL}")
        if parts.query or parts.fragment or "/webhooks/" in parts.path:
            raise ValueError(
                f"write the API's address alone, such as {OFFICIAL}; webhooks have a setting of their own"
            )
        return url.rstrip("/")

    @field_validator("webhooks")
    @classmethod
    def _have_names(cls, webhooks: dict[str, SecretRef]) -> dict[str, SecretRef]:
        for name in webhooks:
            if not WEBHOOK_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no webhook's name: use lower-case letters, digits, - and _, 32 at most"
                )
        return webhooks

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.token is None and not self.webhooks:
            raise ValueError('give the bot\'s token = { env = "DISCORD_BOT_TOKEN" }, or webhooks, or both')
        if self.token is None and self.receive != "off":
            raise ValueError("receiving needs a bot: give its token, or leave receive off")
        return self


class DiscordChannel(Channel):
    name = "discord"
    prefixes = ("discord",)
    summary = "Sends to Discord channels, threads, people, forums and incoming webhooks."
    extra = "discord"
    limits = LIMITS
    dialect = DIALECT
    settings: ClassVar[type[AccountSettings]] = DiscordSettings
    traits = Traits(
        idempotency="nonce",
        nonce_window=NONCE_WINDOW,
        manners=("silent", "bare_links", "reply_to"),
        receives=True,
        send_timeout=SEND_TIMEOUT,
        rates=RATES,
    )
    examples = (
        Example(
            "discord:channel:112233445566778899",
            "discord:channel:112233445566778899",
            "a channel, or a thread: to Discord that is a channel too",
        ),
        Example("DISCORD:Channel: 112233445566778899", "discord:channel:112233445566778899", "in any case"),
        Example(
            "<#112233445566778899>", "discord:channel:112233445566778899", "a channel mention, as copied"
        ),
        Example(
            "https://discord.com/channels/998877665544332211/112233445566778899",
            "discord:channel:112233445566778899",
            "the link to a channel; ptb., canary. and discordapp.com too",
        ),
        Example(
            "https://discord.com/channels/998877665544332211/112233445566778899/223344556677889900",
            "discord:channel:112233445566778899",
            "the link to a message means its channel, with a warning",
        ),
        Example(
            "https://discord.com/channels/@me/112233445566778899",
            "discord:channel:112233445566778899",
            "the link to a direct conversation of the bot",
        ),
        Example(
            "https://discord.com/channels/998877665544332211/112233445566778899/threads/334455667788990011",
            "discord:channel:334455667788990011",
            "the link to a thread",
        ),
        Example("thread:334455667788990011", "discord:channel:334455667788990011", "a thread is a channel"),
        Example(
            "channel:112233445566778899:thread:334455667788990011",
            "discord:channel:334455667788990011",
            "a thread needs no other address than its own",
        ),
        Example(
            "#daily-reports",
            "discord:#daily-reports",
            "a name: looked up once, when the job or message is made; the id is stored",
        ),
        Example("channel:#daily-reports", "discord:#daily-reports", "the same"),
        Example(
            "discord:forum:445566778899001122",
            "discord:forum:445566778899001122",
            "a forum: every delivery opens a post there, named by its first line",
        ),
        Example("user:556677889900112233", "discord:user:556677889900112233", "a direct message"),
        Example("<@556677889900112233>", "discord:user:556677889900112233", "a mention, as copied"),
        Example("<@!556677889900112233>", "discord:user:556677889900112233", "an older mention"),
        Example("@556677889900112233", "discord:user:556677889900112233", "an id, not a name"),
        Example(
            "discord:556677889900112233",
            "discord:user:556677889900112233",
            "a person, as in OpenClaw, with a warning",
        ),
        Example(
            "discord:webhook:alerts", "discord:webhook:alerts", "an incoming webhook of the account, by name"
        ),
        Example(
            "webhook:Alerts:thread:334455667788990011",
            "discord:webhook:alerts:thread:334455667788990011",
            "the same, into a thread of its channel",
        ),
    )

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        try:
            body = self.body(text)
        except InvalidTarget:
            # The general message repeats the text, and this text may be a webhook's URL.
            raise InvalidTarget(
                "the target holds control or invisible characters", hint="type it by hand"
            ) from None
        prefixed = text.strip().lower().startswith(f"{self.name}:")
        target = parse_target(body, hints, prefixed=prefixed)
        if isinstance(hints.settings, DiscordSettings):
            _check_configured(target, hints.settings)
        return target

    def parent(self, target: Target) -> Target | None:
        """A webhook's own channel. Of another thread nobody knows where it belongs: it is a channel like any other."""
        return webhook(target.id) if target.kind == "webhook" and target.thread is not None else None

    def traits_of(self, target: Target) -> Traits:
        """Discord takes no nonce for what goes through a webhook, and none for a post that is opened."""
        if target.kind in ("webhook", "forum"):
            return replace(self.traits, idempotency="none", nonce_window=0)
        return self.traits

    def rates(self, settings: AccountSettings) -> Sequence[Rate]:
        """A server of somebody else's has limits of its own, and says so when they are reached."""
        base_url = cast("DiscordSettings", settings).base_url
        return self.traits.rates if urlsplit(base_url).hostname == urlsplit(OFFICIAL).hostname else ()

    def receives(self, settings: AccountSettings) -> bool:
        return cast("DiscordSettings", settings).receive == "gateway"

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        settings = cast("DiscordSettings", account.settings)
        token = None if settings.token is None else _token(ctx.reveal(settings.token))
        webhooks = {name: _hook_url(name, ctx.reveal(secret)) for name, secret in settings.webhooks.items()}
        try:
            from stentor_discord.connection import connect  # noqa: PLC0415 - declaring must not load the SDK
        except ImportError as error:
            raise Unavailable(f"discord.py cannot be loaded ({error.name})", extra=self.extra) from error
        return await connect(settings.base_url, token, webhooks)


def _token(revealed: str) -> str:
    token = revealed.strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise CredentialsRejected(
            "the bot's token is empty or holds a blank or a character outside ASCII: mend what the setting points to"
        )
    return token


def _hook_url(name: str, revealed: str) -> HookUrl:
    try:
        return parse_hook_url(revealed)
    except ValueError as error:
        raise CredentialsRejected(f"webhook {name}: {error}; mend what the setting points to") from None


def _check_configured(target: Target, settings: DiscordSettings) -> None:
    if target.kind != "webhook":
        if settings.token is None:
            raise InvalidTarget(
                "the account has webhooks only, and no bot",
                hint="write webhook:NAME, or give it the token of a bot",
            )
        return
    if target.id not in settings.webhooks:
        known = ", ".join(f"webhook:{name}" for name in sorted(settings.webhooks)) or "none"
        raise InvalidTarget(
            f"the account has no webhook {target.id!r}",
            hint=f'configured: {known}; add webhooks = {{ {target.id} = {{ env = "…" }} }} to its settings',
        )
