"""From a finished payload to deliveries: routes, rendered parts, expiry. Nothing is sent here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from stentor.contract.channel import Channel
from stentor.contract.payloads import Attachment, Draft, Payload
from stentor.contract.targets import Target
from stentor.domain.idents import ident, part_ident
from stentor.domain.instants import local
from stentor.domain.jobs import DeliveryModel, Job
from stentor.domain.records import DeliverySeed, PartSeed, RunSeed
from stentor.domain.rendering import drafts
from stentor.domain.routing import Address, Directory, Route, RouteError, resolve
from stentor.domain.states import DeliveryState, Priority, Purpose, Trigger
from stentor.ports import Chance, Clock

ONE_SHOT_EXPIRY_SECONDS = 2 * 3600
EXPIRY_SECONDS = 24 * 3600
_CACHED_PLANS = 50_000


@dataclass(frozen=True)
class RoutePlan:
    """Where a run's payload is meant to go, decided before the agent is paid."""

    routes: tuple[Route, ...] = ()
    intended: tuple[Mapping[str, object], ...] = ()
    errors: tuple[RouteError, ...] = ()
    required: bool = True

    @property
    def fatal(self) -> str | None:
        return "; ".join(self.lost) if self.errors and self.required else None

    @property
    def lost(self) -> tuple[str, ...]:
        return tuple(error.message for error in self.errors)

    @cached_property
    def as_json(self) -> str:
        """Intended and resolved, target by target, as the run log shows them."""
        resolved = [
            {"ok": True, "target": route.target.canonical, "accountId": route.account, "error": None}
            for route in self.routes
        ]
        failed = [{"ok": False, "target": None, "accountId": None, "error": error} for error in self.lost]
        rows = zip(self.intended, [*resolved, *failed], strict=True)
        return json.dumps(
            [{"intended": intended, "resolved": found} for intended, found in rows], ensure_ascii=False
        )


@dataclass(frozen=True, slots=True)
class Style:
    """What a job may say about the look of its messages."""

    numbered: bool = False
    mentions: bool = False


