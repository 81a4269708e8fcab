"""What a device is to get, kept until it says that it has it, however often it goes away in between."""

from .stanzas import Node


class Waiting:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Node] = {}

    def keep(self, node: Node) -> None:
        self._kept[_name(node.tag, node)] = node

    def confirmed(self, node: Node) -> str:
        """The id of the message that the device hereby says to have, "" where it is about something else."""
        if node.tag == "ack":
            done = self._kept.pop(_name(node.attrs.get("class", ""), node), None)
        elif node.tag == "receipt" and node.attrs.get("type") != "retry":
            done = self._kept.pop(("message", node.attrs["id"], node.attrs.get("participant", ""), ""), None)
        else:
            done = None
        return done.attrs["id"] if done is not None and done.tag == "message" else ""

    def left(self) -> list[Node]:
        return list(self._kept.values())


def _name(tag: str, node: Node) -> tuple[str, ...]:
    kind = node.attrs.get("type", "") if tag == "receipt" else ""
    return tag, node.attrs["id"], node.attrs.get("participant", ""), kind
