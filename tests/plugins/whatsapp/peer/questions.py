"""What a device asks of the server, and what it is told."""

from collections.abc import Awaitable, Callable

from .connection import Connection
from .groups import Group
from .media import HOST
from .people import Bundle, People, phone_jid
from .stanzas import Node, child, children, number_of, raw, server_of, stanza

_MANY = 500


class Directory:
    """Who is on WhatsApp, with which keys, in which groups."""

    def __init__(self) -> None:
        self.people = People()
        self.groups: dict[str, Group] = {}
        self.bundles: dict[str, Bundle] = {}
        self._answers: dict[tuple[str, str], Callable[[Connection, Node, Node], Awaitable[None]]] = {
            ("encrypt", "count"): self._count_keys,
            ("encrypt", "key"): self._give_keys,
            ("encrypt", "registration"): self._take_keys,
            ("usync", "usync"): self._look_up,
            ("w:m", "media_conn"): self._name_the_media_host,
            ("w:g2", "query"): self._describe_group,
            ("w:g2", "participating"): self._list_groups,
        }

    async def answer(self, device: Connection, query: Node) -> None:
        """What nobody has heard of is done as asked, without a word."""
        what = next(iter(children(query)), None)
        known = self._answers.get((query.attrs.get("xmlns", ""), what.tag if what else ""))
        if known is None or what is None:
            await device.result(query)
        else:
            await known(device, query, what)

    async def _count_keys(self, device: Connection, query: Node, _: Node) -> None:
        bundle = self.bundles.get(device.lid)
        await device.result(query, stanza("count", value=len(bundle.once) if bundle else 0))

    async def _take_keys(self, device: Connection, query: Node, _: Node) -> None:
        self.bundles[device.lid] = Bundle.uploaded(query)
        await device.result(query)

    async def _give_keys(self, device: Connection, query: Node, what: Node) -> None:
        users = [
            await self.people.person(user.attrs["jid"]).bundle(user.attrs["jid"])
            for user in children(what, "user")
        ]
        await device.result(query, stanza("list", *users))

    async def _look_up(self, device: Connection, query: Node, what: Node) -> None:
        asked = child(what, "query")
        users = [self._user(user, asked, device) for user in children(child(what, "list"), "user")]
        kept = {name: what.attrs[name] for name in ("sid", "mode", "context") if name in what.attrs}
        answer = stanza("usync", stanza("result"), stanza("list", *users), index=0, last="true", **kept)
        await device.result(query, answer)

    def _user(self, user: Node, asked: Node | None, device: Connection) -> Node:
        jid, contact = user.attrs.get("jid"), child(user, "contact")
        if jid is None and contact is not None:
            return self._contact(raw(contact))
        assert jid is not None
        lid = self.people.lid(jid)
        if not lid:
            return stanza("user", jid=jid)
        facts: list[Node] = []
        if child(asked, "devices"):
            own = number_of(lid) == number_of(device.lid)
            numbers = [0, device.device] if own else [0]
            facts.append(
                stanza("devices", stanza("device-list", *(stanza("device", id=number) for number in numbers)))
            )
        if child(asked, "lid") and server_of(jid) != "lid":
            facts.append(stanza("lid", val=lid))
        return stanza("user", *facts, jid=jid)

    def _contact(self, query: bytes) -> Node:
        """Whether a number is on WhatsApp; the number that the server has for it wins over the asked one."""
        asked = number_of(query.decode()).lstrip("+")
        number = self.people.canonical_number(asked)
        found = stanza("contact", data=query, type="in" if number else "out")
        jid = phone_jid(number or asked)
        if not number:
            return stanza("user", found, jid=jid)
        return stanza("user", found, jid=self.people.lid(jid), pn_jid=jid)

    async def _name_the_media_host(self, device: Connection, query: Node, _: Node) -> None:
        host = stanza("host", hostname=HOST)
        limits = {"auth_ttl": 21600, "ttl": 21600, "max_buckets": 12, "id": 1}
        await device.result(query, stanza("media_conn", host, auth="key-to-the-media-host", **limits))

    async def _describe_group(self, device: Connection, query: Node, _: Node) -> None:
        group = self.groups.get(query.attrs["to"])
        if group is None:
            await device.refuse(query, 404, "item-not-found")
        else:
            await device.result(query, group.described(device.number))

    async def _list_groups(self, device: Connection, query: Node, _: Node) -> None:
        groups = [group.described(device.number) for group in self.groups.values()]
        await device.result(query, stanza("groups", *groups))
