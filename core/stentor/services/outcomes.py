"""How a turn ends: with something to say, or with a failure that has a phase."""

from dataclasses import dataclass

from stentor.contract.runners import AttachmentRef, Usage

Messages = tuple[tuple[str, str], ...]

_UNCONFIRMED = (
    "needs_review: the runner did not end when it was told to and may still be working; "
    "what it still says or calls is refused"
)


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """What a turn finished with. `messages` is what its session remembers of it."""

    text: str
    messages: Messages = ()
    attachments: tuple[AttachmentRef, ...] = ()
    usage: Usage = Usage()
    model: str | None = None
    warnings: tuple[str, ...] = ()


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
        messages: Messages = (),
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
        # What the agent was not let do on the way.
        self.remarks: tuple[str, ...] = ()

    @property
    def timed_out(self) -> bool:
        """Whichever of the clocks ran out."""
        return self.kind in ("timeout", "setup_timeout", "stalled")

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*self.remarks, *((_UNCONFIRMED,) if self.unconfirmed else ()))
