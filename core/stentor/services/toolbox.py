"""The tools an agent has at hand: the same whoever runs its turns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stentor.contract.tools import Tool
from stentor.domain.jobs import Job
from stentor.domain.records import RunSeed

# Makes tools that know for which run they work.
Maker = Callable[[RunSeed, Job], Mapping[str, Tool]]


@dataclass(frozen=True)
class Toolbox:
    """Those of plugins, and the built-in ones: a plugin's tool never stands in for one of those."""

    plugins: Mapping[str, Tool]
    makers: list[Maker] = field(default_factory=list[Maker])

    def of(self, run: RunSeed, job: Job) -> Mapping[str, Tool]:
        tools = dict(self.plugins)
        for make in self.makers:
            tools |= make(run, job)
        return tools
