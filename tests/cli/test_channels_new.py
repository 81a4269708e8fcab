"""`stentor channels new`: what it writes is a channel that passes its tests, is installed, and delivers."""

import json
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.architecture.source import ROOT
from tests.installing import install
from tests.loopback import closed_port
from tests.outside import JsonObject, Stentor, serving, until

TOKEN = "token-5ebe2294ecd0e0f0"
CONFIG = """
[channels.horn.accounts.default]
base_url = "http://127.0.0.1:{port}"
token = {{ env = "HORN_TOKEN" }}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> JsonObject:
    """The answer to a command that began a project."""
    folder = tmp_path_factory.mktemp("projects")
    return Stentor(folder / "home").ask("channels", "new", "horn", "--dir", str(folder / "stentor-horn"))


@pytest.fixture
def project(made: JsonObject) -> Path:
    return Path(made["folder"])


def python(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words] if words[0] == "-c" else [sys.executable, "-m", *words],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def has(tool: str) -> bool:
    return shutil.which(tool, path=str(Path(sys.executable).parent)) is not None


def test_the_answer_names_what_was_made_and_what_comes_next(made: JsonObject, project: Path) -> None:
    assert {key: made[key] for key in ("channel", "distribution", "package")} == {
        "channel": "horn",
        "distribution": "stentor-horn",
        "package": "stentor_horn",
    }
    assert made["next"] == [f"cd {project}", "python -m pip install -e '.[test]'", "python -m pytest"]
    written = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert set(made["files"]) <= written
    assert {"pyproject.toml", ".gitignore", "src/stentor_horn/py.typed", "tests/test_horn.py"} <= written


def test_people_are_shown_the_next_commands(tmp_path: Path) -> None:
    folder = tmp_path / "my horn"

    answer = Stentor(tmp_path / "home").run("channels", "new", "horn", "--dir", str(folder))

    assert answer.code == 0
    assert "  src/stentor_horn/client.py\n" in answer.out
    assert answer.out.endswith(
        f"Next:\n\n  cd '{folder}'\n  python -m pip install -e '.[test]'\n  python -m pytest\n"
    )


def test_a_name_of_several_words_becomes_one_everywhere(tmp_path: Path) -> None:
    folder = tmp_path / "project"

    made = Stentor(tmp_path / "home").ask("channels", "new", "night-horn", "--dir", str(folder))

    assert (made["distribution"], made["package"]) == ("stentor-night-horn", "stentor_night_horn")
    described = tomllib.loads((folder / "pyproject.toml").read_text())
    assert described["project"]["entry-points"] == {"stentor": {"night-horn": "stentor_night_horn"}}
    assert (
        python(folder, "pytest", "-q", "-p", "no:cacheprovider", "-k", "written or declaration").returncode
        == 0
    )


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        pytest.param("Horn", "bad_name", "cannot be the name", id="upper case"),
        pytest.param("2horn", "bad_name", "cannot be the name", id="a digit first"),
        pytest.param("horn-", "bad_name", "cannot be the name", id="a dash last"),
        pytest.param("fog horn", "bad_name", "cannot be the name", id="a blank"),
        pytest.param("../horn", "bad_name", "cannot be the name", id="a path"),
        pytest.param("h" * 33, "bad_name", "cannot be the name", id="too long"),
        pytest.param("stentor-horn", "bad_name", "does not begin with stentor", id="the product's name"),
        pytest.param("channel", "bad_name", "reserved", id="a word for a kind of place"),
        pytest.param("local", "name_taken", "belongs to local", id="the prefix of a loaded plugin"),
    ],
)
def test_a_name_that_would_not_work_is_refused(tmp_path: Path, name: str, code: str, said: str) -> None:
    folder = tmp_path / "project"

    error = Stentor(tmp_path / "home").refusal("channels", "new", "--dir", str(folder), "--", name)

    assert error["code"] == code
    assert said in error["message"]
    assert error["hint"]
    assert not folder.exists()


@pytest.mark.parametrize("what", ["a file in it", "a file in its place"])
def test_nothing_is_overwritten(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "project"
    kept = folder / "README.md" if what == "a file in it" else folder
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")

    error = Stentor(tmp_path / "home").refusal("channels", "new", "horn", "--dir", str(folder))

    assert (error["code"], kept.read_text()) == ("not_empty", "mine")
    assert [path for path in folder.parent.rglob("*") if path.is_file()] == [kept]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert Stentor(tmp_path / "home").ask("channels", "new", "horn", "--dir", str(tmp_path))["folder"] == str(
        tmp_path
    )


def test_its_tests_pass(project: Path) -> None:
    done = python(project, "pytest", "-q", "-rs", "-p", "no:cacheprovider")

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


ASKED = """
import json, sys
sys.path.insert(0, "src")
from stentor_horn.answers import Answer, receipt_of
try:
    receipt = receipt_of(Answer(*json.loads(sys.argv[1]), sys.argv[2].encode()))
    print("Receipt", receipt.target.canonical, receipt.message_id)
except Exception as error:
    print(type(error).__name__, getattr(error, "retry_after", None) or "")
