"""What operators decide about deliveries: whether an unknown part arrived, what is sent again, what may go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from stentor.contract.payloads import Manner
from stentor.contract.targets import Target
from stentor.domain.manners import USUAL
from stentor.domain.states import GOOD_PART, DeliveryState, PartState

Word = Literal["delivered", "not-delivered"]
WORDS: tuple[Word, ...] = get_args(Word)

DEAD = frozenset({DeliveryState.FAILED, DeliveryState.PARTIAL})
# Nothing more happens to these by itself.
TERMINAL = frozenset(DeliveryState) - {DeliveryState.PENDING, DeliveryState.BLOCKED, DeliveryState.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Hand:
    """Who did something by hand, and when."""

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Ruling:
    """Somebody has looked: the unknown parts of a delivery are there, or they are not."""

    delivery_id: str
    word: Word
    hand: Hand
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part as it was rendered, and what was ruled of it while it was unknown."""

    n: int
    state: PartState
    ruled: str | None
    text: str
    format: str
    plain: str | None = None
    attachment: str | None = None

    @property
    def has_arrived(self) -> bool:
        return self.state in GOOD_PART or (self.state is PartState.UNKNOWN and self.ruled == "delivered")


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as the outbox holds it."""

    id: str
    state: DeliveryState
    target: Target
    source: str
    job_id: str | None
    parts: tuple[StoredPart, ...]
    manner: Manner = USUAL
    # The conversation that its first part has begun.
    opened: Target | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether there is anything to rule upon, be it for the first time or once more."""
        return any(part.state is PartState.UNKNOWN for part in self.parts)

    @property
    def is_open(self) -> bool:
        """Whether something of it is still to come, be it only the knowledge of what became of it."""
        return self.state not in TERMINAL

    def parts_to_resend(self, from_part: int | None) -> tuple[StoredPart, ...]:
        """Those from a part on. Unless told otherwise, what is known to be there is not sent once more."""
        if from_part is not None:
            return tuple(part for part in self.parts if part.n >= from_part)
        return tuple(part for part in self.parts if not part.has_arrived) or self.parts

    def place_of(self, parts: Sequence[StoredPart]) -> Target:
        """Where these parts belong: what follows the first one goes where that has led."""
        return self.target if self.opened is None or parts[0].n == 1 else self.opened


@dataclass(frozen=True, slots=True)
class Resend:
    """The parts of a delivery, by their numbers, that another one takes over, and who wants it."""

    delivery_id: str
    parts: tuple[int, ...]
    hand: Hand


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The parts, by their numbers, that will not be sent, and those of which it is open whether they had been.

    What is `under_way` is being sent for the last time.
    """

    parts: tuple[int, ...] = ()
    in_doubt: tuple[int, ...] = ()
    under_way: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """What was learned of a target: it is suspended, or has moved to another address."""

    channel: str
    account: str
    target: str


def choices(delivery_id: str, state: str) -> list[str]:
    """The commands by which somebody can do something about a delivery that is not as it should be."""
    command = "stentor deliveries"
    match state:
        case DeliveryState.UNKNOWN:
            settle = f"{command} settle {delivery_id} --as"
            return [*(f"{settle} {word}" for word in WORDS), f"{command} resend {delivery_id}"]
        case DeliveryState.FAILED | DeliveryState.PARTIAL:
            return [f"{command} resend {delivery_id}", f"{command} drop {delivery_id}"]
        case DeliveryState.PENDING | DeliveryState.BLOCKED:
            return [f"{command} cancel {delivery_id}"]
        case _:
            return []
