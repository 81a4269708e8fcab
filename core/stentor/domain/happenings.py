"""What happens in the main session without anybody saying it: events that wake the agent, or wait for its heartbeat."""

from typing import Literal

from stentor.domain.values import value

WakeMode = Literal["now", "next-heartbeat"]
# Its runs have no job that anybody could edit, and still stand in the run log under an id: one that no job can have.
HEARTBEAT = "main/heartbeat"
NOBODY = "nobody acts in the main session: [agents.main] is not in stentor.toml"
NOBODY_MEND = "add [agents.main] with a runner or a model, then restart the daemon"
# How a turn is said to have ended for which another one had left nothing to tell.
ANSWERED = "answered"
_NO_HEARTBEAT = "there is no heartbeat to wait for ([heartbeat] every is not set), so the agent is woken now"


@value
class Happening:
    """An event that no turn has answered yet, and where it stands in its session."""

    session_id: str
    seq: int
    text: str
    at_ms: int
    wake: WakeMode

    @property
    def place(self) -> tuple[str, int]:
        """By which it is known."""
        return self.session_id, self.seq


@value
class Attention:
    """What a run has to do with the events of the main session.

    It leaves one there that is to wake the agent, or it has answered some and there are `more` than one turn is told
    of. What was said in a run that had nothing to tell is not kept.
    """

    wake: WakeMode | None = None
    answered: tuple[Happening, ...] = ()
    more: bool = False
    forgotten: bool = False


UNCONCERNED = Attention()


@value
class Attendance:
    """Whether somebody acts on events, and whether somebody looks after them by and by."""

    is_attended: bool = False
    beats: bool = False

    def wake(self, wanted: WakeMode) -> tuple[WakeMode | None, tuple[str, ...]]:
        """When an event is answered, with what its author should know of that."""
        if not self.is_attended:
            return None, (f"{NOBODY}; {NOBODY_MEND}",)
        if wanted == "next-heartbeat" and not self.beats:
            return "now", (_NO_HEARTBEAT,)
        return wanted, ()


UNATTENDED = Attendance()


@value
class Beats:
    """The instant of the last heartbeat that came by itself, and when the last of all turns was asked for.

    Of the turn that ended well and began last: which one that is, when it began, and whether none has failed since.
    """

    last_ms: int | None = None
    queued_ms: int = 0
    good_run: str | None = None
    good_from_ms: int = 0
    is_good: bool = False
