"""The declaration of the Slack channel."""

import math
from collections.abc import Mapping, Sequence
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
from stentor_slack.format import DIALECT
from stentor_slack.limits import BURST, LIMITS, TRAITS
from stentor_slack.targets import is_hook_name, parse_target

_TS = "1795225318.000001"


class SlackSettings(ChatSettings):
    """Settings under `[channels.slack.accounts.<account>]`."""

    token: SecretRef | None = None
    app_token: SecretRef | None = None
    base_url: str = "https://slack.com/api/"
    webhooks: Mapping[str, SecretRef] = Field(default_factory=dict[str, SecretRef])
    receive: Literal["off", "socket"] = "off"
    messages_per_second: float = Field(default=1, gt=0, le=100)

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        url = urlsplit(text.strip())
        if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc:
            raise ValueError("write a URL such as https://slack.com/api/")
        if url.query or url.fragment:
            raise ValueError(
                "the names of Slack's methods are put behind it: drop the ? or # and what follows"
            )
        return text.strip().rstrip("/") + "/"

    @field_validator("webhooks")
    @classmethod
    def _have_names(cls, webhooks: Mapping[str, SecretRef]) -> Mapping[str, SecretRef]:
        for name in webhooks:
            if not is_hook_name(name):
                raise ValueError(f"{name!r} is no name for a webhook: letters, digits, _ . and -")
        return webhooks

    @model_validator(mode="after")
    def _can_do_what_it_says(self) -> Self:
        if self.token is None and not self.webhooks:
            raise ValueError('set token = { env = "SLACK_BOT_TOKEN" }, or name webhooks')
        if self.receive == "socket" and (self.app_token is None or self.token is None):
            raise ValueError('receive = "socket" needs token (xoxb-…) and app_token (xapp-…)')
        if self.receive == "off" and self.app_token is not None:
            raise ValueError('app_token is for receiving: set receive = "socket", or drop it')
        return self


class SlackChannel(Channel):
    name = "slack"
    prefixes = ("slack",)
    summary = "Posts to channels, threads and people of a Slack workspace, and through incoming webhooks."
    extra = "slack"
    limits = LIMITS
    traits = TRAITS
    settings: ClassVar[type[AccountSettings]] = SlackSettings
    dialect = DIALECT
    examples = (
        Example("slack:C0123456789", "slack:C0123456789", "a channel; G… and D… likewise"),
        Example(
            "C0123456789", "slack:C0123456789", "the prefix may be left out where the job's channel is slack"
        ),
        Example("SLACK:c0123456789", "slack:C0123456789", "ids are in capitals, and repaired"),
        Example("slack:channel:C0123456789", "slack:C0123456789"),
        Example("Channel:c1", "slack:C1", "the kind says that it is an id"),
        Example("<#C0123456789|general>", "slack:C0123456789", "a mention"),
        Example("#C0123456789", "slack:C0123456789"),
        Example("slack:D024BE91L", "slack:D024BE91L", "a direct conversation that exists"),
        Example("slack:user:U0123456789", "slack:user:U0123456789", "the conversation is opened if need be"),
        Example("slack:U0123456789", "slack:user:U0123456789"),
        Example("<@W0123456789>", "slack:user:W0123456789", "a mention"),
        Example("@U0123456789", "slack:user:U0123456789"),
        Example(
            f"slack:C0123456789:thread:{_TS}",
            f"slack:C0123456789:thread:{_TS}",
            "the ts of the first message",
        ),
        Example(f"C0123456789:{_TS}", f"slack:C0123456789:thread:{_TS}"),
        Example(f"user:U0123456789:thread:{_TS}", f"slack:user:U0123456789:thread:{_TS}"),
        Example("https://acme.slack.com/archives/C0123456789", "slack:C0123456789", "a copied link"),
        Example(
            f"https://acme.slack.com/archives/C0123456789/p1795225399000200?thread_ts={_TS}&cid=C0123456789",
            f"slack:C0123456789:thread:{_TS}",
            "the link of an answer: its thread",
        ),
        Example(
            "https://acme.enterprise.slack.com/archives/C0123456789/p1795225318000001",
            f"slack:C0123456789:thread:{_TS}",
            "the link of a message: the thread below it",
        ),
        Example(
            "https://app.slack.com/client/T0123456789/C0123456789", "slack:C0123456789", "a browser's address"
        ),
        Example(
            f"https://app.slack.com/client/T0123456789/C0123456789/thread/C0123456789-{_TS}",
            f"slack:C0123456789:thread:{_TS}",
        ),
        Example("https://acme.slack.com/team/U0123456789", "slack:user:U0123456789", "a profile"),
        Example("#general", "slack:#general", "a name: Slack is asked once, and the id is stored"),
        Example("@bob", "slack:@bob", "the same for a person: user name or display name"),
        Example(
            "slack:webhook:alerts", "slack:webhook:alerts", "an incoming webhook of the account's settings"
        ),
    )

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        try:
            body = self.body(text)
        except InvalidTarget:
            # The general message repeats the text, and this text may hold a secret.
            raise InvalidTarget(
                "the target holds control or invisible characters", hint="type it by hand"
            ) from None
        target = parse_target(body, hints)
        if isinstance(hints.settings, SlackSettings):
            _refuse_unsettled(target, hints.settings)
        return target

    def parent(self, target: Target) -> Target | None:
        if target.thread is None:
            return None
        address = target.address.removesuffix(f":thread:{target.thread}")
        return replace(target, address=address, thread=None, warnings=())

    def traits_of(self, target: Target) -> Traits:
        if target.kind != "webhook":
            return self.traits
        return replace(self.traits, reconcile="none", receipt_id="own", manners=("bare_links",))

    def receives(self, settings: AccountSettings) -> bool:
        return cast("SlackSettings", settings).receive != "off"

    def rates(self, settings: AccountSettings) -> Sequence[Rate]:
        per_second = cast("SlackSettings", settings).messages_per_second
        return (Rate(per_second, max(BURST, math.ceil(per_second)), "target"),)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        try:
            from stentor_slack.connection import connect  # noqa: PLC0415 - declaring must not load the SDK
        except ImportError as error:
            raise Unavailable("slack_sdk and aiohttp are not installed", extra="slack") from error
        settings = cast("SlackSettings", account.settings)
        return await connect(settings, ctx)


def _refuse_unsettled(target: Target, settings: SlackSettings) -> None:
    """What this account cannot reach is refused as long as somebody is there to read it."""
    if target.kind == "webhook":
        if target.id not in settings.webhooks:
            known = ", ".join(sorted(settings.webhooks)) or "none"
            raise InvalidTarget(
                f"the account has no webhook {target.id!r}",
                hint=f'its webhooks: {known}; add webhooks = {{ {target.id} = {{ env = "…" }} }}',
            )
    elif settings.token is None:
        raise InvalidTarget(
            "the account has webhooks only", hint="set its token, or write slack:webhook:NAME"
        )
