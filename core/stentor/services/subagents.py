"""The tools with which an agent sends others to work for it, and waits for what they come to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from stentor.contract.tools import Tool, ToolCall, ToolRefused
from stentor.domain.behalf import OnBehalf
from stentor.domain.candidates import permitted
from stentor.domain.jobs import Job
from stentor.domain.jobs.fields import Text
from stentor.domain.jobs.payloads import Model
from stentor.domain.json_types import JsonObject
from stentor.domain.records import RunSeed, SessionSeed
from stentor.domain.session_resets import Resets
from stentor.domain.sessions import DEFAULT_AGENT, named_session, subagent_session
from stentor.ports import Clock
from stentor.services.agent_turns import Agent
from stentor.services.errand import Errand
from stentor.services.errand_jobs import errand_job, rights_of, tools_of
from stentor.services.errands import Errands, Result
from stentor.services.outgoing import Outgoings
from stentor.services.tool_arguments import Arguments, read, schema_of

SPAWN, YIELD = "sessions_spawn", "sessions_yield"
# Whoever works for somebody who works for somebody else … sends nobody on.
DEEPEST = 3
MOST_AT_A_TIME = 5
_LABEL_CHARACTERS = 60


class _Spawn(Arguments):
    task: Annotated[Text, Field(description="What is to be done. The other agent knows nothing else of you.")]
    label: Annotated[Text | None, Field(description="A few words by which you know it again.")] = None
    agent_id: Annotated[Text | None, Field(description="Which agent does it; yours if left out.")] = None
    model: Annotated[Model | None, Field(description="Which model it is asked of.")] = None
    thinking: Annotated[
        Literal["off", "minimal", "low", "medium", "high", "xhigh"] | None,
        Field(description="How much it thinks."),
    ] = None
    run_timeout_seconds: Annotated[
        int | None, Field(ge=1, le=30 * 86400, description="How long it may take; an hour if left out.")
    ] = None
    session: Annotated[
        Text | None,
        Field(description="The name of a session that is gone on with; a new one of its own if left out."),
    ] = None
    cleanup: Annotated[
        Literal["keep", "delete"],
        Field(description="What becomes of its own session once you are done: keep (usual) or delete."),
    ] = "keep"
    light_context: Annotated[bool, Field(description="Leave the files of the workspace out.")] = False


class _Yield(Arguments):
    message: Annotated[Text | None, Field(description="A note to yourself, given back when you go on.")] = (
        None
    )
    seconds: Annotated[
        float | None, Field(ge=0, le=86400, description="How long you wait at most; no limit if left out.")
    ] = None
    any: Annotated[bool, Field(description="Go on as soon as one is done, not only when all are.")] = False


@dataclass(frozen=True)
class Subagents:
    """Gives each run the tools to send others. They may do no more than it may itself."""

    errands: Errands
    agents: Mapping[str, Agent]
    outgoings: Outgoings
    clock: Clock
    new_id: Callable[[str], str]
    resets: Resets

    def of(self, run: RunSeed, job: Job) -> Mapping[str, Tool]:
        """Whoever stands too deep to send anybody has nobody to wait for either."""
        if self.errands.lineage(run).depth >= DEEPEST:
            return {}
        spawn = (
            "Sends another agent to do something for you, and answers at once. What it comes to is told to you when "
            f"you wait with {YIELD}, or else after your answer, which you can then complete. "
            f"At most {MOST_AT_A_TIME} at a time."
        )
        wait = (
            f"Waits for those you sent with {SPAWN}, and tells what each came to. You can go on afterwards, and wait "
            "again."
        )
        return {
            SPAWN: Tool(SPAWN, spawn, schema_of(_Spawn), partial(self._spawn, run, job)),
            YIELD: Tool(YIELD, wait, schema_of(_Yield), partial(self._yield, run)),
        }

    async def _spawn(
        self, run: RunSeed, job: Job, call: ToolCall, arguments: Mapping[str, object]
    ) -> JsonObject:
        asked = read(_Spawn, arguments, SPAWN)
        agent = self._agent(asked, run)
        self._refuse_too_many(run)
        session = self._session(asked, run, agent)
        if run.session.key in self.errands.waits_for(session.key):
            raise ToolRefused(f"{session.key} waits for this very work itself; name another session")
        turn = OnBehalf(
            sender=run.session.key,
            message=asked.task,
            model=asked.model,
            thinking=asked.thinking,
            timeout_seconds=asked.run_timeout_seconds,
            light_context=asked.light_context,
            tools_allow=tools_of(job),
        )
        rights = rights_of(job, self.outgoings.plan(job))
        sent = errand_job(self.new_id("j"), turn, session, rights, now_ms=self.clock.now_ms())
        lineage = self.errands.lineage(run).below(run.session.key)
        errand = Errand(sent, session, run.id, lineage=lineage, kept=asked.cleanup == "keep")
        child = await self.errands.send(errand)
        if call.over:
            # Nobody is left to wait for it.
            await self.errands.recall(run.id)
            raise ToolRefused("fenced: the run is over, and nobody was sent")
        return {"status": "accepted", "runId": child.id, "sessionKey": child.session.key}

    def _agent(self, asked: _Spawn, run: RunSeed) -> Agent:
        """Only the default agent sends others than itself."""
        own = run.session.agent_id
        wanted = asked.agent_id or own
        if own not in (wanted, DEFAULT_AGENT):
            raise ToolRefused(f"agent {own!r} sends only itself; leave agentId out")
        agent = self.agents.get(wanted)
        if agent is None:
            raise ToolRefused(f"there is no agent {wanted!r}; there are {', '.join(sorted(self.agents))}")
        if asked.model is not None and not permitted(asked.model, agent.allowed_models):
            allowed = ", ".join(agent.allowed_models)
            raise ToolRefused(f"agent {wanted!r} may not use the model {asked.model!r}; allowed: {allowed}")
        return agent

    def _refuse_too_many(self, run: RunSeed) -> None:
        if len(self._under_way(run)) >= MOST_AT_A_TIME:
            raise ToolRefused(
                f"{MOST_AT_A_TIME} are under way for you, which is the limit; wait for one of them with {YIELD}"
            )

    def _session(self, asked: _Spawn, run: RunSeed, agent: Agent) -> SessionSeed:
        new = self.new_id("s")
        label = asked.label or asked.session or asked.task.strip().splitlines()[0][:_LABEL_CHARACTERS]
        if asked.session is None:
            return subagent_session(agent.id, new, label, run.session.id)
        if asked.cleanup == "delete":
            raise ToolRefused("a session with a name is kept; leave cleanup out")
        try:
            session = named_session(agent.id, new, asked.session, label)
        except ValueError as error:
            raise ToolRefused(str(error)) from error
        return self.resets.applied(session, self.clock.now_ms())

    def _under_way(self, run: RunSeed) -> list[str]:
        errands = self.errands
        return [child for child in errands.children(run.id) if errands.result(child) is None]

    async def _yield(self, run: RunSeed, call: ToolCall, arguments: Mapping[str, object]) -> JsonObject:
        """What was told once is not told again: neither the next time nor after the run's answer."""
        asked = read(_Yield, arguments, YIELD)
        until = None if asked.seconds is None else self.clock.monotonic() + asked.seconds
        while waiting := self._under_way(run):
            left = None if until is None else until - self.clock.monotonic()
            if call.over or (left is not None and left <= 0) or (asked.any and self.errands.untold(run.id)):
                break
            await self.errands.one_over(waiting, left)
        results = self.errands.untold(run.id)
        self.errands.told(results)
        children = [self._told(result.run_id, result) for result in results]
        children += [self._told(child, None) for child in waiting]
        return {"children": children, **({"message": asked.message} if asked.message else {})}

    def _told(self, child: str, result: Result | None) -> JsonObject:
        run = self.errands.run(child)
        return {
            "runId": child,
            "sessionKey": None if run is None else run.session.key,
            "label": None if run is None else run.session.label,
            "status": "running" if result is None else result.status.value,
            "text": None if result is None else result.text,
        }
