"""The tools that every agent has beside those of plugins."""

from collections.abc import Callable, Mapping
from pathlib import Path

from stentor.app.cron_tool import CronTools
from stentor.app.session_tools import SessionTools
from stentor.services.agent_turns import Agent
from stentor.services.errands import Errands
from stentor.services.executor import Executor
from stentor.services.jobbook import JobBook
from stentor.services.subagents import Subagents
from stentor.services.toolbox import Maker


def built_in_tools(
    database: Path,
    book: JobBook,
    executor: Executor,
    errands: Errands,
    agents: Mapping[str, Agent],
    *,
    new_id: Callable[[str], str],
) -> list[Maker]:
    """All but the one for messages, which goes by what the job lets its agent send."""
    outgoings, store, clock, resets = executor.work.outgoings, book.store, book.clock, book.resets
    sessions = SessionTools(database, store, clock, agents, outgoings, errands, resets, new_id)
    return [
        CronTools(database, book, errands, executor.submit, outgoings.clean).of,
        sessions.of,
        Subagents(errands, agents, outgoings, clock, new_id, resets).of,
    ]
