"""The declaration of the local channel."""

from stentor import (
    Account,
    Channel,
    ChannelContext,
    Connection,
    Example,
    Limits,
    Target,
    TargetHints,
    Traits,
)
from stentor_local.client import LocalConnection
from stentor_local.targets import parse_target


class LocalChannel(Channel):
    name = "local"
    prefixes = ("local",)
    summary = "Keeps messages in boxes of the product's own store; needs no account and no network."
    limits = Limits(text=64 * 1024, unit="characters")
    needs_account = False
    traits = Traits(idempotency="key", receipt_level="accepted")
    examples = (
        Example("local:inbox", "local:inbox"),
        Example("local:", "local:inbox", "no name is the inbox"),
        Example("local", "local:inbox", "nor is the channel's own name one"),
        Example("local:Ops.Team", "local:Ops.Team", "names keep their case"),
        Example("ops", "local:ops", "the prefix may be left out"),
        Example("LOCAL: ann+news@example.com ", "local:ann+news@example.com"),
        Example("local:local:ops", "local:ops"),
        Example("local:Local", "local:inbox"),
    )

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        return parse_target(self.body(text), hints)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:  # noqa: ARG002 - one journal an account
        return LocalConnection(ctx)
