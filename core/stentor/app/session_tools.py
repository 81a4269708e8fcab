"""The tools with which an agent looks at sessions, says what it wants of one, and speaks to another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.session_log import Asked
from stentor.app.caller import Caller
from stentor.contract.tools import Tool, ToolCall, ToolRefused
from stentor.domain.behalf import OnBehalf
from stentor.domain.jobs import Job
from stentor.domain.jobs.fields import Text
from stentor.domain.json_types import JsonObject
from stentor.domain.records import Preferences, RunSeed, SessionSeed
from stentor.domain.refusals import Refused
from stentor.domain.rulings import Hand
from stentor.domain.session_resets import Resets
from stentor.domain.wishes import Wishes, model_name
from stentor.ports import Clock, Store
from stentor.services.agent_turns import Agent
from stentor.services.errand import Errand
from stentor.services.errand_jobs import errand_job, rights_of, tools_of
from stentor.services.errands import Errands
from stentor.services.outgoing import Outgoings
from stentor.services.subagents import DEEPEST, MOST_AT_A_TIME
from stentor.services.tool_arguments import Arguments, Several, read, refusal, schema_of

LIST, HISTORY, SEND, STATUS = "sessions_list", "sessions_history", "sessions_send", "session_status"
# Of one message, and of all that is shown at once.
_BLOCK_CHARACTERS = 4_000
_PAGE_BYTES = 80 * 1024
# So many sessions are looked through for a label.
_LABELS = 500
_SHOWN = ("key", "sessionId", "kind", "agentId", "label", "messages", "contextTokens", "billedTokens")

_Limit = Annotated[int, Field(ge=1, le=200, description="How many at most.")]


class _List(Arguments):
    kind: Annotated[
        Literal["main", "named", "run", "subagent"] | None, Field(description="Only those of this kind.")
    ] = None
    limit: _Limit = 50


class _History(Arguments):
    session_key: Annotated[Text, Field(description="The key of the session, or its id.")]
    limit: _Limit = 50


class _Send(Arguments):
    message: Annotated[Text, Field(description="What you say.")]
    session_key: Annotated[Text | None, Field(description="The key of the session, or its id.")] = None
    label: Annotated[Text | None, Field(description="The label of the session, in place of its key.")] = None
    timeout_seconds: Annotated[
        float,
        Field(ge=0, le=3600, description="How long you wait for the answer; 0 is not at all."),
    ] = 30


class _Status(Arguments):
    session_key: Annotated[Text | None, Field(description="Which session; your own if left out.")] = None
    model: Annotated[
        Annotated[str, AfterValidator(model_name)] | None,
        Field(description="The model it is to go on with."),
    ] = None
    thinking: Annotated[
        Literal["off", "minimal", "low", "medium", "high", "xhigh"] | None,
        Field(description="How much is to be thought there."),
    ] = None
    fast: Annotated[bool | None, Field(description="Whether speed counts more than thought there.")] = None
    clear: Annotated[
        Several[Literal["model", "thinking", "fast"]],
        Field(description="What is left to the agent again."),
    ] = ()

    @field_validator("clear")
    @classmethod
    def _is_not_asked_for_as_well(cls, clear: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in clear:
            if info.data.get(name) is not None:
                raise ValueError(f"{name} is given as well; leave one of the two out")
        return clear


@dataclass(frozen=True)
class SessionTools:
    """Gives each run the tools for sessions: those of its own agent, and to the default agent those of all."""

    database: Path
    store: Store
    clock: Clock
    agents: Mapping[str, Agent]
    outgoings: Outgoings
    errands: Errands
    resets: Resets
    new_id: Callable[[str], str]

    def of(self, run: RunSeed, job: Job) -> Mapping[str, Tool]:
        send = (
            "Says something in another session, where its agent answers with all it remembers there. Waits for the "
            "answer as long as you like."
        )
        tools = dict(self._of(Caller.of(run)))
        if self.errands.lineage(run).depth < DEEPEST:
            tools[SEND] = Tool(SEND, send, schema_of(_Send), partial(self._send, run, job))
        return tools

    def of_owner(self, by: str) -> Mapping[str, Tool]:
        """For whoever owns the home: nobody would hear what another session answers."""
        return self._of(Caller(by))

    def _of(self, caller: Caller) -> Mapping[str, Tool]:
        listing = "Lists sessions, those that changed last first."
        history = "Shows the last of what was said in a session."
        status = "Shows how a session stands, and says what is wanted of it: from its next run on."
        tools = (
            Tool(LIST, listing, schema_of(_List), partial(self._list, caller)),
            Tool(HISTORY, history, schema_of(_History), partial(self._history, caller)),
            Tool(STATUS, status, schema_of(_Status), partial(self._status, caller)),
        )
        return {tool.name: tool for tool in tools}

    async def _list(self, caller: Caller, call: ToolCall, arguments: Mapping[str, object]) -> JsonObject:
        del call
        asked = read(_List, arguments, LIST)
        with self._reader() as reader:
            found, total = reader.session_page(Asked(asked.kind, caller.sees), limit=asked.limit, offset=0)
        return {"sessions": [_shown(session) for session in found], "total": total}

    async def _history(self, caller: Caller, call: ToolCall, arguments: Mapping[str, object]) -> JsonObject:
        del call
        asked = read(_History, arguments, HISTORY)
        with self._reader() as reader:
            found = _found(reader, caller, asked.session_key)
            said = reader.transcript(found["sessionId"], asked.limit)
        page = _page([self._message(entry) for entry in said])
        return {"sessionKey": found["key"], "messages": page, "earlier": found["messages"] - len(page)}

    def _message(self, entry: JsonObject) -> JsonObject:
        text = self.outgoings.clean(entry["text"])
        if len(text) > _BLOCK_CHARACTERS:
            text = f"{text[: _BLOCK_CHARACTERS - 1]}…"
        calls = [called["name"] for called in entry["calls"]]
        return {
            "role": entry["role"],
            "text": text,
            **({"calls": calls} if calls else {}),
            "at": entry["at"],
        }

    async def _send(
        self, run: RunSeed, job: Job, call: ToolCall, arguments: Mapping[str, object]
    ) -> JsonObject:
        asked = read(_Send, arguments, SEND)
        with self._reader() as reader:
            found = self._meant(reader, run, asked)
        waits = asked.timeout_seconds > 0
        _refuse_deaf(found, run, waits=waits and run.session.key in self.errands.waits_for(found["key"]))
        if self.errands.unanswered(run.id) >= MOST_AT_A_TIME:
            raise ToolRefused(
                f"{MOST_AT_A_TIME} of what you said elsewhere are not answered yet, which is the limit; wait for answers"
            )
        now = self.clock.now_ms()
        session = self.resets.applied(_seed(found, self.new_id("s")), now)
        turn = OnBehalf(sender=run.session.key, message=asked.message, tools_allow=tools_of(job))
        rights = rights_of(job, self.outgoings.plan(job))
        sent = errand_job(self.new_id("j"), turn, session, rights, now_ms=now)
        if call.over:
            raise ToolRefused("fenced: the run is over, and nothing was said")
        lineage = self.errands.lineage(run).below(run.session.key)
        errand = Errand(sent, session, run.id, outlives=True, lineage=lineage, awaiting=waits)
        other = await self.errands.send(errand)
        return await self._answer(other, asked.timeout_seconds)

    async def _answer(self, other: RunSeed, seconds: float) -> JsonObject:
        """What is not answered in time is still said: it is only that nobody waits any more."""
        told = {"runId": other.id, "sessionKey": other.session.key}
        if not seconds:
            return {**told, "status": "accepted"}
        result = await self.errands.wait(other.id, seconds)
        if result is None:
            note = f"there is no answer yet; it will stand in {HISTORY}"
            return {**told, "status": "timeout", "note": note}
        return {**told, "status": result.status.value, "text": result.text}

    def _meant(self, reader: Reader, run: RunSeed, asked: _Send) -> JsonObject:
        if (asked.session_key is None) == (asked.label is None):
            raise ToolRefused("name the session by its sessionKey or by its label, one of the two")
        if asked.session_key is not None:
            return _found(reader, Caller.of(run), asked.session_key)
        wanted = (asked.label or "").strip().lower()
        sessions, _ = reader.session_page(Asked(None, Caller.of(run).sees), limit=_LABELS, offset=0)
        found = [each for each in sessions if each["current"] and each["label"].lower() == wanted]
        if len(found) != 1:
            keys = ", ".join(each["key"] for each in found)
            why = f"several sessions are labelled {asked.label!r}: {keys}" if found else ""
            raise ToolRefused(why or f"no session is labelled {asked.label!r}; {LIST} shows them")
        return found[0]

    async def _status(self, caller: Caller, call: ToolCall, arguments: Mapping[str, object]) -> JsonObject:
        del call
        asked = read(_Status, arguments, STATUS)
        with self._reader() as reader:
            found = _found(reader, caller, asked.session_key or _own(caller))
        wishes = Wishes(asked.model, asked.thinking, asked.fast, clear=_cleared(asked))
        agent = self.agents.get(found["agentId"])
        if wishes != Wishes():
            self._refuse_guarded(caller, found)
            _refuse_model(asked.model, agent)
            hand = Hand(caller.by, self.clock.now_ms())
            await self.store.prefer(found["baseKey"], wishes, hand)
        wanted = await self.store.preferences(found["baseKey"]) or Preferences()
        return {
            **_shown(found),
            "model": wanted.model or (None if agent is None else agent.model),
            "thinking": wanted.thinking,
            "fast": bool(wanted.fast_mode),
        }

    def _refuse_guarded(self, caller: Caller, session: JsonObject) -> None:
        """What a job's run reads in the world must not change how others are answered."""
        run = caller.run
        if run is None or not self.errands.lineage(run).from_job:
            return
        if session["baseKey"] != run.session.base_key:
            raise ToolRefused(
                f"a run of a job says what is wanted of its own session only, not of {session['key']}: say in your "
                "answer what is to be changed, for somebody to do it with `stentor sessions set` or in the main session"
            )

    def _reader(self) -> Reader:
        return Reader.open(self.database)


