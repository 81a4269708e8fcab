"""What a job aims at: its targets as they are written, and what each of them leads to as things are now."""

from dataclasses import dataclass, replace

from stentor.contract.targets import Target
from stentor.domain.jobs import DeliveryModel
from stentor.domain.routing import (
    CURRENT,
    LAST,
    Address,
    Directory,
    Route,
    RouteError,
    infer,
    resolve,
    usable_targets,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a target may stand for without naming it: the chat a job is made in, its session's last conversation."""

    current: Route | None = None
    last: Target | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    """One target as it was written, with its route or with the reason why there is none."""

    text: str
    route: Route | None = None
    error: RouteError | None = None


def aims_written(delivery: DeliveryModel, directory: Directory, around: Surroundings) -> tuple[Aim, ...]:
    """Of a job as somebody writes it. Without a target it gets the one that can be inferred."""
    fresh = delivery.model_copy(update={"target_source": None})
    return _aims(fresh, directory, around, thread=delivery.thread_id)


def aims_stored(delivery: DeliveryModel, directory: Directory, last: Target | None = None) -> tuple[Aim, ...]:
    """Of a stored job. Its targets are typed and hold their threads; only `last` is looked up again."""
    return _aims(delivery, directory, Surroundings(last=last), thread=None)


def address_of(delivery: DeliveryModel, text: str, *, thread: str | None = None) -> Address:
    """A job's target as the resolver reads it. Mode webhook is short for a target of that prefix."""
    if delivery.posts:
        return Address(f"{delivery.mode}:{text}", None, delivery.account_id)
    # Beside a target that names its channel itself, `last` adds nothing.
    channel = None if delivery.channel == LAST else delivery.channel
    kind = "channel" if channel is not None else None
    return Address(text, channel, delivery.account_id, thread, kind)


def _aims(
    delivery: DeliveryModel, directory: Directory, around: Surroundings, *, thread: str | None
) -> tuple[Aim, ...]:
    """Each place once, whatever its spellings."""
    if delivery.to is None:
        return () if delivery.mode == "none" else (_unnamed(delivery, directory, around),)
    found: dict[object, Aim] = {}
    for text in delivery.to:
        aim = _named(delivery, text, thread, directory, around.current)
        place = aim.text if aim.route is None else (aim.route.account, aim.route.target.canonical)
        found.setdefault(place, aim)
    return tuple(found.values())


def _named(
    delivery: DeliveryModel, text: str, thread: str | None, directory: Directory, current: Route | None
) -> Aim:
    try:
        if text.strip().lower() == CURRENT and current is not None:
            return Aim(text, _on_its_account(current, delivery))
        route = resolve(address_of(delivery, text, thread=thread), directory)
    except RouteError as error:
        return Aim(text, error=error)
    return Aim(text, replace(route, source=delivery.target_source or route.source))


def _unnamed(delivery: DeliveryModel, directory: Directory, around: Surroundings) -> Aim:
    try:
        if delivery.channel == LAST:
            return Aim(LAST, _last(delivery, directory, around.last))
        if around.current is not None and delivery.channel in (None, around.current.target.channel):
            return Aim(CURRENT, _on_its_account(around.current, delivery))
        text = infer(delivery.channel, directory)
        route = resolve(address_of(delivery, text, thread=delivery.thread_id), directory)
    except RouteError as error:
        return Aim(delivery.channel or "", error=error)
    return Aim(text, replace(route, source="default"))


def _last(delivery: DeliveryModel, directory: Directory, last: Target | None) -> Route:
    _refuse_details(delivery, LAST)
    if last is None:
        hint = usable_targets(directory)
        raise RouteError("no_last", "there is no last conversation to deliver to", hint=hint)
    route = resolve(Address(last.canonical, None, last.account), directory)
    return replace(route, source=LAST)


def _on_its_account(route: Route, delivery: DeliveryModel) -> Route:
    _refuse_details(delivery, CURRENT)
    return replace(route, source=CURRENT)


def _refuse_details(delivery: DeliveryModel, word: str) -> None:
    """A conversation has its account and its thread: others would be another conversation."""
    if delivery.account_id is not None or delivery.thread_id is not None:
        raise RouteError(
            "bad_target",
            f"{word} brings its own account and thread",
            hint="leave accountId and threadId out, or name the target",
        )
