"""What people can do to sessions: the one implementation behind the API and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.app.assembly import App
from stentor.app.ground import database
from stentor.app.limits import session_limits_of
from stentor.app.missing import NotFound
from stentor.app.operations import Operations
from stentor.app.parameters import Parameters, not_valid
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.retention import Limits
from stentor.domain.rulings import Hand
from stentor.domain.session_limits import OF_ONE_RUN, SessionTallies
from stentor.domain.spelling import did_you_mean
from stentor.domain.wishes import THINKING, Wishes, model_name
from stentor.services.retention import Retention

_CLEARABLE = {"model": "model", "thinking": "thinking", "fastMode": "fast_mode"}
_WISHES = ("model", "thinking", "fastMode", "pinned", "clear")
# Names that are compared with one that nobody knows.
_COMPARED = 2_000


@dataclass(frozen=True)
class SessionOperations:
    """Takes and gives JSON; raises `Refused` and `NotFound`. `by` is who asks: the events name them."""

    app: App
    by: str

    @classmethod
    def of(cls, operations: Operations) -> "SessionOperations":
        return cls(operations.app, operations.by)

    async def reset(self, name: str) -> JsonObject:
        """Let the next run of a session's key begin another; the answer is the session, as it is kept."""
        found = self._session(name)
        if found["kind"] in OF_ONE_RUN:
            hint = "it is removed when its time is over; `stentor sessions prune --dry-run` says what goes"
            message = f"session {found['key']!r} belongs to one run: the next one has another anyway"
            raise Refused("not_shared", message, hint=hint)
        was_reset = await self.app.ground.store.reset_session(found["sessionId"], self._hand())
        return {**self._session(found["sessionId"]), "reset": was_reset}

    async def prefer(self, name: str, raw: Mapping[str, Any]) -> JsonObject:
        """Say what is wanted of a session's conversation; the answer is the session with its preferences."""
        wishes = _wishes(raw)
        found = self._session(name)
        agent = self.app.ground.agents.get(found["agentId"])
        if wishes.model is not None and agent is not None:
            agent.check_model(wishes.model)
        await self.app.ground.store.prefer(found["baseKey"], wishes, self._hand())
        return self._session(found["sessionId"])

    async def prune(self, raw: Mapping[str, Any]) -> JsonObject:
        """Remove what is beyond the limits, whether or not a daemon enforces them; a dry run only counts it."""
        dry_run = Parameters(raw, "dryRun").flag("dryRun")
        limits = session_limits_of(self.app.ground.config)
        clock = self.app.ground.seams.clock
        if dry_run:
            with Reader.open(database(self.app.ground.home)) as reader:
                return pruned(reader.sessions_beyond(limits, clock.now_ms()).sessions, dry_run=True)
        removed = await Retention(self.app.ground.store, clock, Limits(sessions=limits)).sweep()
        return pruned(removed.sessions, dry_run=False)

    def _session(self, name: str) -> JsonObject:
        with Reader.open(database(self.app.ground.home)) as reader:
            return known_session(reader, name)

    def _hand(self) -> Hand:
        return Hand(self.by, self.app.ground.seams.clock.now_ms())


def known_session(reader: Reader, name: str) -> JsonObject:
    """A session by its id, its key, or the key of its conversation."""
    found = reader.session(name)
    if found is None:
        names = reader.session_names(_COMPARED)
        ending = next((known for known in names if known.endswith(f":{name}")), None)
        close = did_you_mean(name, names) if ending is None else f", did you mean {ending!r}?"
        raise NotFound(f"there is no session {name!r}{close}", "`stentor sessions list` shows them")
    return found


def pruned(removed: SessionTallies, *, dry_run: bool) -> JsonObject:
    """How many sessions have gone, or would, and why."""
    return {"dryRun": dry_run, **removed.as_json()}


def _wishes(raw: Mapping[str, Any]) -> Wishes:
    asked = Parameters(raw, *_WISHES)
    model, clear = asked.text("model"), asked.texts("clear")
    try:
        model = None if model is None else model_name(model)
    except ValueError as error:
        raise not_valid("model", str(error)) from error
    for name in clear:
        if name not in _CLEARABLE:
            raise not_valid("clear", f"knows no {name!r}; it takes {', '.join(_CLEARABLE)}")
        if name in asked:
            raise not_valid("clear", f"{name} is given as well")
    wishes = Wishes(
        model,
        asked.word("thinking", THINKING),
        asked.flag("fastMode") if "fastMode" in asked else None,
        asked.flag("pinned") if "pinned" in asked else None,
        frozenset(_CLEARABLE[name] for name in clear),
    )
    if wishes == Wishes():
        raise Refused("bad_request", "say what is wanted", hint=f"known are {', '.join(_WISHES)}")
    return wishes
