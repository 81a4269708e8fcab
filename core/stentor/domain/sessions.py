"""Session keys, built from facts and never parsed back: what a session is stands in columns."""

from dataclasses import dataclass

from stentor.domain.jobs import SESSION_PREFIX, Job, one_line
from stentor.domain.records import SessionSeed

DEFAULT_AGENT = "main"
# What a session is for; it stands in a column of its own.
KINDS = ("main", "named", "run", "subagent")
_RESERVED = ("main", "cron", "run", "hook", "subagent", "acp")
_LONGEST_NAME = 512


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


def subagent_session(agent_id: str, session_id: str, label: str, parent_id: str) -> SessionSeed:
    """A session of its own for what an agent sends another one to do. It can be gone on with by its key."""
    key = f"agent:{agent_id}:subagent:{session_id}"
    return SessionSeed(session_id, key, key, "subagent", agent_id, label, shared=True, parent_id=parent_id)


def named_session(agent_id: str, session_id: str, name: str, label: str) -> SessionSeed:
    """The session of an agent that goes by a name. Raises `ValueError` where there can be none of that name."""
    key = named_key(agent_id, name.removeprefix(SESSION_PREFIX))
    return SessionSeed(session_id, key, key, "named", agent_id, label, shared=True)


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


def source_of_run(session: SessionSeed) -> SourceSession:
    """The conversation in which a run takes place; one whose own session goes with it takes place in its agent's."""
    if session.kind == "named":
        return SourceSession(session.key)
    agent = session.agent_id
    return SourceSession(f"agent:{agent}:main", is_main=True, is_owners=agent == DEFAULT_AGENT)


def named_key(agent_id: str, name: str) -> str:
    """The key of a named session. A full key of the same agent is used as it stands, unless it poses as another kind."""
    own, name = f"agent:{agent_id}:", name.strip().removeprefix(SESSION_PREFIX).strip()
    if len(name) > _LONGEST_NAME or name != one_line(name):
        raise ValueError(
            f"the name of a session is one line of up to {_LONGEST_NAME} characters, none of them a control character "
            f"or a mark that turns text round; this one holds {_too_much(name)}"
        )
    if not name.startswith("agent:"):
        return f"{own}{SESSION_PREFIX}{_there(name)}"
    if not name.startswith(own):
        raise ValueError(f"the session key belongs to another agent; this job runs as {agent_id}")
    kind, _, rest = name.removeprefix(own).partition(":")
    if kind.lower() in _RESERVED:
        raise ValueError(
            "the session key looks like a main, cron, hook or subagent session; name it otherwise"
        )
    _there(rest if f"{kind}:" == SESSION_PREFIX else kind)
    return name


def _too_much(name: str) -> str:
    unfit = [f"U+{ord(char):04X}" for char in name if one_line(f".{char}.") != f".{char}."]
    return unfit[0] if unfit else f"{len(name)} characters"


def _there(name: str) -> str:
    if not name:
        raise ValueError("a session needs a name, for instance weekly-digest")
    return name
