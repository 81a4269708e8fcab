"""Who may run now: the most urgent first, as many as there is room for, and never two where only one may be."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

from stentor.services.tickets import Ticket

Resource = tuple[str, str]
_Waiting = list[tuple[tuple[int, int, int], Ticket]]


@dataclass
class Admission:
    """Bookkeeping only: nothing here waits. A job and a shared session hold one run, an agent as many as it is given.

    Runs that others wait for have rooms of their own, one for each number of runs that stand in the line above them:
    neither a crowd nor whoever waits for them can keep them out for ever.
    """

    room: int
    room_of_agents: Mapping[str, int] = field(default_factory=dict[str, int])
    nested_room: int = 8
    # By that number; 0 is where nobody waits.
    _lines: dict[int, _Waiting] = field(default_factory=dict[int, _Waiting])
    _inside: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    # Tickets that something stands in the way of, by what it is.
    _parked: dict[Resource, _Waiting] = field(default_factory=dict[Resource, _Waiting])
    _used: Counter[Resource] = field(default_factory=Counter[Resource])

    def enter(self, ticket: Ticket) -> None:
        heappush(self._line_of(ticket), (ticket.order, ticket))

    def next(self) -> Ticket | None:
        """The next that may run, its room taken; None when nobody may."""
        found = (self._next(nested) for nested in sorted(self._lines, reverse=True))
        return next((ticket for ticket in found if ticket is not None), None)

    def _next(self, nested: int) -> Ticket | None:
        line, inside = self._lines[nested], self._inside.setdefault(nested, set())
        room = self.nested_room if nested else self.room
        while line and len(inside) < room:
            entry = heappop(line)
            ticket = entry[1]
            if ticket.cancelled:
                # It may have been recalled in place of others.
                for resource in ticket.resources:
                    self._recall(resource)
                continue
            obstacle = self._obstacle(ticket)
            if obstacle is None:
                inside.add(ticket.run.id)
                self._used.update(ticket.resources)
                return ticket
            heappush(self._parked.setdefault(obstacle, []), entry)
        return None

    def leave(self, ticket: Ticket) -> None:
        """Give the room back, and let in question again who waited for it."""
        inside = self._inside.get(ticket.nested, set())
        if ticket.run.id not in inside:
            return
        inside.remove(ticket.run.id)
        self._used.subtract(ticket.resources)
        for resource in ticket.resources:
            if not self._used[resource]:
                del self._used[resource]
            self._recall(resource)

    def _recall(self, resource: Resource) -> None:
        """Bring back the first that nothing else stands in the way of; the others move to what does."""
        parked = self._parked.get(resource, [])
        while parked:
            entry = heappop(parked)
            obstacle = self._obstacle(entry[1])
            if obstacle == resource:
                heappush(parked, entry)
                return
            if obstacle is None:
                heappush(self._line_of(entry[1]), entry)
                return
            heappush(self._parked.setdefault(obstacle, []), entry)
        self._parked.pop(resource, None)

    def _line_of(self, ticket: Ticket) -> _Waiting:
        return self._lines.setdefault(ticket.nested, [])

    def _obstacle(self, ticket: Ticket) -> Resource | None:
        return next((found for found in ticket.resources if self._used[found] >= self._room(found)), None)

    def _room(self, resource: Resource) -> int:
        kind, name = resource
        return self.room_of_agents.get(name, self.room) if kind == "agent" else 1
