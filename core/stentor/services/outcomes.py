"""How a turn ends: with something to say, or with a failure that has a phase."""

from dataclasses import astuple
from typing import TypeVar

from stentor.contract.runners import AttachmentRef, Message, Usage
from stentor.domain.happenings import UNCONCERNED, Attention
from stentor.domain.states import RunStatus
from stentor.domain.values import value

N = TypeVar("N", int, float)
# More tokens than anybody pays for, and few enough to add up for ever.
_MOST_COUNTED = 10**12

_UNCONFIRMED = (
    "needs_review: the runner did not end when it was told to and may still be working; "
    "what it still says or calls is refused"
)


@value
class TurnOutcome:
    """What a turn finished with. `messages` is what its session is to remember and does not know yet."""

    text: str
    messages: tuple[Message, ...] = ()
    attachments: tuple[AttachmentRef, ...] = ()
    usage: Usage = Usage()
    model: str | None = None
    warnings: tuple[str, ...] = ()
    # It is not the model that was to be asked.
    other_model: bool = False
    attention: Attention = UNCONCERNED


class TurnFailed(Exception):
    """A run ended without an answer, in a phase and for a kind of reason; `usage` is what it cost all the same.

    `unconfirmed` says that the work may still be going on: it must not be done once more by itself.
    """

    def __init__(
        self,
        phase: str,
        kind: str,
        message: str,
        *,
        messages: tuple[Message, ...] = (),
        usage: Usage = Usage(),
        model: str | None = None,
        unconfirmed: bool = False,
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.kind = kind
        self.messages = messages
        self.usage = usage
        self.model = model
        self.unconfirmed = unconfirmed
        # When the first of those who could have answered may be asked again, where all of them say so.
        self.quiet_seconds: float | None = None
        # What the agent was not let do on the way.
        self.remarks: tuple[str, ...] = ()

    @property
    def status(self) -> RunStatus:
        """How its run ends. Whichever of the clocks ran out is a timeout."""
        return RunStatus.TIMEOUT if self.kind in ("timeout", "setup_timeout", "stalled") else RunStatus.ERROR

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*self.remarks, *((_UNCONFIRMED,) if self.unconfirmed else ()))


class TurnSkipped(TurnFailed):
    """Nothing was begun: what it needs is not there."""

    @property
    def status(self) -> RunStatus:
        return RunStatus.SKIPPED


def both(one: Usage, other: Usage) -> Usage:
    """What two turns used, the later one last. What neither was told stays unknown."""
    return Usage(
        _added(one.input, other.input),
        _added(one.output, other.output),
        _added(one.cached, other.cached),
        _added(one.cost_usd, other.cost_usd),
        one.context if other.context is None else other.context,
    )


def _added(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other


def countable(usage: Usage) -> Usage:
    """What can be counted of it: a number that no turn can come to is not known."""
    return Usage(
        *(value if value is not None and 0 <= value <= _MOST_COUNTED else None for value in astuple(usage))
    )
