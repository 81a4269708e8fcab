"""Tells people of trouble: alerts are deliveries like all others, decided on from what the store has written down.

Nothing is told in passing. What goes wrong is an event of the transaction in which it goes wrong; this service reads
the events, keeps an incident for each root, and writes alerts into the outbox. It can die anywhere and be asked again.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from stentor.contract.channel import Channel
from stentor.contract.payloads import Payload
from stentor.domain.alert_texts import Telling, event_of, text_of
from stentor.domain.alerts import (
    DEFAULT_AFTER,
    HOUR_MS,
    Happening,
    Incident,
    Mark,
    News,
    Step,
    Wish,
    concerns_audience,
    decide,
    filed,
    place_root,
)
from stentor.domain.faults import StoreError
from stentor.domain.jobs import AgentTurn, FailureAlert, Job
from stentor.domain.reach import Reach
from stentor.domain.records import DeliverySeed, IncidentStep
from stentor.domain.routing import Route
from stentor.domain.states import Purpose
from stentor.ports import Clock, Store
from stentor.services.alert_routes import AlertRoutes
from stentor.services.outgoing import Outgoings

log = logging.getLogger(__name__)
_EVERY_SECONDS = 5.0
_AT_REST_SECONDS = 60.0
# What gathers for a moment is told at the end of it.
_YOUNG_MS = 30_000
_EVENTS_AT_ONCE = 1_000
_INCIDENTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class AlertDefaults:
    """What the configuration says for jobs that do not say it."""

    enabled: bool = True
    after: int | None = None
    cooldown_ms: int = HOUR_MS
    include_skipped: bool = False
    timezone: str = "UTC"


@dataclass
class Alerts:
    """`clean` keeps secrets out of what is told, `on_outbox` hears that there is something to send.

    `unstored` is what runs do that have no job anybody could have stored.
    """

    store: Store
    clock: Clock
    outgoings: Outgoings
    routes: AlertRoutes
    defaults: AlertDefaults
    unstored: Callable[[str], Job | None]
    clean: Callable[[str], str]
    on_outbox: Callable[[], None]
    # Where the round through the open incidents stands.
    _position: int = 0
    # Whether they are to be looked at without waiting until it is time to remind of them.
    _restless: bool = True
    _attend_at: float = 0.0
    _jobs: dict[str, Job | None] = field(default_factory=dict[str, Job | None])

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.clock.sleep(_EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Take in what happened, and do what is to be done about the open incidents."""
        self._jobs.clear()
        try:
            told = await self._take_in()
            if self._restless or self.clock.monotonic() >= self._attend_at:
                told = await self._attend() or told
        except StoreError as error:
            log.warning("alerts wait for the store: %s", error, extra={"event": "alerts_stopped"})
            return
        if told:
            self.on_outbox()

    async def _take_in(self) -> bool:
        """Up to what is newest now. What ends an incident is told before the cursor moves past it."""
        told = False
        news = await self._news()
        # While messages go out there is always something newer: who waits for us would wait for all of them.
        newest = news.newest
        while news.after < newest:
            self._restless = True
            ended = {happening.ends for happening in news.happenings if happening.ends is not None}
            for incident in sorted(ended):
                told = await self._end(incident) or told
            marks = [await self._filed(found) for found in news.happenings if found.ends is None]
            counted = [mark for mark in marks if mark is not None]
            await self.store.file_news(counted, news, self.clock.now_ms())
            news = await self._news()
        return told

    async def _news(self) -> News:
        return await self.store.incident_news(self.clock.now_ms(), _EVENTS_AT_ONCE)

    async def _attend(self) -> bool:
        now, told = self.clock.now_ms(), False
        incidents = await self.store.incidents(self._position, _INCIDENTS_AT_ONCE, now)
        for incident in incidents:
            job = await self._job(incident.job_id)
            step = decide(incident, self.wish(job), now)
            if step is not Step.WAIT:
                told = await self._take(incident, step) or told
        # A part of a very long list at a time: the next round goes on with the rest of it.
        more = len(incidents) == _INCIDENTS_AT_ONCE
        self._position = incidents[-1].id if more else 0
        self._restless = more or any(now - incident.opened_ms < _YOUNG_MS for incident in incidents)
        self._attend_at = self.clock.monotonic() + _AT_REST_SECONDS
        return told

    async def _end(self, number: int) -> bool:
        """Something arrived where nothing did."""
        found = await self.store.incidents(number - 1, 1, self.clock.now_ms())
        return any(
            [
                await self._take(incident, Step.RECOVER if incident.told else Step.CLOSE)
                for incident in found
                if incident.id == number and not incident.closed
            ]
        )

    async def _filed(self, happening: Happening) -> Mark | None:
        job = await self._job(happening.job_id)
        routes = self.routes.of(job, audience=concerns_audience(happening.cause))
        place = place_root(routes[0].account, routes[0].target.canonical) if routes else ""
        asked = job.agent_id if job is not None and isinstance(job.payload, AgentTurn) else ""
        return filed(happening, self.wish(job), place, asked)

    async def _take(self, incident: Incident, step: Step) -> bool:
        now = self.clock.now_ms()
        choices: tuple[DeliverySeed, ...] = ()
        if step is not Step.CLOSE:
            choices = await self._alerts(incident, step)
        closes = step in (Step.CLOSE, Step.RECOVER)
        done = IncidentStep(incident.id, incident.told_ms, now, choices, closes, step is Step.REROUTE)
        told = await self.store.take_step(done)
        if not told and not closes:
            why = "nobody can be told of incident %d (%s): `stentor status` shows it"
            log.warning(why, incident.id, incident.cause, extra={"event": "alert_not_sent"})
        return told

    async def _alerts(self, incident: Incident, step: Step) -> tuple[DeliverySeed, ...]:
        """The same alert for each way it can go, and on which its channel has words for it."""
        job = await self._job(incident.job_id)
        about = await self.store.incident_facts(incident.id)
        tz = getattr(job.schedule, "tz", None) if job is not None else None
        reminder = step is Step.REMIND or (step is Step.REROUTE and incident.told > 1)
        recovery = incident.closed or step is Step.RECOVER
        telling = Telling(incident, about, self.clean, tz or self.defaults.timezone, reminder, recovery)
        routes = self.routes.of(job, audience=concerns_audience(incident.cause))
        reach = Reach(alerts=tuple(route.target for route in routes))
        purpose = Purpose.RECOVERY if telling.recovery else Purpose.FAILURE
        run = about.run.id if about.run is not None else None
        choices = (
            self.outgoings.alert(
                route, self._payload(route, telling), purpose, reach, run_id=run, job_id=incident.job_id
            )
            for route in routes
        )
        return tuple(choice for choice in choices if choice is not None)

    def _payload(self, route: Route, telling: Telling) -> Payload:
        """A channel that makes nothing of Markdown shows the text as it was written."""
        channel = self.routes.directory.channels[route.target.channel]
        reads_markdown = channel.dialect is not None or type(channel).render is not Channel.render
        return Payload(text_of(replace(telling, markdown=reads_markdown)), event=event_of(telling))

    def wish(self, job: Job | None) -> Wish:
        """What a job wants told, in front of what the configuration says.

        Best effort wants nothing told that it does not ask for; that its payload did not arrive, never.
        """
        defaults = self.defaults
        own = job.failure_alert if job is not None else None
        easy = job is not None and job.delivery.best_effort
        if own is None:
            enabled = defaults.enabled and not easy
            own = FailureAlert()
        else:
            enabled = own.enabled
        after = own.after or defaults.after
        if after is None:
            after = 1 if self.routes.names_a_place(job) else DEFAULT_AFTER
        return Wish(
            enabled,
            enabled and not easy,
            after,
            defaults.cooldown_ms if own.cooldown_ms is None else own.cooldown_ms,
            defaults.include_skipped if own.include_skipped is None else own.include_skipped,
        )

    async def _job(self, job_id: str | None) -> Job | None:
        """A job as it is stored, looked up once a round; None where there is none or it cannot be read."""
        if job_id is None:
            return None
        if job_id not in self._jobs:
            self._jobs[job_id] = self.unstored(job_id) or await self._stored(job_id)
        return self._jobs[job_id]

    async def _stored(self, job_id: str) -> Job | None:
        row = await self.store.job(job_id)
        try:
            return None if row is None else Job.model_validate_json(row.doc)
        except ValidationError:
            return None
