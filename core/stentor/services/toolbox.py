"""The tools an agent has at hand: the same whoever runs its turns."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from stentor.contract.tools import Tool
from stentor.domain.jobs import Job
from stentor.domain.records import RunSeed

# Makes tools that know for which run they work.
Maker = Callable[[RunSeed, Job], Mapping[str, Tool]]
# Makes tools for somebody outside of any run, whom the history names.
OwnerMaker = Callable[[str], Mapping[str, Tool]]


@dataclass(frozen=True)
class Toolbox:
    """Those of plugins, and the built-in ones: a plugin's tool never stands in for one of those."""

    plugins: Mapping[str, Tool]
    makers: list[Maker] = field(default_factory=list[Maker])
    owner_makers: list[OwnerMaker] = field(default_factory=list[OwnerMaker])

    def add(self, makers: Iterable[Maker], owner_makers: Iterable[OwnerMaker]) -> None:
        self.makers.extend(makers)
        self.owner_makers.extend(owner_makers)

    def of(self, run: RunSeed, job: Job) -> Mapping[str, Tool]:
        tools = dict(self.plugins)
        for make in self.makers:
            tools |= make(run, job)
        return tools

    def of_owner(self, by: str) -> Mapping[str, Tool]:
        """What whoever owns the home may use too. Plugins' tools work for a run."""
        tools: dict[str, Tool] = {}
        for make in self.owner_makers:
            tools |= make(by)
        return tools
