"""Stanzas: what WhatsApp's stream is made of. A codec that nobody here has written puts them into bytes."""

from pyaileys.wabinary.decode import decode_binary_node
from pyaileys.wabinary.encode import encode_binary_node
from pyaileys.wabinary.types import BinaryNode as Node

__all__ = [
    "SERVER",
    "Node",
    "child",
    "children",
    "decoded",
    "encoded",
    "number_of",
    "raw",
    "server_of",
    "shown",
    "stanza",
]

SERVER = "@s.whatsapp.net"


def stanza(tag: str, *content: Node, data: bytes | None = None, **attributes: str | int | None) -> Node:
    """One stanza. A name that Python keeps for itself is written with an underscore behind it."""
    given = {name.rstrip("_"): str(value) for name, value in attributes.items() if value is not None}
    return Node(tag, given, data if data is not None else list(content) or None)


def encoded(node: Node) -> bytes:
    return encode_binary_node(node)


def decoded(data: bytes) -> Node:
    return decode_binary_node(data)


def children(node: Node | None, tag: str = "") -> list[Node]:
    content = node.content if node else None
    if not isinstance(content, list):
        return []
    return [inner for inner in content if not tag or inner.tag == tag]


def child(node: Node | None, *path: str) -> Node | None:
    for tag in path:
        node = next(iter(children(node, tag)), None)
    return node


def raw(node: Node | None) -> bytes:
    content = node.content if node else None
    return content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else b""


def number_of(jid: str) -> str:
    """The part before the server, without a device: "628…" of "628…:3@s.whatsapp.net"."""
    return jid.partition("@")[0].partition(":")[0]


def server_of(jid: str) -> str:
    return jid.partition("@")[2]


def shown(node: Node, depth: int = 0) -> str:
    """For people who look for a fault: tags, attributes and how long the contents are."""
    attributes = "".join(f" {name}={value}" for name, value in node.attrs.items())
    line = f"{'  ' * depth}<{node.tag}{attributes}>"
    if isinstance(node.content, list):
        return "\n".join([line, *(shown(inner, depth + 1) for inner in node.content)])
    return f"{line} [{len(raw(node))} bytes]" if node.content else line
