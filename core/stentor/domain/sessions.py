"""Session keys, built from facts and never parsed back: what a session is stands in columns."""

from dataclasses import dataclass

from stentor.domain.jobs import SESSION_PREFIX, Job
from stentor.domain.records import SessionSeed

DEFAULT_AGENT = "main"
_RESERVED = ("main", "cron", "hook", "subagent", "acp")


def session_for(job: Job, session_id: str) -> SessionSeed:
    """The session a run of this job gets; `session_id` is used where a new one is made."""
    agent = f"agent:{job.agent_id}"
    label = f"Cron: {job.name}"
    if job.session_target == "main":
        key = f"{agent}:main"
        return SessionSeed(session_id, key, key, "main", job.agent_id, "Main", shared=True)
    named = job.session_key
    if job.session_target.startswith(SESSION_PREFIX):
        named = job.session_target.removeprefix(SESSION_PREFIX)
    if named is not None:
        key = named_key(job.agent_id, named)
        return SessionSeed(session_id, key, key, "named", job.agent_id, label, shared=True)
    base = f"{agent}:cron:{job.id}"
    return SessionSeed(session_id, f"{base}:run:{session_id}", base, "run", job.agent_id, label, shared=False)


@dataclass(frozen=True, slots=True)
class SourceSession:
    """The session whose last conversation a job may deliver to."""

    key: str
    is_main: bool = False
    # The main session of the default agent, in which its owner speaks.
    is_owners: bool = False


def source_session(job: Job) -> SourceSession:
    """The session the job's runs share; else the main one of its agent, because theirs are gone with them."""
    shared = session_for(job, "")
    if shared.kind == "named":
        return SourceSession(shared.key)
    is_owners = job.agent_id == DEFAULT_AGENT
    return SourceSession(f"agent:{job.agent_id}:main", is_main=True, is_owners=is_owners)


def named_key(agent_id: str, name: str) -> str:
    """The key of a named session. A full key of the same agent is used as it stands, unless it poses as another kind."""
    own = f"agent:{agent_id}:"
    if not name.startswith("agent:"):
        return f"{own}session:{name}"
    if not name.startswith(own):
        raise ValueError(f"the session key belongs to another agent; this job runs as {agent_id}")
    if name.removeprefix(own).split(":", 1)[0] in _RESERVED:
        raise ValueError(
            "the session key looks like a main, cron, hook or subagent session; name it otherwise"
        )
    return name
