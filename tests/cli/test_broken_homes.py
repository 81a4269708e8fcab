"""A home that cannot be used is refused by what is wrong with it, and is left as it is."""

import threading
from collections.abc import Iterator
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

import apsw
import pytest
from tests.outside import Stentor, files

ADD = ("cron", "add", "--every", "1h", "--text", "x", "--to", "local:a")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture(autouse=True)
def the_nine_invariants_hold() -> None:
    """These stores cannot be read at all."""


@pytest.mark.parametrize("words", [ADD, ("cron", "list"), ("cron", "runs"), ("status",)], ids=" ".join)
def test_a_file_that_is_no_store_is_not_touched(stentor: Stentor, home: Path, words: tuple[str, ...]) -> None:
    (home / "stentor.db").write_text("the diary of somebody")

    error = stentor.refusal(*words, code=1)

    assert error["code"] == "store_refused"
    assert "restore a backup or move the file away" in error["message"]
    assert (home / "stentor.db").read_text() == "the diary of somebody"


@pytest.mark.parametrize("words", [ADD, ("cron", "list"), ("cron", "runs")], ids=" ".join)
def test_a_store_of_a_later_release_is_not_touched(
    stentor: Stentor, home: Path, words: tuple[str, ...]
) -> None:
    with apsw.Connection(str(home / "stentor.db")) as connection:
        connection.execute("PRAGMA user_version = 9999; CREATE TABLE jobs (id)")

    error = stentor.refusal(*words, code=1)

    assert "was written by a newer release" in error["message"]
    assert "upgrade stentor" in error["message"]


def test_a_store_that_has_vanished_is_not_replaced_by_an_empty_one(stentor: Stentor, home: Path) -> None:
    stentor.ask(*ADD)
    (home / "stentor.db").unlink()

    error = stentor.refusal(*ADD, code=1)

    assert "holds no jobs, but there were some: restore a backup" in error["message"]
    assert "stentor.db" not in files(home)


@pytest.fixture
def deaf(home: Path) -> Iterator[None]:
    """Somebody listens on the daemon's socket and hangs up on everyone."""
    with socket(AF_UNIX, SOCK_STREAM) as listener:
        listener.bind(str(home / "stentor.sock"))
        listener.listen()
        answering = threading.Thread(target=_hang_up, args=(listener,))
        answering.start()
        yield
        with socket(AF_UNIX, SOCK_STREAM) as last:
            last.connect(str(home / "stentor.sock"))
            last.send(b"enough")
        answering.join()


def _hang_up(listener: socket) -> None:
    while True:
        caller, _ = listener.accept()
        with caller:
            if caller.recv(6) == b"enough":
                return


