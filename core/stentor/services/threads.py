"""A target apart from its thread, for edits that name only the one or the other."""

from stentor.contract.targets import Target
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, Directory, RouteError, resolve


def without_thread(address: Address, directory: Directory) -> str:
    """The same target outside its thread. How a channel writes threads is its own business, so the result is proved."""
    try:
        target = resolve(address, directory).target
        if target.thread is None:
            return address.text
        bare = target.canonical[: target.canonical.rfind(target.id) + len(target.id)]
        found = resolve(Address(bare, address.channel, address.account), directory).target
    except RouteError as error:
        raise Refused(error.code, error.message, hint=error.hint) from error
    if not _differ_in_thread_only(target, found):
        raise Refused(
            "bad_target",
            f"{target.canonical} names its thread itself",
            hint="give the target again, with the thread you want (--to and --thread-id)",
        )
    return bare


def _differ_in_thread_only(target: Target, bare: Target) -> bool:
    return (bare.channel, bare.kind, bare.id, bare.thread) == (target.channel, target.kind, target.id, None)
