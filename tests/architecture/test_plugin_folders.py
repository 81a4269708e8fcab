"""Every channel looks alike on disk, and no list has forgotten one."""

from collections.abc import Iterator
from pathlib import Path

from tests.architecture.pyproject import import_contracts, pyproject
from tests.architecture.source import ROOT, Offence, forbid

FIXED = frozenset({"__init__.py", "channel.py", "client.py", "py.typed", "targets.py"})
OPTIONAL = {
    "account.py": "one account in its child process",
    "answers.py": "what the provider's answers mean",
    "asked.py": "what is asked of the SDK, and heard from it",
    "child.py": "the program of the child process",
    "connection.py": "what one account can do",
    "format.py": "Markdown to the provider's dialect",
    "guard.py": "where a request may go",
    "hearing.py": "what is told without being asked for",
    "hook.py": "the web server that the provider calls",
    "ledger.py": "what has been handed over to be sent",
    "library.py": "whether the SDK can be loaded here",
    "limits.py": "the provider's limits",
    "line.py": "questions to the child process and their answers",
    "lookups.py": "what the provider is asked about",
    "news.py": "what the SDK's events mean",
    "numbers.py": "phone numbers",
    "pacing.py": "how long to wait before a send",
    "pairing.py": "how an account is paired with a phone",
    "process.py": "a child process",
    "receiving.py": "what people write",
    "sending.py": "messages on their way",
    "session.py": "what lets the account in, on disk",
    "signing.py": "signatures of requests",
    "standing.py": "how an account stands with the provider",
    "supervisor.py": "a child process that is started again",
    "wire.py": "what goes over the wire, as both sides put it",
}


def folders() -> list[Path]:
    return [path for path in sorted((ROOT / "plugins").iterdir()) if path.is_dir() and not _is_litter(path)]


def _is_litter(path: Path) -> bool:
    return path.name == "__pycache__" or path.name.startswith(".")


def misshapen(folder: Path) -> Iterator[Offence]:
    place = f"plugins/{folder.name}"
    names = {path.name for path in folder.iterdir() if not _is_litter(path)}
    if not folder.name.startswith("stentor_"):
        yield Offence(place, 1, "a plugin's package is called stentor_NAME")
    for name in sorted(FIXED - names):
        yield Offence(f"{place}/{name}", 1, "is missing")
    for name in sorted(names - FIXED - OPTIONAL.keys()):
        yield Offence(f"{place}/{name}", 1, f"is none of {', '.join(sorted(FIXED | OPTIONAL.keys()))}")


def lists(package: str) -> dict[str, bool]:
    """Every list in pyproject.toml that must hold a plugin, and whether it does."""
    project, tools, contracts = pyproject()["project"], pyproject()["tool"], import_contracts()
    clients = contracts["only client modules touch an SDK"]["source_modules"]
    return {
        "the entry points": package in project["entry-points"]["stentor"].values(),
        "mypy's packages": package in tools["mypy"]["packages"],
        "import-linter's root packages": package in tools["importlinter"]["root_packages"],
        "core knows no plugin": package in contracts["core knows no plugin and no SDK"]["forbidden_modules"],
        "plugins see only the contract": package
        in contracts["plugins see only the contract"]["source_modules"],
        "plugins do not know each other": package in contracts["plugins do not know each other"]["modules"],
        "only client modules touch an SDK": {f"{package}.channel", f"{package}.targets"} <= set(clients),
    }


def test_every_plugin_has_the_same_files() -> None:
    forbid(offence for folder in folders() for offence in misshapen(folder))


def test_every_plugin_stands_in_every_list() -> None:
    forbid(
        Offence("pyproject.toml", 1, f"{folder.name} is missing in: {name}")
        for folder in folders()
        for name, holds in lists(folder.name).items()
        if not holds
    )


def test_every_package_in_the_lists_stands_in_all_of_them() -> None:
    """A folder may be left out of a checkout; a name in one list only is a mistake."""
    packages = {"stentor", "tests.bench", *(folder.name for folder in folders())}
    named = {
        *pyproject()["tool"]["mypy"]["packages"],
        *pyproject()["tool"]["importlinter"]["root_packages"],
        *(value.partition(".")[0] for value in pyproject()["project"]["entry-points"]["stentor"].values()),
    }
    forbid(
        Offence("pyproject.toml", 1, f"{name} does not exist, and is missing in: {missing}")
        for name in named - packages
        for missing, holds in lists(name).items()
        if not holds
    )


def test_a_misshapen_folder_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "pager"
    folder.mkdir()
    for name in (*FIXED - {"targets.py"}, "utils.py"):
        (folder / name).touch()
    assert [str(offence).rpartition("plugins/")[2].split(",")[0] for offence in misshapen(folder)] == [
        "pager:1: a plugin's package is called stentor_NAME",
        "pager/targets.py:1: is missing",
        "pager/utils.py:1: is none of __init__.py",
    ]