@pytest.mark.parametrize(
    "words",
    [
        ADD,
        ("cron", "run", "x"),
        ("cron", "run", "x", "--wait"),
        ("status",),
        ("send", "--to", "local:a", "--text", "x"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("deaf")
def test_a_daemon_that_does_not_answer_is_told_from_none(stentor: Stentor, words: tuple[str, ...]) -> None:
    error = stentor.refusal(*words, code=5)

    assert error["code"] == "daemon_unreachable"
    assert error["hint"]


def test_the_socket_of_a_dead_daemon_stands_in_nobodys_way(stentor: Stentor, home: Path) -> None:
    with socket(AF_UNIX, SOCK_STREAM) as listener:
        listener.bind(str(home / "stentor.sock"))

    assert stentor.ask(*ADD)["warnings"] == ["no-daemon: nothing happens until `stentor serve` runs"]


CONFIG = {
    "no TOML": ("bad = [", "is not valid TOML"),
    "an unknown setting": ("timezome = 'UTC'", "did you mean 'timezone'?"),
    "an unknown zone": ("timezone = 'Mars/Olympus'", "write one such as Europe/Berlin"),
    "an unknown runner": ("[agents.main]\nrunner = 'modle'", "there is no runner 'modle'"),
    "an agent without its program": (
        "[agents.main]\nrunner = 'command'",
        "agents.main is not valid; command: is missing",
    ),
    "an agent with a setting of another": (
        "[agents.main]\nrunner = 'echo'\ncommand = ['x']",
        "command: unknown field",
    ),
    "an agent of impossible name": ("[agents.'My Agent']", "an agent's id has up to 64"),
    "a model of nobody": ("[agents.main]\nmodel = 'gpt-5'", "agents.main.model: agent 'main' cannot use"),
    "a fallback of nobody": (
        "[agents.main]\nmodel = 'openai:gpt-5'\nfallbacks = ['openai:gpt-5-mini', 'nobody:x']",
        "agents.main.fallbacks[1]: agent 'main' cannot use the model 'nobody:x'",
    ),
    "a model that is not among those allowed": (
        "[agents.main]\nmodel = 'openai:gpt-5'\nallowed_models = ['anthropic:*']",
        "agents.main.model: agent 'main' may not use the model 'openai:gpt-5'; allowed: anthropic:*",
    ),
    "all models of nobody": (
        "[agents.main]\nmodel = 'openai:gpt-5'\nallowed_models = ['openai:*', 'nobody:*']",
        "agents.main.allowed_models[1]: agent 'main' cannot use the model 'nobody:*'",
    ),
    "a number of tokens that is none": (
        "[agents.main]\nmodel = 'openai:gpt-5'\nmax_tokens = true",
        "max_tokens: must be a whole number",
    ),
    "a number of tokens as text": (
        "[agents.main]\nmodel = 'openai:gpt-5'\nmax_tokens = '300'",
        "max_tokens: must be a whole number",
    ),
    "a heartbeat with a model of nobody": (
        "[agents.main]\nmodel = 'openai:gpt-5'\n[heartbeat]\nevery = '1h'\nmodel = 'gpt-5'",
        "heartbeat.model: agent 'main' cannot use the model 'gpt-5'",
    ),
    "an address that is none": (
        "[providers.box]\nbase_url = 'box:80'",
        "is no address; write one such as http://127.0.0.1:8080/v1",
    ),
    "a network that is none": (
        "[channels.webhook.accounts.default]\nallow_networks = ['home']",
        "does not appear to be an IPv4 or IPv6 network",
    ),
    "a secret in plain text": (
        "[channels.webhook.accounts.default]\nsigning_secret = 'whsec_plain'",
        "a secret is a reference: write { env",
    ),
}


@pytest.mark.parametrize(("text", "said"), CONFIG.values(), ids=CONFIG.keys())
def test_a_mistake_in_the_configuration_is_named_by_its_place(
    stentor: Stentor, home: Path, text: str, said: str
) -> None:
    (home / "stentor.toml").write_text(text)

    checked = stentor.refusal("config", "check")

    assert said in checked["message"]
    assert "whsec_plain" not in f"{checked}"
    assert stentor.refusal(*ADD) == checked
    assert not (home / "stentor.db").exists()


def test_the_configuration_is_checked_for_what_would_only_show_later(stentor: Stentor, home: Path) -> None:
    (home / "stentor.toml").write_text("[channels.pigeon]\n[channels.local]\ndefault_to = 'pager:1'\n")

    warnings = stentor.ask("config", "check")["warnings"]

    assert warnings == [
        "[channels.pigeon]: no such channel is loaded; see `stentor plugins`",
        '[channels.local] default_to: no loaded plugin owns the prefix "pager:"',
    ]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        pytest.param('"pager:1"', 'no loaded plugin owns the prefix "pager:"', id="nobody knows the channel"),
        pytest.param('"local:a b"', "is not the name of a box", id="no name"),
        pytest.param('"telegram:12345"', "telegram", id="no account"),
        pytest.param('"local:inbox"', None, id="a box"),
        pytest.param('"last"', None, id="the last conversation"),
        pytest.param('"none"', None, id="nowhere on purpose"),
    ],
)
def test_a_heartbeat_that_could_be_sent_to_nobody_is_found_by_check_and_doctor(
    stentor: Stentor, home: Path, target: str, why: str | None
) -> None:
    stentor.ask("send", "--to", "local:inbox", "--text", "x")
    (home / "stentor.toml").write_text(f"[heartbeat]\ntarget = {target}\n")

    warnings = stentor.ask("config", "check")["warnings"]
    idle = [
        found["message"] for found in stentor.ask("doctor")["findings"] if found["code"] == "idle_settings"
    ]

    assert idle == warnings
    assert len(warnings) == (0 if why is None else 1)
    for warning in warnings:
        assert warning.startswith("heartbeat.target: ")
        assert why is not None
        assert why in warning


def test_a_configuration_that_is_not_there_is_not_called_fine(stentor: Stentor, home: Path) -> None:
    assert stentor.run("config", "check").out.startswith(f"there is no {home / 'stentor.toml'}")

    (home / "stentor.toml").touch()

    assert stentor.run("config", "check").out.startswith(f"{home / 'stentor.toml'} is fine")


def test_a_home_that_cannot_be_made_is_told_of_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    error = Stentor(tmp_path / "file" / "home").refusal(*ADD, code=1)

    assert error["message"] == f"{tmp_path / 'file' / 'home'}: Not a directory"
    assert error["hint"] == "check the path, its permissions and the space on its disk"


def test_models_that_are_named_in_vain_or_are_lacking_are_told_of(stentor: Stentor, home: Path) -> None:
    (home / "stentor.toml").write_text(
        "[agents.main]\nrunner = 'echo'\nmodel = 'openai:gpt-5'\n"
        "[agents.ops]\nfallbacks = ['openai:gpt-5']\n"
        "[agents.poet]\nrunner = 'model'\n"
        "[agents.fine]\nmodel = 'openai:gpt-5'\n"
    )

    idle = 'the runner echo asks no model; leave it out, or set runner = "model"'
    lacking = "no model is set, so only jobs that name one can run; write one such as openai:gpt-5-mini"
    expected = [
        f"[agents.main] model: {idle}",
        f"[agents.ops] fallbacks[0]: {idle}",
        f"[agents.poet]: {lacking}",
    ]
    assert stentor.ask("config", "check")["warnings"] == expected
    found = [each["message"] for each in stentor.ask("doctor")["findings"] if each["code"] == "idle_settings"]
    assert found == expected
