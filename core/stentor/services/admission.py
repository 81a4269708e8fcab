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
    """Bookkeeping only: nothing here waits. A job and a shared session hold one run, an agent as many as it is given."""

    room: int
    room_of_agents: Mapping[str, int] = field(default_factory=dict[str, int])
    _waiting: _Waiting = field(default_factory=list[tuple[tuple[int, int, int], Ticket]])
    # Tickets that something stands in the way of, by what it is.
    _parked: dict[Resource, _Waiting] = field(default_factory=dict[Resource, _Waiting])
    _used: Counter[Resource] = field(default_factory=Counter[Resource])
    _inside: set[str] = field(default_factory=set[str])

    def enter(self, ticket: Ticket) -> None:
        heappush(self._waiting, (ticket.order, ticket))

    def next(self) -> Ticket | None:
        """The next that may run, its room taken; None when nobody may."""
        while self._waiting and len(self._inside) < self.room:
            entry = heappop(self._waiting)
            ticket = entry[1]
            if ticket.cancelled:
                # It may have been recalled in place of others.
                for resource in ticket.resources:
                    self._recall(resource)
                continue
            obstacle = self._obstacle(ticket)
            if obstacle is None:
                self._inside.add(ticket.run.id)
                self._used.update(ticket.resources)
                return ticket
            heappush(self._parked.setdefault(obstacle, []), entry)
        return None

    def leave(self, ticket: Ticket) -> None:
        """Give the room back, and let in question again who waited for it."""
        if ticket.run.id not in self._inside:
            return
        self._inside.remove(ticket.run.id)
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
                heappush(self._waiting, entry)
                return
            heappush(self._parked.setdefault(obstacle, []), entry)
        self._parked.pop(resource, None)

    def _obstacle(self, ticket: Ticket) -> Resource | None:
        return next((found for found in ticket.resources if self._used[found] >= self._room(found)), None)

    def _room(self, resource: Resource) -> int:
        kind, name = resource
        return self.room_of_agents.get(name, self.room) if kind == "agent" else 1
