"""What the author of a channel imports, and nothing else.

Names are loaded on first use, so that `import stentor` costs next to nothing.
Runners live in `stentor.contract.runners`, tools in `stentor.contract.tools`.
"""

TYPE_CHECKING = False  # not imported from typing, which costs more than this whole module

if TYPE_CHECKING:
    from stentor.contract.channel import Account, Channel, ChannelContext, Connection, Example
    from stentor.contract.errors import (
        Ambiguous,
        CredentialsRejected,
        InvalidTarget,
        Moved,
        NotSent,
        Rejected,
        Throttled,
        Unavailable,
    )
    from stentor.contract.hookspecs import hookimpl
    from stentor.contract.payloads import Draft, Part, Payload
    from stentor.contract.receipts import LaterReceipt, Receipt
    from stentor.contract.settings import AccountSettings, SecretRef
    from stentor.contract.targets import Target, TargetHints
    from stentor.contract.traits import Limits, Traits

__all__ = [
    "Account",
    "AccountSettings",
    "Ambiguous",
    "Channel",
    "ChannelContext",
    "Connection",
    "CredentialsRejected",
    "Draft",
    "Example",
    "InvalidTarget",
    "LaterReceipt",
    "Limits",
    "Moved",
    "NotSent",
    "Part",
    "Payload",
    "Receipt",
    "Rejected",
    "SecretRef",
    "Target",
    "TargetHints",
    "Throttled",
    "Traits",
    "Unavailable",
    "hookimpl",
]

_HOME = {
    "stentor.contract.channel": ("Account", "Channel", "ChannelContext", "Connection", "Example"),
    "stentor.contract.errors": (
        "Ambiguous",
        "CredentialsRejected",
        "InvalidTarget",
        "Moved",
        "NotSent",
        "Rejected",
        "Throttled",
        "Unavailable",
    ),
    "stentor.contract.hookspecs": ("hookimpl",),
    "stentor.contract.payloads": ("Draft", "Part", "Payload"),
    "stentor.contract.receipts": ("LaterReceipt", "Receipt"),
    "stentor.contract.settings": ("AccountSettings", "SecretRef"),
    "stentor.contract.targets": ("Target", "TargetHints"),
    "stentor.contract.traits": ("Limits", "Traits"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'stentor' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only whoever uses the contract pays for it

    value: object = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
