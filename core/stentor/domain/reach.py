"""What may be sent in the name of a job, and where to: the one rule for announces, tools, alerts and webhooks alike.

It is asked about canonical targets on their accounts, so no spelling gets past it.
"""

from collections.abc import Iterator

from stentor.contract.targets import Target
from stentor.domain.jobs import DeliveryModel
from stentor.domain.routing import Address, Directory, RouteError, channel_of, resolve
from stentor.domain.states import Purpose
from stentor.domain.values import value

# Behind the name of a channel: all of its targets.
ANY = "*"


@value
class Reach:
    """A job's own targets, those its author allows besides, and those where people hear of its trouble."""

    own: tuple[Target, ...] = ()
    allowed: tuple[Target, ...] = ()
    channels: tuple[str, ...] = ()
    alerts: tuple[Target, ...] = ()

    def covers(self, purpose: Purpose, target: Target) -> bool:
        """What somebody sends by hand, or answers, is sent in nobody's name but theirs."""
        match purpose:
            case Purpose.MANUAL | Purpose.REPLY:
                return True
            case Purpose.ANNOUNCE:
                return target in self.own
            case Purpose.FAILURE | Purpose.RECOVERY:
                return target in self.own or target in self.alerts
            case Purpose.TOOL:
                return target in self.own or target in self.allowed or target.channel in self.channels

    @property
    def named(self) -> str:
        """Where an agent may send, in words."""
        targets = [target.canonical for target in (*self.own, *self.allowed)]
        return ", ".join(dict.fromkeys([*targets, *(f"{name}:{ANY}" for name in self.channels)])) or "nothing"


NOWHERE = Reach()


class OutOfReach(RouteError):
    """A target exists, but it is none of the job's."""


def check(reach: Reach, purpose: Purpose, target: Target) -> None:
    """Every delivery in the name of a job passes here before it is written down."""
    if not reach.covers(purpose, target):
        where = target.canonical if target.account is None else f"{target.canonical} on {target.account}"
        raise OutOfReach(
            "not_allowed",
            f"this job may not send to {where}; it may send to {reach.named}",
            hint="delivery.allow names what else it may send to",
        )


@value
class Allowed:
    """One entry of an allow list: a target, or every target of a channel, or why it is neither."""

    text: str
    target: Target | None = None
    channel: str = ""
    error: RouteError | None = None

    @property
    def canonical(self) -> str:
        return self.target.canonical if self.target is not None else f"{self.channel}:{ANY}"


def allow_list(delivery: DeliveryModel, directory: Directory) -> tuple[Allowed, ...]:
    return tuple(dict.fromkeys(_allowed(delivery, directory)))


def _allowed(delivery: DeliveryModel, directory: Directory) -> Iterator[Allowed]:
    for text in delivery.allow:
        try:
            channel, _ = channel_of(Address(text), directory)
            if text.partition(":")[2].strip() == ANY:
                yield Allowed(f"{channel.name}:{ANY}", channel=channel.name)
                continue
            known = delivery.account_id in directory.accounts(channel.name)
            account = delivery.account_id if known else None
            target = resolve(Address(text, None, account), directory).target
            yield Allowed(target.canonical, target)
        except RouteError as error:
            yield Allowed(text, error=error)
