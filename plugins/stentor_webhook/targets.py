"""The grammar of webhook targets: http and https URLs in one spelling each."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

from stentor import InvalidTarget, Target, TargetHints

_MAX_LENGTH = 4096
_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{0,9}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Readers disagree about these, and the last three are what surrounds a URL in pasted text.
_FORBIDDEN = frozenset(' \\"<>')
# What is posted there are messages of chats, and whoever knows such an address can post.
_CHATS = re.compile(r"hooks\.slack\.com/|(?:[a-z]+\.)?discord(?:app)?\.com/api(?:/v[0-9]+)?/webhooks/")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class WebUrl:
    """A URL in its parts. `host` bears no brackets, `port` is None where the scheme implies it."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @property
    def authority(self) -> str:
        """What stands between `//` and the path, and in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def effective_port(self) -> int:
        return self.port or _DEFAULT_PORTS[self.scheme]

    @property
    def shown(self) -> str:
        """The URL as people and logs may see it: a query often carries a key."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def __str__(self) -> str:
        return self.shown + self.query


def parse_target(body: str, hints: TargetHints) -> Target:
    """Read a webhook address without its channel's prefix."""
    if hints.thread is not None:
        raise InvalidTarget("a webhook has no threads", hint="leave the thread out, or put it into the URL")
    url = parse_url(body)
    return Target(channel="webhook", kind="url", id=str(url), address=str(url), display=url.shown)


def parse_url(text: str) -> WebUrl:
    """Read one URL strictly. The messages never repeat it, because it may hold a key."""
    found = _URL.fullmatch(text)
    if found is None:
        raise InvalidTarget("not a URL", hint="write the whole of it: https://host/path")
    scheme = found["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise InvalidTarget(
            f"a webhook is an http or https URL, not {scheme}", hint="write https://host/path"
        )
    if found["fragment"] is not None:
        raise InvalidTarget("a fragment is never sent to a server", hint="drop the # and what follows it")
    if "@" in found["authority"]:
        raise InvalidTarget(
            "credentials do not belong into the URL",
            hint="drop what stands before the @ and set bearer_token",
        )
    if _FORBIDDEN.intersection(text):
        raise InvalidTarget(
            'the URL holds a blank or one of \\ " < >', hint="write it as %20, %5C, %22, %3C or %3E"
        )
    host, port = _host_and_port(found["authority"], scheme)
    path, query = (quote(part or "", safe=_ASCII) for part in (found["path"], found["query"]))
    if _CHATS.match(f"{host}{path}"):
        raise InvalidTarget(
            "this is the incoming webhook of a chat: a secret, and not for the JSON that is posted here",
            hint="put the URL into that chat's account, as an entry of webhooks, and name the entry as target",
        )
    url = WebUrl(scheme, host, port, path or "/", query)
    if len(str(url)) > _MAX_LENGTH:
        raise InvalidTarget(f"the URL is longer than {_MAX_LENGTH} characters", hint="use a shorter one")
    return url


def _host_and_port(authority: str, scheme: str) -> tuple[str, int | None]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None or not found["host"]:
        raise InvalidTarget(
            "the URL names no host, or its port is no number", hint="write https://host:8443/path"
        )
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise InvalidTarget(f"there is no port {port}", hint="ports are 1 to 65535")
    return _host(found["host"]), None if port == _DEFAULT_PORTS[scheme] else port


def _host(text: str) -> str:
    if not text.isascii():
        raise InvalidTarget("the host holds letters outside ASCII", hint="write the name in its xn-- form")
    host = text.lower()
    if host.startswith("["):
        return _ipv6(host[1:-1])
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidTarget(
            f"{text!r} is not a host name", hint="letters, digits, - and _, with single dots between"
        )
    return host


def _ipv4(host: str) -> str:
    # 127.1, 2130706433 and 0x7f.0.0.1 are all 127.0.0.1 to the system's resolver, and none of them is to a reader.
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        raise InvalidTarget(
            f"{host!r} is an address in disguise", hint="write it as four decimal numbers, such as 192.0.2.7"
        ) from None


def _ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        raise InvalidTarget(f"[{host}] is not an IPv6 address", hint="write it like [2001:db8::7]") from None
    if address.scope_id is not None:
        raise InvalidTarget(
            "an address with a zone reaches only the local link", hint="use a global address or a name"
        )
    if address.ipv4_mapped is not None:
        raise InvalidTarget(f"[{host}] is an IPv4 address in disguise", hint=f"write {address.ipv4_mapped}")
    return str(address)
