"""The ways an alert can go, in their order; and the same ways checked when a job is added."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from stentor.config import Config
from stentor.domain.destinations import Destination
from stentor.domain.jobs import FailureDestination, Job
from stentor.domain.refusals import Refused
from stentor.domain.route_plans import RoutePlan
from stentor.domain.routing import Directory, Route, RouteError, resolve


@dataclass(frozen=True, slots=True)
class AlertRoutes:
    """`plan` tells where a job announces, `destination` is the configuration's for all jobs."""

    directory: Directory
    plan: Callable[[Job], RoutePlan]
    destination: Destination | None = None

    def of(self, job: Job | None, *, audience: bool) -> list[Route]:
        """The job's own destination, the configuration's, where the job announces if its `audience` may know, and last
        of all a box that needs no network. What cannot be resolved now is left out.
        """
        found = self._ways(job, audience=audience)
        return list({(route.account, route.target.canonical): route for route in found}.values())

    def names_a_place(self, job: Job | None) -> bool:
        """Whether somebody said where failures are told."""
        own = job is not None and (
            _destination(job.delivery.failure_destination) or _destination(job.failure_alert)
        )
        return bool(own) or self.destination is not None

    def checked(self, job: Job) -> Job:
        """The job with its destinations resolved and stored typed, or refused."""
        own, alert = job.delivery.failure_destination, job.failure_alert
        if own is not None:
            stored = self._checked(own, self._own(job), "delivery.failureDestination", job)
            delivery = job.delivery.model_copy(update={"failure_destination": stored})
            job = job.model_copy(update={"delivery": delivery})
        if alert is not None and _destination(alert) is not None:
            stored = self._checked(alert, self._of_alert(job), "failureAlert", job)
            job = job.model_copy(update={"failure_alert": stored})
        return job

    def _checked(
        self, given: FailureDestination, whole: Destination | None, name: str, job: Job
    ) -> FailureDestination:
        address = whole.address if whole is not None else None
        if address is None:
            if given.mode is not None and self._announced(job):
                return given  # it says: not the configuration's, but where the job announces
            hint = f"say {name}.to, or set [cron] failure_destination in stentor.toml"
            raise Refused("no_target", f"{name} names no target, and there is none to take over", hint=hint)
        try:
            target = resolve(address, self.directory).target
        except RouteError as error:
            raise Refused(error.code, f"{name}: {error.message}", hint=error.hint) from error
        if given.to is None:
            return given
        posts = whole is not None and whole.posts
        # The thread is part of the canonical target.
        update = {"to": target.address if posts else target.canonical, "thread_id": None}
        return given.model_copy(update=update)

    def _ways(self, job: Job | None, *, audience: bool) -> Iterator[Route]:
        announced = self._announced(job) if job is not None and audience else ()
        own = self._own(job) if job is not None else None
        if job is not None:
            yield from self._resolved(self._of_alert(job))
            yield from self._resolved(own)
        # Who changes the mode and names no target wants the audience told before everybody's destination.
        turned_away = own is not None and own.to is None
        if turned_away:
            yield from announced
        yield from self._resolved(self.destination)
        yield from announced
        for channel in self.directory.channels.values():
            if not channel.needs_account:
                yield from self._resolved(Destination(to=f"{channel.name}:"))

    def _resolved(self, destination: Destination | None) -> Iterator[Route]:
        address = destination.address if destination is not None else None
        if address is not None:
            with suppress(RouteError):
                yield resolve(address, self.directory)

    def _own(self, job: Job) -> Destination | None:
        own = _destination(job.delivery.failure_destination)
        return self.destination if own is None else own.over(self.destination, self._names_channel)

    def _of_alert(self, job: Job) -> Destination | None:
        """The alert's own address. Of a target that nobody names it is the one the job announces to."""
        own, alert = self._own(job), _destination(job.failure_alert)
        if alert is None:
            return own
        merged = alert.over(own, self._names_channel)
        announced = next(iter(self._announced(job)), None)
        if merged.to is not None or merged.posts or announced is None:
            return merged
        account = merged.account or announced.account
        return replace(merged, to=announced.target.canonical, account=account)

    def _announced(self, job: Job) -> Sequence[Route]:
        return self.plan(job).routes if job.delivery.mode == "announce" else ()

    def _names_channel(self, text: str) -> bool:
        return self.directory.channel_of_prefix(text.partition(":")[0].strip()) is not None


def configured(config: Config) -> Destination | None:
    """Where everybody's trouble is told."""
    said = config.cron.failure_destination
    if said is None:
        return None
    return Destination(said.mode, said.channel, said.to, said.account_id, said.thread_id)


def _destination(given: FailureDestination | None) -> Destination | None:
    """None for one that says nothing about a place."""
    if given is None:
        return None
    found = Destination(given.mode, given.channel, given.to, given.account_id, given.thread_id)
    return None if found == Destination() else found
