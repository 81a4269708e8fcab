"""The grammar of local targets: the name of a box."""

import re

from stentor import InvalidTarget, Target, TargetHints

_BOX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+@-]{0,63}")


def parse_target(body: str, hints: TargetHints) -> Target:
    """Read a box without the channel's prefix; nothing at all, or the channel's own name, is the inbox."""
    if hints.thread is not None:
        raise InvalidTarget(
            "a local box has no threads", hint="leave the thread out, or use a box of its own"
        )
    box = "inbox" if body.lower() in ("", "local") else body
    if not _BOX.fullmatch(box):
        # An address of the web is not repeated: some of these are secrets.
        said = "this" if "/" in box else repr(box)
        raise InvalidTarget(
            f"{said} is not the name of a box",
            hint="write local:NAME: up to 64 letters, digits and _ . + @ -, a letter or digit first",
        )
    return Target(channel="local", kind="box", id=box, address=box)
