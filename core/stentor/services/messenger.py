"""The tool with which an agent sends messages itself while it is at work.

It never touches a channel: it writes into the outbox what its run wants sent, and tells the agent what became of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from stentor.contract.payloads import Attachment, Manner, Payload
from stentor.contract.tools import MESSAGE, Tool, ToolCall, ToolRefused
from stentor.domain.faults import StoreError
from stentor.domain.jobs import Job
from stentor.domain.json_types import JsonObject
from stentor.domain.manners import WORDS, unheeded
from stentor.domain.reach import check
from stentor.domain.records import DeliverySeed, RunSeed
from stentor.domain.refusals import details_of
from stentor.domain.route_plans import RoutePlan
from stentor.domain.routing import LAST, Address, Route, RouteError, prefix_of, resolve
from stentor.domain.states import DeliveryState, Purpose
from stentor.ports import AttachmentLost, Clock, Spool, Store
from stentor.services.naming import Naming
from stentor.services.outgoing import Outgoings
from stentor.services.standing import standing

_NOTES = {
    DeliveryState.PENDING: "it is on its way and will be sent; do not send it again",
    DeliveryState.UNKNOWN: "it may have arrived; do not send it again",
    DeliveryState.PARTIAL: "a part of it has arrived; do not send it again",
    DeliveryState.FAILED: "it was not sent and will not be",
}
_TEXT = {"type": "string"}
_FILES = "attachments"
_PROPERTIES = {
    "to": {**_TEXT, "description": "The target, such as CHANNEL:ADDRESS."},
    "text": {**_TEXT, "description": "The message, as Markdown."},
    "threadId": {**_TEXT, "description": "The thread inside the target."},
    "accountId": {**_TEXT, "description": "The account to send with, where there are several."},
    "channel": {**_TEXT, "description": "The channel of a target without a prefix."},
    _FILES: {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"path": _TEXT, "name": _TEXT},
            "required": ["path"],
            "additionalProperties": False,
        },
        "description": "Files of the workspace to send along.",
    },
    "replyTo": {**_TEXT, "description": "The id of the message that this one answers."},
    "dryRun": {"type": "boolean", "description": "Only say where it would go, and send nothing."},
}
_SCHEMA = {
    "type": "object",
    "properties": _PROPERTIES,
    "required": ["to"],
    "additionalProperties": False,
}


# For whoever has no workspace.
SCHEMA_WITHOUT_FILES = {
    **_SCHEMA,
    "properties": {name: field for name, field in _PROPERTIES.items() if name != _FILES},
}


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, alias_generator=to_camel
    )


class _File(_Model):
    path: str
    name: str | None = None


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Message(_Model):
    to: Annotated[str, BeforeValidator(_digits)]
    text: str = ""
    thread_id: Annotated[str | None, BeforeValidator(_digits)] = None
    account_id: str | None = None
    channel: str | None = None
    attachments: tuple[_File, ...] = ()
    reply_to: Annotated[str, BeforeValidator(_digits)] = ""
    dry_run: bool = False


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
        return Tool(MESSAGE, text, _SCHEMA, self.send)

    async def send(self, call: ToolCall, arguments: Mapping[str, object]) -> dict[str, object]:
        """Write a message into the outbox and wait a moment for what becomes of it."""
        message = _read(arguments)
        route = await self.messenger.naming.knowing(lambda: self._route(message))
        if message.dry_run:
            return self._outlook(message, route)
        files = [await self._file(file) for file in message.attachments]
        payload = Payload(message.text, tuple(files))
        seed = await self.messenger.outgoings.beside(
            len(message.text), partial(self._seed, message, route, payload)
        )
        if call.over or not await self.messenger.store.enqueue_of_run(seed, self.messenger.boot):
            raise ToolRefused("fenced: the run is over, and the message was not sent")
        self.sent.append(seed.id)
        self.messenger.wake()
        state = await standing(partial(self._state, seed), self.messenger.clock, lambda: call.over)
        note = _NOTES.get(state)
        return {
            "deliveryId": seed.id,
            "target": route.target.canonical,
            "accountId": route.account,
            "state": state.value,
            **({"note": note} if note else {}),
        }

    def _outlook(self, message: _Message, route: Route) -> dict[str, object]:
        """Where it would go, if it went; why not, if it would not."""
        manner = self._manner(message, route)
        _refuse_empty(Payload(message.text), len(message.attachments))
        try:
            check(self.plan.reach, Purpose.TOOL, route.target)
        except RouteError as error:
            raise ToolRefused(error.message) from error
        outlook = {"dryRun": True, "target": route.target.canonical, "accountId": route.account}
        return {**outlook, **({"replyTo": manner.reply_to} if manner.reply_to else {})}

    def _manner(self, message: _Message, route: Route) -> Manner:
        """As the job has it, and as an answer where its channel knows answers."""
        manner = replace(self.job.delivery.manner, reply_to=message.reply_to)
        channel = self.messenger.outgoings.directory.channels[route.target.channel]
        for word, why in unheeded(Manner(reply_to=message.reply_to), channel, route.target):
            raise ToolRefused(f"{WORDS[word]}: {why}; leave it out")
        return manner

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
        _refuse_empty(payload, len(payload.attachments))
        manner = self._manner(message, route)
        outgoings = self.messenger.outgoings
        try:
            return outgoings.by_tool(self.plan, route, payload, self.run, self.job, manner=manner)
        except RouteError as error:
            raise ToolRefused(error.message) from error

    async def _file(self, file: _File) -> Attachment:
        root = self.messenger.workspaces.get(self.job.agent_id)
        try:
            return await self.messenger.spool.take(file.path, file.name, root)
        except AttachmentLost as error:
            raise ToolRefused(f"nothing was sent: {error}") from error

    async def _state(self, seed: DeliverySeed) -> DeliveryState:
        try:
            stored = await self.messenger.store.delivery(seed.id)
        except StoreError:
            return seed.state  # it is written down all the same
        return seed.state if stored is None else stored.state


def _refuse_empty(payload: Payload, files: int) -> None:
    if not payload.text.strip() and not files:
        raise ToolRefused("the message is empty: give it a text or attachments")


def as_by_hand(arguments: Mapping[str, object]) -> JsonObject:
    """The message as somebody would send it who is no agent."""
    if _FILES in arguments:
        raise ToolRefused(f"{_FILES} come from the workspace of a run, and this is none; leave them out")
    message = _read(arguments)
    said = {
        "to": message.to,
        "text": message.text,
        "channel": message.channel,
        "account": message.account_id,
        "thread": message.thread_id,
        "replyTo": message.reply_to or None,
        "dryRun": message.dry_run or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _read(arguments: Mapping[str, object]) -> _Message:
    try:
        return _Message.model_validate(arguments)
    except ValidationError as error:
        mistakes = "; ".join(f"{detail.path}: {detail.message}" for detail in details_of(error, _Message))
        raise ToolRefused(f"the message is not valid; {mistakes}") from error
