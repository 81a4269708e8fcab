"""Makes a Python process take the test peer for WhatsApp, where the environment names the peer's root key.

Go trusts whom SSL_CERT_FILE names. The handshake below TLS has one root key, 32 bytes in the data of the
library: they are overwritten in this process' memory, once the library is loaded. Nothing changes on disk.
"""

import os
import sys

VARIABLE = "STENTOR_TEST_WHATSAPP_ROOT_KEY"
LOADER = "neonize._binder"
GENUINE = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")


class _AfterLoading:
    """Finds the module that loads the library, and has the key replaced when it has run."""

    def find_spec(self, name, path=None, target=None):
        if name != LOADER:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec  # noqa: PLC0415 - not in every process that starts

        spec = find_spec(name)
        if spec is not None:
            run = spec.loader.exec_module

            def run_and_replace(module):
                run(module)
                _replace()

            spec.loader.exec_module = run_and_replace
        return spec


def _replace():
    import ctypes  # noqa: PLC0415 - not in every process that starts

    with open(os.environ[VARIABLE], "rb") as file:
        key = file.read()
    for start, end in _writable():
        at = ctypes.string_at(start, end - start).find(GENUINE)
        if at >= 0:
            ctypes.memmove(start + at, key, len(key))
            return
    raise ImportError("the library's memory does not hold the root key of WhatsApp that the tests know")


def _writable():
    with open("/proc/self/maps") as maps:
        for line in maps:
            place, rights, *_, name = line.split()
            if rights.startswith("rw") and "neonize" in name:
                start, _, end = place.partition("-")
                yield int(start, 16), int(end, 16)


def _give_way():
    """Run the sitecustomize that this one stands before."""
    from importlib.machinery import PathFinder  # noqa: PLC0415 - the path may hold another one only then
    from importlib.util import module_from_spec  # noqa: PLC0415 - see above

    here = os.path.dirname(os.path.abspath(__file__))
    spec = PathFinder.find_spec("sitecustomize", [place for place in sys.path if place != here])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if os.environ.get(VARIABLE):
    sys.meta_path.insert(0, _AfterLoading())
_give_way()
