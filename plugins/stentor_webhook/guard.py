"""Which network addresses a webhook may reach: public ones, and those the account allows.

`ipaddress.is_global` is no such rule: it lets multicast, 6to4 and translated IPv4 addresses pass, and its
answers change between Python versions. The tables below follow the IANA special-purpose registries.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from stentor import NotSent, Rejected

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

_REFUSED_V4 = tuple(
    (IPv4Network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud platform's own"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "an AS112 sink"),
        ("192.52.193.0/24", "a multicast tunnel"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "an AS112 sink"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "an AS112 sink"),
        ("3fff::/20", "documentation"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible or unspecified"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("64:ff9b::/96", "translated IPv4"),
        ("64:ff9b:1::/48", "translated IPv4"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)


def refusal(address: IPv4Address | IPv6Address) -> str:
    """What an address is, if it is not one on the public internet; else nothing."""
    if isinstance(address, IPv4Address):
        return next((name for network, name in _REFUSED_V4 if address in network), "")
    named = next((name for network, name in _REFUSED_V6 if address in network), "")
    return named or ("" if address in _GLOBAL_V6 else "not assigned to the public internet")


async def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system, which also answers for addresses spelled as names."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


class Guard:
    """Resolves a host once and vouches for the addresses it returns: dial those, never the name."""

    def __init__(
        self, account: str, allow_networks: Sequence[str] = (), resolver: Resolver = system_resolver
    ) -> None:
        self._account = account
        self._allowed = tuple(map(ip_network, allow_networks))
        self._resolver = resolver

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """All addresses of `host`, if every one may be reached."""
        try:
            answers = await self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise NotSent(f"the name {host} cannot be resolved: {error}") from None
        if not answers:
            raise NotSent(f"the name {host} has no address")
        for answer in answers:
            self._check(host, ip_address(answer))
        return tuple(dict.fromkeys(answers))

    def _check(self, host: str, address: IPv4Address | IPv6Address) -> None:
        kind = refusal(address)
        if not kind or any(address in network for network in self._allowed):
            return
        network = f"{str(address).partition('%')[0]}/{address.max_prefixlen}"
        name = "" if host == str(address) else f", where {host} leads,"
        raise Rejected(
            "address_refused",
            f"{address}{name} is {kind}, not public; to allow it write "
            f'allow_networks = ["{network}"] under [channels.webhook.accounts.{self._account}]',
        )
