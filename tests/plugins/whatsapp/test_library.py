"""Each way in which neonize fails to load, made for real beside the installed one, which stays as it is."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.plugins.whatsapp.children import Said, child
from tests.plugins.whatsapp.peer import WhatsApp

from stentor_whatsapp.library import ailments

ROOT = Path(__file__).parents[3]
HIDE_LIBMAGIC = """
import ctypes, ctypes.util
find, load = ctypes.util.find_library, ctypes.CDLL
ctypes.util.find_library = lambda name: None if name == "magic" else find(name)
class Hiding(load):
    def __init__(self, name, *more, **facts):
        if "magic" in str(name):
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        super().__init__(name, *more, **facts)
ctypes.CDLL = Hiding
"""
AGAIN = f"pip install --force-reinstall --no-cache-dir 'neonize=={version('neonize')}'"


def installed() -> Path:
    spec = importlib.util.find_spec("neonize")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture
def neonize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another neonize, found before the installed one and made of links to it."""
    folder = tmp_path / "site" / "neonize"
    folder.mkdir(parents=True)
    for entry in installed().iterdir():
        (folder / entry.name).symlink_to(entry)
    monkeypatch.setenv("PYTHONPATH", str(folder.parent), prepend=os.pathsep)
    return folder


def shared_library(folder: Path) -> Path:
    (path,) = (path for path in folder.iterdir() if path.name.startswith("neonize-"))
    return path


def missing(folder: Path) -> None:
    shared_library(folder).unlink()


def truncated(folder: Path) -> None:
    path = shared_library(folder)
    data = path.read_bytes()[:100_000]
    path.unlink()
    path.write_bytes(data)


def foreign(folder: Path) -> None:
    """As long as the right one, so that only loading it tells."""
    path = shared_library(folder)
    size = path.stat().st_size
    path.unlink()
    with path.open("wb") as file:
        file.truncate(size)


def of_another_version(folder: Path) -> None:
    download = folder / "download.py"
    text = download.read_text().replace(
        f'__GONEONIZE_VERSION__ = "{version("neonize")}"', '__GONEONIZE_VERSION__ = "9.9.9"'
    )
    download.unlink()
    download.write_text(text)


def without_libmagic(folder: Path) -> None:
    (folder.parent / "sitecustomize.py").write_text(HIDE_LIBMAGIC)


def deadly(folder: Path) -> None:
    _replace_folder(
        folder / "utils", "platform.py", "import os, signal\nos.kill(os.getpid(), signal.SIGBUS)\n"
    )


def unknown(folder: Path) -> None:
    _replace_folder(folder / "utils", "platform.py", "")


def broken_python(folder: Path) -> None:
    _replace_folder(folder / "aioze", "client.py", "import google.protobuf.nothing_there\n")


def downloading(folder: Path) -> None:
    _replace_folder(folder / "aioze", "client.py", "import requests\nrequests.get('http://127.0.0.1:9/')\n")


def _replace_folder(folder: Path, name: str, text: str) -> None:
    genuine = folder.resolve()
    folder.unlink()
    folder.mkdir()
    for entry in genuine.iterdir():
        if entry.name not in (name, "__pycache__"):
            (folder / entry.name).symlink_to(entry)
    (folder / name).write_text(text)


FAILURES = [
    pytest.param(missing, "is missing", AGAIN, id="shared library missing"),
    pytest.param(truncated, "bytes instead of", AGAIN, id="shared library truncated"),
    pytest.param(foreign, "cannot be loaded", AGAIN, id="shared library foreign"),
    pytest.param(
        of_another_version, f"version {version('neonize')}, its Python asks for 9.9.9", AGAIN, id="versions"
    ),
    pytest.param(without_libmagic, "libmagic", "apt-get install libmagic1", id="libmagic missing"),
    pytest.param(unknown, "cannot be read", AGAIN, id="a neonize that nobody knows"),
]
DEEPER = [
    pytest.param(deadly, "signal 7", AGAIN, id="deadly"),
    pytest.param(broken_python, "cannot be imported", AGAIN, id="its Python broken"),
    pytest.param(downloading, "no network", AGAIN, id="it wants to download"),
]


def test_the_installed_one_has_no_ailments() -> None:
    assert ailments() == ()


@pytest.mark.parametrize(("harm", "what", "mend"), [*FAILURES, *DEEPER])
def test_whatever_keeps_it_from_loading_is_named_with_its_mend(
    neonize: Path, harm: Callable[[Path], None], what: str, mend: str
) -> None:
    harm(neonize)
    before = sorted(neonize.iterdir())
    (ailment,) = ailments()
    assert what in ailment.what
    assert mend in ailment.mend
    assert sorted(neonize.iterdir()) == before, "nothing is downloaded"


def test_that_it_is_not_installed_is_named_with_its_mend(tmp_path: Path) -> None:
    everything_else = tmp_path / "site"
    everything_else.mkdir()
    for entry in installed().parent.iterdir():
        if not entry.name.startswith("neonize"):
            (everything_else / entry.name).symlink_to(entry)
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "stentor_whatsapp.library"],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'core'}:{ROOT / 'plugins'}:{everything_else}"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [
        {"what": "neonize is not installed", "mend": "pip install 'stentor[whatsapp]'"}
    ]


def test_a_library_that_loads_for_ever_is_given_up() -> None:
    (ailment,) = ailments(seconds=0.001)
    assert "does not load within" in ailment.what


@pytest.mark.parametrize(
    ("harm", "what", "mend"),
    [
        *FAILURES,
        pytest.param(broken_python, "cannot be imported", "", id="its Python broken"),
        pytest.param(downloading, "cannot be imported", "", id="it wants to download"),
    ],
)
async def test_the_child_says_it_as_well(
    whatsapp: WhatsApp,
    neonize: Path,
    tmp_path: Path,
    harm: Callable[[Path], None],
    what: str,
    mend: str,
) -> None:
    harm(neonize)
    before = sorted(neonize.iterdir())
    async with child(whatsapp, tmp_path, PYTHONPATH=os.environ["PYTHONPATH"]) as kid:
        with pytest.raises(Said) as said:
            await kid.open()
        assert said.value.kind == "library"
        assert what in said.value.text
        assert mend in said.value.text
    assert sorted(neonize.iterdir()) == before, "nothing is downloaded"
    assert not (tmp_path / "session.db").exists()


def test_the_asking_process_loads_nothing_of_it(tmp_path: Path) -> None:
    program = "import sys; from stentor_whatsapp.library import ailments; ailments(); print('neonize' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
