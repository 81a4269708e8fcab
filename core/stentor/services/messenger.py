"""The tool with which an agent sends messages itself while it is at work.

It never touches a channel: it writes into the outbox what its run wants sent, and tells the agent what became of it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from stentor.contract.payloads import Attachment, Manner, Payload
from stentor.contract.tools import MESSAGE, Tool, ToolCall, ToolRefused
from stentor.domain.faults import StoreError
from stentor.domain.jobs import Job
from stentor.domain.jobs.fields import Text
from stentor.domain.json_types import JsonObject
from stentor.domain.manners import WORDS, unheeded
from stentor.domain.records import DeliverySeed, RunSeed
from stentor.domain.route_plans import RoutePlan
from stentor.domain.routing import LAST, Address, Route, RouteError, prefix_of, resolve
from stentor.domain.states import DeliveryState
from stentor.ports import AttachmentLost, Clock, Spool, Store
from stentor.services.naming import Naming
from stentor.services.outgoing import Outgoings
from stentor.services.persistence import undivided
from stentor.services.standing import standing
from stentor.services.tool_arguments import Arguments, Several, read, schema_of

_NOTES = {
    DeliveryState.PENDING: "it is on its way and will be sent; do not send it again",
    DeliveryState.UNKNOWN: "it may have arrived; do not send it again",
    DeliveryState.PARTIAL: "a part of it has arrived; do not send it again",
    DeliveryState.FAILED: "it was not sent and will not be",
}


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# Chats and messages have numbers for ids at many a provider.
_Id = Annotated[Text, BeforeValidator(_digits)]


class _File(Arguments):
    path: Text
    name: Text | None = None


class _ByHand(Arguments):
    """A message as somebody sends it who has no workspace."""

    to: Annotated[_Id, Field(description="The target, such as CHANNEL:ADDRESS.")]
    text: Annotated[str, Field(description="The message, as Markdown.")] = ""
    thread_id: Annotated[_Id | None, Field(description="The thread inside the target.")] = None
    account_id: Annotated[
        Text | None, Field(description="The account to send with, where there are several.")
    ] = None
    channel: Annotated[Text | None, Field(description="The channel of a target without a prefix.")] = None
    reply_to: Annotated[_Id | None, Field(description="The id of the message that this one answers.")] = None
    dry_run: Annotated[bool, Field(description="Only say where it would go, and send nothing.")] = False


class _Message(_ByHand):
    attachments: Annotated[Several[_File], Field(description="Files of the workspace to send along.")] = ()


SCHEMA_WITHOUT_FILES = schema_of(_ByHand)


_Fetch = Callable[[str, str | None, Path | None], Awaitable[Attachment]]


@dataclass(frozen=True, slots=True)
class Messenger:
    """Gives each run the means to send messages itself."""

    store: Store
    clock: Clock
    outgoings: Outgoings
    naming: Naming
    spool: Spool
    workspaces: Mapping[str, Path | None]
    boot: str
    wake: Callable[[], None]

    def of(self, run: RunSeed, job: Job, plan: RoutePlan) -> "RunMessages":
        return RunMessages(self, run, job, plan)


@dataclass
class RunMessages:
    """What the agent of one run sends itself."""

    messenger: Messenger
    run: RunSeed
    job: Job
    plan: RoutePlan
    sent: list[str] = field(default_factory=list[str])

    @property
    def tool(self) -> Tool | None:
        """What the agent is offered, where its job lets it send anything."""
        if not self.job.delivery.offers_messages:
            return None
        text = (
            f"Sends a message at once. Allowed targets: {self.plan.reach.named}. What is sent to a target of the job "
            "replaces the final answer there."
        )
        return Tool(MESSAGE, text, schema_of(_Message), self.send)

    async def send(self, call: ToolCall, arguments: Mapping[str, object]) -> dict[str, object]:
        """Write a message into the outbox and wait a moment for what becomes of it.

        A dry run does all the same up to there, so it refuses what sending would.
        """
        message = read(_Message, arguments, MESSAGE)
        route = await self.messenger.naming.knowing(lambda: self._route(message))
        spool = self.messenger.spool
        fetch = spool.look if message.dry_run else spool.take
        files = [await self._file(file, fetch) for file in message.attachments]
        payload = Payload(message.text, tuple(files))
        seed = await self.messenger.outgoings.beside(
            len(message.text), partial(self._seed, message, route, payload)
        )
        if message.dry_run:
            return _outlook(seed, route, message)
        if call.over or not await undivided(partial(self._enqueued, seed)):
            raise ToolRefused("fenced: the run is over, and the message was not sent")
        state = await standing(partial(self._state, seed), self.messenger.clock, lambda: call.over)
        note = _NOTES.get(state)
        return {
            "deliveryId": seed.id,
            "target": route.target.canonical,
            "accountId": route.account,
            "state": state.value,
            **({"note": note} if note else {}),
        }

    async def _enqueued(self, seed: DeliverySeed) -> bool:
        """Whether it is on its way. What is in the outbox counts as sent, also where nobody waits for the answer."""
        is_taken = await self.messenger.store.enqueue_of_run(seed, self.messenger.boot)
        if is_taken:
            self.sent.append(seed.id)
            self.messenger.wake()
        return is_taken

    def _manner(self, message: _Message, route: Route) -> Manner:
        """As the job has it, and as an answer where its channel knows answers."""
        reply_to = message.reply_to or ""
        channel = self.messenger.outgoings.directory.channels[route.target.channel]
        for word, why in unheeded(Manner(reply_to=reply_to), channel, route.target):
            raise ToolRefused(f"{WORDS[word]}: {why}; leave it out")
        return replace(self.job.delivery.manner, reply_to=reply_to)

    async def _route(self, message: _Message) -> Route:
        """A target without a prefix is read as one of the job's own channel."""
        delivery = self.job.delivery
        channels = {target.channel for target in self.plan.reach.own}
        own = delivery.channel if delivery.channel not in (None, LAST) else None
        if own is None and len(channels) == 1:
            (own,) = channels
        try:
            return self._resolved(message, own)
        except RouteError as error:
            raise ToolRefused(f"{error.message}; allowed targets: {self.plan.reach.named}") from error

    def _resolved(self, message: _Message, own: str | None) -> Route:
        directory = self.messenger.outgoings.directory
        prefix = prefix_of(message.to)
        named = message.channel or (own if prefix is None else None)
        account = message.account_id or self._account(named or prefix or "")
        kind = "channel" if named is not None else None
        return resolve(Address(message.to, named, account, message.thread_id, kind), directory)

    def _account(self, prefix: str) -> str | None:
        """The job's own account, if the channel has one of that name."""
        directory = self.messenger.outgoings.directory
        channel = directory.channel_of_prefix(prefix)
        own = self.job.delivery.account_id
        return own if channel is not None and own in directory.accounts(channel.name) else None

    def _seed(self, message: _Message, route: Route, payload: Payload) -> DeliverySeed:
        if not payload.text.strip() and not payload.attachments:
            raise ToolRefused("the message is empty: give it a text or attachments")
        manner = self._manner(message, route)
        outgoings = self.messenger.outgoings
        try:
            return outgoings.by_tool(self.plan, route, payload, self.run, self.job, manner=manner)
        except RouteError as error:
            raise ToolRefused(error.message) from error

    async def _file(self, file: _File, fetch: _Fetch) -> Attachment:
        root = self.messenger.workspaces.get(self.job.agent_id)
        try:
            return await fetch(file.path, file.name, root)
        except AttachmentLost as error:
            raise ToolRefused(f"nothing was sent: {error}") from error

    async def _state(self, seed: DeliverySeed) -> DeliveryState:
        try:
            stored = await self.messenger.store.delivery(seed.id)
        except StoreError:
            return seed.state  # it is written down all the same
        return seed.state if stored is None else stored.state


def _outlook(seed: DeliverySeed, route: Route, message: _Message) -> dict[str, object]:
    """Where it would go, and what would keep it from going."""
    return {
        "dryRun": True,
        "target": route.target.canonical,
        "accountId": route.account,
        **({"replyTo": message.reply_to} if message.reply_to else {}),
        **({"note": f"nothing of it would be sent: {seed.reason}"} if seed.reason else {}),
    }


def as_by_hand(arguments: Mapping[str, object]) -> JsonObject:
    """The message as somebody would send it who is no agent."""
    message = read(_Message, arguments, MESSAGE)
    if message.attachments:
        raise ToolRefused("attachments come from the workspace of a run, and this is none; leave them out")
    said = {
        "to": message.to,
        "text": message.text,
        "channel": message.channel,
        "account": message.account_id,
        "thread": message.thread_id,
        "replyTo": message.reply_to,
        "dryRun": message.dry_run or None,
    }
    return {name: value for name, value in said.items() if value is not None}