def _found(reader: Reader, caller: Caller, name: str) -> JsonObject:
    """What an agent may not see is not there for it."""
    found = reader.session(name)
    if found is None or caller.sees not in (None, found["agentId"]):
        raise ToolRefused(f"there is no session {name!r} that you can see; {LIST} shows them")
    return found


def _refuse_model(model: str | None, agent: Agent | None) -> None:
    try:
        if model is not None and agent is not None:
            agent.check_model(model)
    except Refused as error:
        raise refusal(error.message, error.hint) from error


def _own(caller: Caller) -> str:
    if caller.run is None:
        raise ToolRefused(f"you are in no session: name one with sessionKey; {LIST} shows them")
    return caller.run.session.id


def _cleared(asked: _Status) -> frozenset[str]:
    """As the preferences are called."""
    return frozenset("fast_mode" if name == "fast" else name for name in asked.clear)


def _shown(session: JsonObject) -> JsonObject:
    return {name: session[name] for name in (*_SHOWN, "updatedAt", "active")}


def _page(messages: list[JsonObject]) -> list[JsonObject]:
    """The last of them, as many as there is room for."""
    kept: list[JsonObject] = []
    room = _PAGE_BYTES
    for message in reversed(messages):
        room -= len(message["text"].encode())
        if room < 0:
            break
        kept.insert(0, message)
    return kept


def _refuse_deaf(session: JsonObject, run: RunSeed, *, waits: bool) -> None:
    """Where nobody would answer: in the session that asks, or in one that is over with its run."""
    key = session["key"]
    if key == run.session.key:
        raise ToolRefused("that is this very session; say it in your answer")
    if session["kind"] == "run":
        raise ToolRefused(
            f"{key} belongs to one run of a job, and nobody goes on with it; add a job, or spawn"
        )
    if waits:
        raise ToolRefused(f"{key} waits for this very work; set timeoutSeconds to 0 and do not wait")


def _seed(session: JsonObject, new_id: str) -> SessionSeed:
    """The conversation, in whichever session it is by then."""
    return SessionSeed(
        new_id,
        session["key"],
        session["baseKey"],
        session["kind"],
        session["agentId"],
        session["label"],
        shared=True,
        parent_id=session["parentId"],
    )