"""


@pytest.mark.parametrize(
    ("status", "wait", "body", "meaning"),
    [
        pytest.param(201, "", '{"room": "ops", "id": "m-1"}', "Receipt horn:ops m-1", id="created"),
        pytest.param(200, "", '{"room": "ops", "id": 17}', "Ambiguous", id="a number for an id"),
        pytest.param(200, "", '{"room": ["ops"], "id": "m-1"}', "Ambiguous", id="a list for a room"),
        pytest.param(200, "", '{"id": "m-1"}', "Ambiguous", id="no room"),
        pytest.param(200, "", "<html>", "Ambiguous", id="a page in place of success"),
        pytest.param(429, "7", "<html>", "Throttled 7.0", id="quiet, on a page"),
        pytest.param(429, "\N{SUPERSCRIPT TWO}", "{}", "Throttled 30", id="a wait that is no number"),
        pytest.param(429, "9" * 400, "{}", "Throttled 30", id="a wait without end"),
        pytest.param(401, "", "<html>", "CredentialsRejected", id="not let in, on a page"),
        pytest.param(403, "", "<html>", "NotSent", id="a page in front of the service"),
        pytest.param(418, "", "{}", "Rejected", id="no code"),
        pytest.param(503, "", "<html>", "Ambiguous", id="a broken service"),
    ],
)
def test_its_answers_mean_what_they_prove(
    project: Path, status: int, wait: str, body: str, meaning: str
) -> None:
    done = python(project, "-c", ASKED, json.dumps([status, wait]), body)

    assert done.stdout.strip() == meaning, done.stderr


OPENED = """
import asyncio, sys
sys.path.insert(0, "src")
from pathlib import Path
from stentor import Account
from stentor.testing import FakeContext
from stentor_horn.channel import HornChannel, HornSettings
try:
    settings = HornSettings(base_url=sys.argv[1], token={"env": "TOKEN"})
    account = Account("horn", "default", settings)
    asyncio.run(HornChannel().open(account, FakeContext(Path(), {"TOKEN": sys.argv[2]})))
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(
    "url",
    ["http://", "http:///x", "http://h:port", "https://h?x", "http://a:b@h", "ftp://h", "h", "https://h\n"],
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(project: Path, url: str) -> None:
    done = python(project, "-c", OPENED, url, TOKEN)

    assert done.stdout == "ValidationError\n", done.stderr


@pytest.mark.parametrize("token", ["", "two words", "a\n", "t\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_a_token_that_is_none_is_refused_before_anything_is_sent(project: Path, token: str) -> None:
    done = python(project, "-c", OPENED, "https://h", token)

    assert done.stdout == "CredentialsRejected\n", done.stderr


def test_a_limit_that_is_not_the_service_s_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    Stentor(tmp_path / "home").ask("channels", "new", "horn", "--dir", str(folder))
    declared = folder / "src/stentor_horn/channel.py"
    declared.write_text(declared.read_text().replace("Limits(text=4000", "Limits(text=4001"))

    done = python(folder, "pytest", "-q", "-p", "no:cacheprovider", "-k", "fills_the_limit")

    assert "[limits]" in done.stdout


@pytest.fixture(params=["horn", "a", "night-watch-fog-horn-2nd"])
def named(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Projects with names of all lengths: the code around them must fit."""
    folder = tmp_path / "project"
    Stentor(tmp_path / "home").ask("channels", "new", request.param, "--dir", str(folder))
    return folder


@pytest.mark.skipif(not has("ruff"), reason="ruff is not installed")
def test_its_code_is_linted_and_formatted_as_ours(named: Path) -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    strictly = ["--select", ",".join(ours["select"]), "--ignore", ",".join(ours["ignore"])]

    for words in (["check"], ["check", *strictly, "src"], ["format", "--check"]):
        done = python(named, "ruff", *words, "--no-cache")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not has("mypy"), reason="mypy is not installed")
def test_its_types_are_checked_strictly(named: Path) -> None:
    done = python(named, "mypy", "--cache-dir=/dev/null")

    assert done.returncode == 0, done.stdout


def test_it_is_installed_beside_stentor_and_delivers_with_a_receipt(project: Path, tmp_path: Path) -> None:
    install(project, tmp_path / "site")
    home = tmp_path / "home"
    home.mkdir()
    with _service(project) as port:
        (home / "stentor.toml").write_text(CONFIG.format(port=port))
        stentor = Stentor(home, {"PYTHONPATH": str(tmp_path / "site"), "HORN_TOKEN": TOKEN})
        with serving(stentor):
            stentor.ask("cron", "add", "--id", "toot", "--every", "1d", "--text", "Toot", "--to", "horn:ops")
            stentor.ask("cron", "run", "toot", "--wait")
            (run,) = stentor.runs("toot")

    (delivery,) = run["deliveries"]
    (part,) = delivery["parts"]
    assert (delivery["target"], delivery["state"]) == ("horn:ops", "accepted")
    assert part["messageId"] == "m-1"


@contextmanager
def _service(project: Path) -> Iterator[int]:
    """The service of the project, as its author would try the channel by hand."""
    port = closed_port()
    words = [sys.executable, "tests/provider.py", str(port)]
    with subprocess.Popen(words, cwd=project, env=None) as service:
        try:
            until(lambda: _listens(port), "the service")
            yield port
        finally:
            service.kill()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
