"""The shipped test kit: conformance suites for channels and stores, and the whole product on virtual time.

Nothing here is imported before it is asked for, so that a test module can register assert rewriting first.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from stentor.testing.conformance import ChannelConformance
    from stentor.testing.fake_context import FakeContext
    from stentor.testing.invariants import check
    from stentor.testing.rendering import rendered
    from stentor.testing.simulation import Simulation
    from stentor.testing.store_conformance import StoreConformance

__all__ = ["ChannelConformance", "FakeContext", "Simulation", "StoreConformance", "check", "rendered"]

_MODULE_OF = {
    "ChannelConformance": "stentor.testing.conformance",
    "FakeContext": "stentor.testing.fake_context",
    "Simulation": "stentor.testing.simulation",
    "StoreConformance": "stentor.testing.store_conformance",
    "check": "stentor.testing.invariants",
    "rendered": "stentor.testing.rendering",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'stentor.testing' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only whoever uses the kit pays for it

    value: object = getattr(import_module(_MODULE_OF[name]), name)
    return value
