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
from stentor.services.toolbox import Maker, OwnerMaker


def built_in_tools(
    database: Path,
    book: JobBook,
    executor: Executor,
    errands: Errands,
    agents: Mapping[str, Agent],
    *,
    new_id: Callable[[str], str],
) -> tuple[list[Maker], list[OwnerMaker]]:
    """All but the one for messages, which goes by what the job lets its agent send; and those for the owner."""
    outgoings, store, clock, resets = executor.work.outgoings, book.store, book.clock, book.resets
    sessions = SessionTools(database, store, clock, agents, outgoings, errands, resets, new_id)
    jobs = CronTools(database, book, errands, executor.submit, outgoings.clean)
    subagents = Subagents(errands, agents, outgoings, clock, new_id, resets)
    return [jobs.of, sessions.of, subagents.of], [jobs.of_owner, sessions.of_owner]
