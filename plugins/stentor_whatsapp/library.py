"""Whether neonize can be loaded here, found out without loading it: it would rather download its half than say so.

    python -m stentor_whatsapp.library

looks closer, loads it with no network, and prints what ails it as JSON.
"""

import ctypes
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

from stentor.contract.channel import Ailment

_NAME = "neonize"
_LONGEST_SECONDS = 60.0
_VERSION = re.compile(r"""^__GONEONIZE_VERSION__\s*=\s*["']([^"']+)["']""", re.MULTILINE)


def version() -> str:
    """The installed version; empty where there is none."""
    try:
        return distribution(_NAME).version
    except PackageNotFoundError:
        return ""


def ailments(seconds: float = _LONGEST_SECONDS) -> Sequence[Ailment]:
    """Everything that keeps neonize from loading, found out in a process of its own."""
    argv = [sys.executable, "-P", "-m", "stentor_whatsapp.library"]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return (_broken(f"neonize does not load within {seconds:g} s"),)
    except OSError as error:
        return (Ailment(f"{sys.executable} cannot be started: {error}", "install Stentor anew"),)
    if done.returncode < 0:
        return (_broken(f"loading neonize ended the program with signal {-done.returncode}"),)
    return _read(done.stdout) or ((_broken(_last_line(done.stderr)),) if done.returncode else ())


def ailment() -> Ailment | None:
    """The first thing that keeps neonize from loading. It loads the shared library, and nothing of neonize's Python."""
    spec = importlib.util.find_spec(_NAME)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        return Ailment("neonize is not installed", "pip install 'stentor[whatsapp]'")
    try:
        return _shared_library(Path(folders[0])) or _libmagic()
    except (OSError, AttributeError, ImportError, ValueError) as error:
        return _broken(f"neonize's files cannot be read: {error}")


def _shared_library(folder: Path) -> Ailment | None:
    name = _library_name(folder)
    path = folder / name
    if not path.is_file():
        return _broken(
            f"neonize's shared library {name} is missing", "; it exists for glibc, macOS and Windows only"
        )
    size, expected = path.stat().st_size, _recorded_size(f"{_NAME}/{name}")
    if expected and size != expected:
        return _broken(
            f"neonize's shared library {name} has {size} bytes instead of {expected}: it is truncated"
        )
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        return _broken(
            f"neonize's shared library {name} cannot be loaded: it is truncated or foreign ({error})"
        )
    loaded.GetVersion.restype = ctypes.c_char_p
    found = cast("bytes", loaded.GetVersion()).decode()
    wanted = _wanted_version(folder)
    if found != wanted:
        return _broken(f"neonize's shared library is version {found}, its Python asks for {wanted}")
    return None


def _library_name(folder: Path) -> str:
    """As neonize reckons it. Its module is loaded by itself: to import it would import everything."""
    spec = importlib.util.spec_from_file_location("_neonize_platform", folder / "utils" / "platform.py")
    if spec is None or spec.loader is None:
        raise ImportError("it is not neonize as we know it")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("str", module.generated_name())


def _wanted_version(folder: Path) -> str:
    found = _VERSION.search((folder / "download.py").read_text(encoding="utf-8"))
    if found is None:
        raise ValueError("download.py does not say which shared library it wants")
    return found.group(1)


def _recorded_size(path: str) -> int:
    """How many bytes the installer wrote; zero where nobody knows."""
    try:
        files = distribution(_NAME).files or ()
    except PackageNotFoundError:
        return 0
    return next((file.size or 0 for file in files if file.as_posix() == path), 0)


def _libmagic() -> Ailment | None:
    try:
        importlib.import_module("magic")
    except ImportError as error:
        if error.name == "magic":
            return _broken("the Python package magic is missing")
        return Ailment(
            "neonize needs libmagic, which is missing",
            "apt-get install libmagic1 (Debian, Ubuntu), dnf install file-libs (Fedora), brew install libmagic (macOS)",
        )
    return None


def _whole() -> Ailment | None:
    """What is found by loading all of it, with no network to mend itself from."""
    sys.addaudithook(_refuse_network)
    try:
        importlib.import_module(f"{_NAME}.aioze.client")
    except Exception as error:  # noqa: BLE001 - whatever keeps it from loading
        return _broken(f"neonize cannot be imported: {type(error).__name__}: {error}")
    return None


def _refuse_network(event: str, _: object) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise OSError("no network while neonize is tried out")


def _broken(what: str, more: str = "") -> Ailment:
    wanted = f"{_NAME}=={version()}" if version() else _NAME
    return Ailment(what, f"pip install --force-reinstall --no-cache-dir '{wanted}'{more}")


def _read(output: bytes) -> Sequence[Ailment]:
    try:
        rows = cast("list[Mapping[str, str]]", json.loads(_last_line(output)))
        return tuple(Ailment(row["what"], row["mend"]) for row in rows)
    except (ValueError, KeyError, TypeError):
        return ()


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def main() -> None:
    found = ailment() or _whole()
    # The library prints what it likes before us.
    print("\n" + json.dumps([{"what": found.what, "mend": found.mend}] if found else []))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
