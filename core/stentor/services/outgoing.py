"""From a finished payload to deliveries: routes, rendered parts, expiry. Nothing is sent here."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

from stentor.contract.channel import Channel
from stentor.contract.payloads import Draft, Manner, Payload
from stentor.domain.answers import UNRENDERED, drafts_of
from stentor.domain.idents import ident, part_ident
from stentor.domain.instants import local
from stentor.domain.jobs import DeliveryModel, Job
from stentor.domain.manners import USUAL
from stentor.domain.plugin_words import PluginFault, asked
from stentor.domain.reach import Reach, check
from stentor.domain.records import DeliverySeed, PartSeed, RunSeed
from stentor.domain.redaction import Redactor
from stentor.domain.rendering import drafts
from stentor.domain.route_plans import RoutePlan, plan_for
from stentor.domain.routing import LAST, Directory, Route, RouteError, at_fault
from stentor.domain.sessions import source_session
from stentor.domain.states import DeliveryState, Priority, Purpose, Trigger
from stentor.domain.values import value
from stentor.ports import Aside, Chance, Clock, Conversations
from stentor.services.enclosures import kept
from stentor.services.plugin_calls import Door

ONE_SHOT_EXPIRY_SECONDS = 2 * 3600
EXPIRY_SECONDS = 24 * 3600
_CACHED_PLANS = 50_000
# Rendering so many characters takes a few milliseconds.
SHORT = 1_000
T = TypeVar("T")
# What one payload became, by channel.
_Alike = dict[str, tuple[Draft, ...]]


@value
class Style:
    """What a job may say about the look of its messages."""

    numbered: bool = False
    manner: Manner = USUAL

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(job.delivery.number_parts, job.delivery.manner)


@value
class Intent:
    """Something to be sent in the name of a job. With a `reason` it is kept back for it, and only written down."""

    purpose: Purpose
    route: Route
    rendered: tuple[Draft, ...]
    run_id: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Outgoings:
    """Turns what a job says about delivery into rows of the outbox."""

    directory: Directory
    clock: Clock
    chance: Chance
    conversations: Conversations
    # Agents and programs may repeat what they have read: nothing is sent unread.
    redactor: Redactor
    aside: Aside
    # Plugins and accounts stay as they are while a process lives, and so does where they lead.
    _plans: dict[DeliveryModel, RoutePlan] = field(default_factory=dict[DeliveryModel, RoutePlan])

    def clean(self, text: str) -> str:
        return self.redactor.clean(text)

    async def beside(self, characters: int, work: Callable[[], T]) -> T:
        """Work with a text of so many characters: with a short one at once, with a long one beside the loop."""
        return work() if characters <= SHORT else await self.aside.do(work)

    def plan(self, job: Job) -> RoutePlan:
        """Resolve a job's stored targets again: a plugin or an account may have gone since it was added."""
        if job.delivery.channel == LAST:
            return plan_for(job.delivery, self.directory, self.conversations.last(source_session(job)))
        plan = self._plans.get(job.delivery)
        if plan is None:
            if len(self._plans) >= _CACHED_PLANS:
                self._plans.clear()
            plan = self._plans[job.delivery] = plan_for(job.delivery, self.directory)
        return plan

    def deliveries(
        self, plan: RoutePlan, payload: Payload, run: RunSeed, job: Job
    ) -> tuple[DeliverySeed, ...]:
        if job.delivery.late_note:
            payload = replace(payload, text=f"{_late_note(run, job)}{payload.text}")
        style, alike = Style.of(job), _Alike()
        return tuple(
            self.for_job(job, self._announce(route, payload, style, run.id, alike=alike), plan)
            for route in plan.routes
        )

    def _announce(
        self, route: Route, payload: Payload, style: Style, run_id: str, *, alike: _Alike
    ) -> Intent:
        """A plugin that fails to render takes no other channel's message with it: its own is refused when it is sent."""
        try:
            rendered = self.render(route, payload, style, alike=alike)
        except RouteError:
            rendered = (Draft(self.clean(payload.text), UNRENDERED),)
        return Intent(Purpose.ANNOUNCE, route, rendered, run_id)

    def suppressed(self, plan: RoutePlan, reason: str, run: RunSeed, job: Job) -> tuple[DeliverySeed, ...]:
        """Silence is a row like any other, with its reason."""
        return tuple(
            self.for_job(job, Intent(Purpose.ANNOUNCE, route, (), run.id, reason), plan)
            for route in plan.routes
        )

    def by_tool(
        self, plan: RoutePlan, route: Route, payload: Payload, run: RunSeed, job: Job, *, manner: Manner
    ) -> DeliverySeed:
        """A message that an agent at work sends itself. Raises `RouteError`."""
        rendered = self.render(route, payload, Style(job.delivery.number_parts, manner))
        return replace(self.for_job(job, Intent(Purpose.TOOL, route, rendered, run.id), plan), manner=manner)

    def for_job(self, job: Job, intent: "Intent", plan: RoutePlan) -> DeliverySeed:
        """The one way by which deliveries in the name of a job are made: no other place is reached by any."""
        check(plan.reach, intent.purpose, intent.route.target)
        now = self.clock.now_ms()
        seconds = job.delivery.expires_after_seconds or expiry_seconds(job)
        delivery = ident("d", now, self.chance.token(8))
        silent = intent.reason or _silence(intent.rendered)
        return DeliverySeed(
            delivery,
            intent.purpose,
            intent.route.target,
            intent.route.source,
            now,
            now + seconds * 1000,
            Priority[job.delivery.priority.upper()],
            required=not job.delivery.best_effort,
            on_unknown=job.delivery.on_unknown,
            run_id=intent.run_id,
            job_id=job.id,
            state=DeliveryState.SUPPRESSED if silent else DeliveryState.PENDING,
            reason=silent,
            parts=_parts(delivery, intent.rendered),
            on_thread_gone=job.delivery.on_thread_gone,
            manner=job.delivery.manner,
        )

    def manual(
        self, route: Route, text: str, *, run_id: str | None = None, manner: Manner = USUAL
    ) -> DeliverySeed:
        """A message somebody sends by hand. Raises `RouteError`."""
        now = self.clock.now_ms()
        rendered = self.render(route, Payload(text), Style(manner=manner))
        silent = _silence(rendered)
        expires = now + EXPIRY_SECONDS * 1000
        delivery = ident("d", now, self.chance.token(8))
        return DeliverySeed(
            delivery,
            Purpose.MANUAL,
            route.target,
            route.source,
            now,
            expires,
            Priority.INTERACTIVE,
            run_id=run_id,
            state=DeliveryState.SUPPRESSED if silent else DeliveryState.PENDING,
            reason=silent,
            parts=_parts(delivery, rendered),
            manner=manner,
        )

    def alert(
        self,
        route: Route,
        payload: Payload,
        purpose: Purpose,
        reach: Reach,
        *,
        run_id: str | None,
        job_id: str | None,
    ) -> DeliverySeed | None:
        """A word about trouble. It stands beside the run it is about and is no part of the run's result.

        None where this way says nothing: there is another one.
        """
        check(reach, purpose, route.target)
        try:
            rendered = self.render(route, payload)
        except RouteError:
            return None
        if not rendered:
            return None
        now = self.clock.now_ms()
        delivery = ident("d", now, self.chance.token(8))
        return DeliverySeed(
            delivery,
            purpose,
            route.target,
            route.source,
            now,
            now + EXPIRY_SECONDS * 1000,
            Priority.ALERT,
            required=False,
            run_id=run_id,
            job_id=job_id,
            parts=_parts(delivery, rendered),
        )

    def render(
        self, route: Route, payload: Payload, style: "Style | None" = None, *, alike: _Alike | None = None
    ) -> tuple[Draft, ...]:
        """The channel's own rendering, or ours in its dialect. Raises `RouteError` where the channel's is none.

        Ours is the same for all targets of a channel: what stands in `alike` is not rendered again.
        """
        channel: Channel = self.directory.channels[route.target.channel]
        payload = replace(payload, text=self.clean(payload.text))
        try:
            rendered = asked(lambda: drafts_of(channel.render(payload, route.target)))
        except PluginFault as fault:
            Door(channel.name, route.account).complain("render", fault, fault)
            raise at_fault(channel, "cannot render the text", fault) from fault
        if rendered is not None:
            return rendered
        alike = _Alike() if alike is None else alike
        if channel.name not in alike:
            alike[channel.name] = self._drafts(channel, payload, style or Style())
        return alike[channel.name]

    def _drafts(self, channel: Channel, payload: Payload, style: Style) -> tuple[Draft, ...]:
        return drafts(
            payload,
            channel.limits,
            channel.dialect,
            numbered=style.numbered,
            mentions=style.manner.mentions,
            redactor=self.redactor,
        )


def _silence(rendered: tuple[Draft, ...]) -> str:
    """Why there is nothing to send; empty where there is something."""
    return "" if rendered else "empty"


def expiry_seconds(job: Job) -> int:
    """How long a payload stays worth sending: a reminder is stale sooner than a report."""
    return ONE_SHOT_EXPIRY_SECONDS if job.is_one_shot else EXPIRY_SECONDS


def _late_note(run: RunSeed, job: Job) -> str:
    """One line that says for when this was planned, where it begins noticeably later."""
    if run.trigger is not Trigger.CATCHUP or run.scheduled_ms is None:
        return ""
    planned = local(run.scheduled_ms, getattr(job.schedule, "tz", None) or "UTC")
    return f"(late: this was planned for {planned})\n\n"


def _parts(delivery_id: str, rendered: tuple[Draft, ...]) -> tuple[PartSeed, ...]:
    return tuple(
        PartSeed(
            part_ident(delivery_id, n),
            n,
            len(rendered),
            draft.text,
            draft.format,
            kept(draft),
            draft.plain or None,
        )
        for n, draft in enumerate(rendered, start=1)
    )
