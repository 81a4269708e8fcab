"""What this machine lacks of what its channels need, as they say themselves."""

from collections.abc import Iterator
from typing import cast

from stentor.contract.channel import Ailment, Channel
from stentor.domain.plugin_words import PluginFault, few_in, kind_of, storable, text_in
from stentor.domain.routing import Directory
from stentor.services.plugin_calls import Door

_MOST = 20


def ailments(directory: Directory) -> Iterator[tuple[str, Ailment]]:
    """Of each channel that has an account. This may take seconds."""
    for name, channel in sorted(directory.channels.items()):
        if directory.accounts(name):
            for ailment in _of(channel):
                yield name, ailment


def _of(channel: Channel) -> tuple[Ailment, ...]:
    found = Door(channel.name, "").hear("diagnose", lambda: _sound(channel.diagnose()))
    if found is None:
        return (Ailment("its plugin failed to say what it lacks", "look at the log: it says how"),)
    return found


def _sound(given: object) -> tuple[Ailment, ...]:
    return tuple(_ailment(item) for item in few_in(given, "what diagnose returns", _MOST))


def _ailment(given: object) -> Ailment:
    if not isinstance(given, Ailment):
        raise PluginFault(f"diagnose returned {kind_of(given)} where an Ailment belongs")
    what, mend = cast("object", given.what), cast("object", given.mend)
    return Ailment(
        storable(text_in(what, "what of an ailment")), storable(text_in(mend, "mend of an ailment"))
    )