@dataclass(frozen=True)
class Outgoings:
    """Turns what a job says about delivery into rows of the outbox."""

    directory: Directory
    clock: Clock
    chance: Chance
    # Plugins and accounts stay as they are while a process lives, and so does where they lead.
    _plans: dict[DeliveryModel, RoutePlan] = field(default_factory=dict[DeliveryModel, RoutePlan])

    def plan(self, job: Job) -> RoutePlan:
        """Resolve a job's stored targets again: a plugin or an account may have gone since it was added."""
        plan = self._plans.get(job.delivery)
        if plan is None:
            if len(self._plans) >= _CACHED_PLANS:
                self._plans.clear()
            plan = self._plans[job.delivery] = self._resolved(job.delivery)
        return plan

    def _resolved(self, delivery: DeliveryModel) -> RoutePlan:
        if delivery.mode == "none":
            return RoutePlan()
        routes: dict[tuple[str, str], Route] = {}
        errors: list[RouteError] = []
        found: list[Mapping[str, object]] = []
        lost: list[Mapping[str, object]] = []
        for text in delivery.to or ():
            try:
                route = resolve(address_of(delivery, text), self.directory)
            except RouteError as error:
                errors.append(error)
                lost.append(_intended(delivery, text, None))
            else:
                if (route.account, route.target.canonical) not in routes:
                    routes[route.account, route.target.canonical] = route
                    found.append(_intended(delivery, text, route.target))
        required = not delivery.best_effort
        return RoutePlan(tuple(routes.values()), (*found, *lost), tuple(errors), required=required)

    def deliveries(
        self, plan: RoutePlan, payload: Payload, run: RunSeed, job: Job
    ) -> tuple[DeliverySeed, ...]:
        if job.delivery.late_note:
            payload = replace(payload, text=f"{_late_note(run, job)}{payload.text}")
        style = Style(numbered=job.delivery.number_parts, mentions=job.delivery.mentions)
        return tuple(
            self._announce(route, run, job, self.render(route, payload, style)) for route in plan.routes
        )

    def suppressed(self, plan: RoutePlan, reason: str, run: RunSeed, job: Job) -> tuple[DeliverySeed, ...]:
        """Silence is a row like any other, with its reason."""
        return tuple(self._announce(route, run, job, (), reason) for route in plan.routes)

    def manual(self, route: Route, text: str, *, run_id: str | None = None) -> DeliverySeed:
        """A message somebody sends by hand."""
        now = self.clock.now_ms()
        rendered = self.render(route, Payload(text))
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
            parts=_parts(delivery, rendered),
        )

    def render(self, route: Route, payload: Payload, style: "Style | None" = None) -> tuple[Draft, ...]:
        """The channel's own rendering, or ours in its dialect."""
        channel: Channel = self.directory.channels[route.target.channel]
        rendered = channel.render(payload, route.target)
        if rendered is not None:
            return tuple(rendered)
        style = style or Style()
        return drafts(
            payload, channel.limits, channel.dialect, numbered=style.numbered, mentions=style.mentions
        )

    def _announce(
        self, route: Route, run: RunSeed, job: Job, rendered: tuple[Draft, ...], reason: str = ""
    ) -> DeliverySeed:
        now = self.clock.now_ms()
        seconds = job.delivery.expires_after_seconds or expiry_seconds(job)
        delivery = ident("d", now, self.chance.token(8))
        silent = reason or ("" if rendered else "empty")
        return DeliverySeed(
            delivery,
            Purpose.ANNOUNCE,
            route.target,
            "explicit",
            now,
            now + seconds * 1000,
            Priority[job.delivery.priority.upper()],
            required=not job.delivery.best_effort,
            on_unknown=job.delivery.on_unknown,
            run_id=run.id,
            job_id=job.id,
            state=DeliveryState.SUPPRESSED if silent else DeliveryState.PENDING,
            reason=silent,
            parts=_parts(delivery, rendered),
            on_thread_gone=job.delivery.on_thread_gone,
        )


def expiry_seconds(job: Job) -> int:
    """How long a payload stays worth sending: a reminder is stale sooner than a report."""
    return ONE_SHOT_EXPIRY_SECONDS if job.is_one_shot else EXPIRY_SECONDS


def address_of(delivery: DeliveryModel, text: str, *, thread: str | None = None) -> Address:
    """A job's target as the resolver reads it. Mode webhook is short for a target of that prefix."""
    if delivery.posts:
        return Address(f"{delivery.mode}:{text}", None, delivery.account_id)
    kind = "channel" if delivery.channel is not None else None
    return Address(text, delivery.channel, delivery.account_id, thread, kind)


def _late_note(run: RunSeed, job: Job) -> str:
    """One line that says for when this was planned, where it begins noticeably later."""
    if run.trigger is not Trigger.CATCHUP or run.scheduled_ms is None:
        return ""
    planned = local(run.scheduled_ms, getattr(job.schedule, "tz", None) or "UTC")
    return f"(late: this was planned for {planned})\n\n"


def attachment_json(attachment: Attachment) -> str:
    return json.dumps(
        {
            "name": attachment.name,
            "path": str(attachment.path),
            "mediaType": attachment.media_type,
            "size": attachment.size,
        },
        ensure_ascii=False,
    )


def _parts(delivery_id: str, rendered: tuple[Draft, ...]) -> tuple[PartSeed, ...]:
    return tuple(
        PartSeed(
            part_ident(delivery_id, n),
            n,
            len(rendered),
            draft.text,
            draft.format,
            None if draft.attachment is None else attachment_json(draft.attachment),
            draft.plain or None,
        )
        for n, draft in enumerate(rendered, start=1)
    )


def _intended(delivery: DeliveryModel, text: str, target: Target | None) -> dict[str, object]:
    return {
        "channel": delivery.channel or (target.channel if target is not None else None),
        "to": text,
        "accountId": delivery.account_id,
        "threadId": delivery.thread_id,
        "source": "explicit",
    }
