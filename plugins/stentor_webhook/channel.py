"""The declaration of the webhook channel."""

import json
from collections.abc import Sequence
from ipaddress import ip_network
from typing import ClassVar, cast

from pydantic import field_validator

from stentor import (
    Account,
    AccountSettings,
    Channel,
    ChannelContext,
    Connection,
    Draft,
    Example,
    InvalidTarget,
    Limits,
    Payload,
    SecretRef,
    Target,
    TargetHints,
    Traits,
)
from stentor.contract.traits import RetrySchedule
from stentor_webhook.guard import Guard
from stentor_webhook.targets import parse_target

_MINUTE = 60
_HOUR = 60 * _MINUTE


class WebhookSettings(AccountSettings):
    """Settings under `[channels.webhook.accounts.<account>]`."""

    allow_networks: tuple[str, ...] = ()
    signing_secret: SecretRef | None = None
    bearer_token: SecretRef | None = None

    @field_validator("allow_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(network)) for network in networks)


class WebhookChannel(Channel):
    name = "webhook"
    prefixes = ("webhook",)
    summary = "Posts the finished event as JSON to a URL, signed in the Standard Webhooks way."
    limits = Limits(text=256 * 1024, unit="bytes")
    needs_account = False
    settings: ClassVar[type[AccountSettings]] = WebhookSettings
    traits = Traits(
        idempotency="key",
        receipt_level="accepted",
        receipt_id="own",
        send_timeout=15,
        retry=RetrySchedule(
            delays=(
                5,
                5 * _MINUTE,
                30 * _MINUTE,
                *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)),
            ),
            refusals=None,
        ),
    )
    examples = (
        Example("webhook:https://hooks.example.com/in", "webhook:https://hooks.example.com/in"),
        Example(
            "https://hooks.example.com/in",
            "webhook:https://hooks.example.com/in",
            "the prefix may be left out",
        ),
        Example(
            "HTTPS://Hooks.Example.COM:443", "webhook:https://hooks.example.com/", "one spelling per address"
        ),
        Example(
            "webhook: http://hooks.example.com:080/In?Key=A%2fb",
            "webhook:http://hooks.example.com/In?Key=A%2fb",
            "path and query stay as they are",
        ),
        Example("http://127.0.0.1:9000/hook", "webhook:http://127.0.0.1:9000/hook", "needs allow_networks"),
        Example("https://[2001:DB8:0:0::7]:8443/x", "webhook:https://[2001:db8::7]:8443/x"),
        Example("https://hooks.example.com/grüße", "webhook:https://hooks.example.com/gr%C3%BC%C3%9Fe"),
        Example("webhook:webhook:https://hooks.example.com?", "webhook:https://hooks.example.com/?"),
    )

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        try:
            body = self.body(text)
        except InvalidTarget:
            # The general message repeats the text, and this text may hold a key.
            raise InvalidTarget(
                "the URL holds control or invisible characters", hint="type it by hand"
            ) from None
        return parse_target(body, hints)

    def render(self, payload: Payload, target: Target) -> Sequence[Draft]:  # noqa: ARG002 - the contract's signature
        event = dict(payload.event) or {"type": "message", "text": payload.text, **_attached(payload)}
        return [Draft(json.dumps(event, ensure_ascii=False, separators=(",", ":")), format="json")]

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        from stentor_webhook.client import WebhookConnection  # noqa: PLC0415 - declaring must not load HTTP

        settings = cast("WebhookSettings", account.settings)
        return WebhookConnection(
            ctx,
            Guard(account.id, settings.allow_networks),
            signing_secret=_revealed(ctx, settings.signing_secret),
            bearer_token=_revealed(ctx, settings.bearer_token),
        )


def _revealed(ctx: ChannelContext, secret: SecretRef | None) -> str | None:
    return None if secret is None else ctx.reveal(secret)


def _attached(payload: Payload) -> dict[str, object]:
    files = [
        {"name": file.name, "mediaType": file.media_type, "size": file.size} for file in payload.attachments
    ]
    return {"attachments": files} if files else {}
