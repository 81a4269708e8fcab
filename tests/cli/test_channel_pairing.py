"""`channels login` and `logout`: an account is paired by a command, and the daemon lets go of it for as long."""

import json
import shutil
import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from threading import Thread

import pytest
import segno
from tests.cli.phone_plugin import TEXT
from tests.outside import PATIENCE_SECONDS, STENTOR, Stentor, serving, until

from stentor.adapters.socket_path import prepare_socket

CONFIG = "[channels.phone.accounts.default]\n"
CONTROL = {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}


@dataclass(frozen=True)
class Phone:
    """A home with one account that is paired."""

    stentor: Stentor

    @property
    def folder(self) -> Path:
        return self.stentor.home / "channels" / "phone" / "default"

    @property
    def happened(self) -> list[tuple[str, int]]:
        """What was done, and by which process."""
        note = self.folder / "happened"
        lines = note.read_text().splitlines() if note.exists() else []
        return [(deed, int(process)) for deed, process in map(str.split, lines)]

    @property
    def deeds(self) -> list[str]:
        return [deed for deed, _ in self.happened]

    @property
    def is_paired(self) -> bool:
        return (self.folder / "paired").exists()

    def behaves(self, wish: str = "", *, paired: bool = False) -> "Phone":
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "wish").write_text(wish)
        if paired:
            (self.folder / "paired").touch()
        return self

    def has(self, *deeds: str) -> bool:
        return until(lambda: self.deeds == list(deeds), f"{deeds} after {self.deeds}")


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    site, home = tmp_path / "site", tmp_path / "home"
    info = site / "phone_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: phone-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stentor]\nphone = phone_plugin\n")
    shutil.copy(Path(__file__).with_name("phone_plugin.py"), site)
    home.mkdir(mode=0o700)
    (home / "stentor.toml").write_text(CONFIG)
    return Phone(Stentor(home, {"PYTHONPATH": str(site)}))


def matrix_of(lines: Sequence[str]) -> list[list[int]]:
    """The dark and light squares of a picture, as a terminal of dark ground shows it."""
    pairs = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}
    return [[pairs[char][half] for char in line] for line in lines for half in (0, 1)]


def test_a_picture_is_drawn_that_a_camera_can_read(phone: Phone) -> None:
    answer = phone.stentor.run("channels", "login", "phone")

    assert (answer.code, answer.err) == (0, "point its camera at it\n")
    *picture, last = [line for line in answer.out.splitlines() if line]
    assert last == "phone:default is Ann"
    wanted = [list(row) for row in segno.make_qr(TEXT, error="l").matrix_iter(border=4)]
    assert matrix_of(picture)[: len(wanted)] == wanted
    assert phone.is_paired


def test_a_script_gets_each_step_as_a_line_and_the_answer_last(phone: Phone) -> None:
    answer = phone.stentor.run("channels", "login", "phone:default", "--json")

    assert (answer.code, answer.err) == (0, "")
    assert answer.lines == [
        {"said": "point its camera at it"},
        {"qr": TEXT, "seconds": 20},
        {"channel": "phone", "accountId": "default", "ok": True, "said": "Ann"},
    ]


def test_with_a_number_a_code_is_shown_to_type_there(phone: Phone) -> None:
    answer = phone.stentor.run("channels", "login", "phone", "--phone", "+6281234567890")
    assert answer.out == "\n    ABCD-7890\n\nphone:default is Ann\n"

    answer = phone.stentor.run("channels", "login", "phone", "--phone", "+6281234567890", "--json")
    assert answer.lines[1] == {"code": "ABCD-7890", "seconds": 60}


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("refuses", "the device said no"),
        ("is away", "there is no network"),
        ("breaks", "RuntimeError: a bug"),
        ("answers with a number", "what pair returns must be text, not int"),
    ],
)
def test_a_pairing_that_comes_to_nothing_is_refused_with_the_reason(
    phone: Phone, wish: str, said: str
) -> None:
    phone.behaves(wish)

    answer = phone.stentor.run("channels", "login", "phone", "--json")
    assert (answer.code, answer.lines[-1]["error"]["code"]) == (2, "not_paired")
    assert said in answer.lines[-1]["error"]["message"]

    assert f"error: {said}" in phone.stentor.run("channels", "login", "phone").err


def test_a_pairing_is_ended_there_and_here(phone: Phone) -> None:
    phone.behaves(paired=True)

    answer = phone.stentor.ask("channels", "logout", "phone")

    assert answer == {"channel": "phone", "accountId": "default", "ok": True}
    assert (phone.deeds, phone.is_paired) == (["unpairing"], False)
    phone.behaves(paired=True)
    assert phone.stentor.run("channels", "logout", "phone").out == "phone:default is not paired any more\n"


def test_a_pairing_that_cannot_be_ended_is_told_of(phone: Phone) -> None:
    phone.behaves("is away", paired=True)

    error = phone.stentor.refusal("channels", "logout", "phone")

    assert (error["code"], error["message"]) == ("not_unpaired", "there is no network")
    assert phone.is_paired


@pytest.mark.parametrize("command", ["login", "logout"])
@pytest.mark.parametrize(
    ("account", "code", "said"),
    [
        ("local", "not_paired", "channels that are paired: phone"),
        ("pager", "unknown_channel", "there is no channel 'pager'"),
        ("phone:office", "unknown_account", "say phone:default"),
    ],
)
def test_an_account_that_cannot_be_paired_is_refused_with_the_mend(
    phone: Phone, command: str, account: str, code: str, said: str
) -> None:
    error = phone.stentor.refusal("channels", command, account)

    assert error["code"] == code
    assert said in f"{error['message']}; {error['hint']}"


# beside a daemon


def test_a_daemon_lets_go_of_the_account_and_has_it_again(phone: Phone) -> None:
    phone.behaves(paired=True)
    with serving(phone.stentor):
        phone.has("opened")
        assert phone.stentor.run("channels", "login", "phone").code == 0
        phone.has("opened", "closed", "pairing", "opened")

        (_, daemon), _, (_, command), (_, again) = phone.happened
        assert daemon == again != command
        assert phone.stentor.ask("send", "--to", "phone:ann", "--text", "x", "--wait")["state"] == "accepted"


def test_what_waits_for_an_account_goes_when_it_is_paired(phone: Phone) -> None:
    phone.behaves()
    with serving(phone.stentor):
        phone.has("refused")
        phone.stentor.ask("send", "--to", "phone:ann", "--text", "x")
        findings = phone.stentor.ask("doctor")["findings"]
        (down,) = [finding for finding in findings if finding["code"] == "account_down"]
        assert down["fix"] == "pair it: stentor channels login phone:default"

        assert phone.stentor.run("channels", "login", "phone").code == 0

        def sent() -> bool:
            (delivery,) = phone.stentor.ask("deliveries", "list", "--target", "phone:ann")["deliveries"]
            return bool(delivery["state"] == "accepted")

        until(sent, "the delivery")


@pytest.mark.parametrize(
    ("wish", "ending", "code"),
    [
        pytest.param("refuses", None, 2, id="fails"),
        pytest.param("waits", signal.SIGINT, 130, id="is interrupted"),
        pytest.param("waits", signal.SIGTERM, 130, id="is ended"),
        pytest.param("waits", signal.SIGHUP, 130, id="has its terminal closed"),
    ],
)
@pytest.mark.parametrize(("command", "deed"), [("login", "pairing"), ("logout", "unpairing")])
def test_a_daemon_has_the_account_again_whatever_came_of_it(
    phone: Phone, wish: str, ending: signal.Signals | None, code: int, command: str, deed: str
) -> None:
    phone.behaves(wish, paired=True)
    with serving(phone.stentor):
        phone.has("opened")
        words = [*STENTOR, "channels", command, "phone", "--home", str(phone.stentor.home)]
        with subprocess.Popen(
            words, env=phone.stentor.environment, stderr=subprocess.PIPE, text=True
        ) as pairing:
            try:
                phone.has("opened", "closed", deed, *(["opened"] if wish == "refuses" else []))
                if ending is not None:
                    pairing.send_signal(ending)
                _, said = pairing.communicate(timeout=PATIENCE_SECONDS)
            finally:
                pairing.kill()
        assert (pairing.returncode, "Traceback" in said) == (code, False)
        phone.has("opened", "closed", deed, "opened")


def test_an_account_that_the_daemon_does_not_know_yet_is_paired_and_the_restart_named(phone: Phone) -> None:
    (phone.stentor.home / "stentor.toml").write_text("")
    with serving(phone.stentor):
        (phone.stentor.home / "stentor.toml").write_text(CONFIG)
        answer = phone.stentor.run("channels", "login", "phone")

    assert (answer.code, phone.deeds) == (0, ["pairing"])
    assert "this daemon has no account 'default' of channel 'phone'" in answer.err
    assert "restart it to send with this account" in answer.err


@contextmanager
def half_a_daemon(home: Path, *answers: bytes) -> Generator[None]:
    """Answers so many requests, and hangs up on those after them."""
    told = iter(answers)

    def answer() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as request:
                headers = list(iter(request.readline, b"\r\n"))
                (length,) = [line.split(b":")[1] for line in headers if line.startswith(b"Content-Length")]
                request.read(int(length))
                client.sendall(next(told, b""))

    with socket(AF_UNIX, SOCK_STREAM) as listener:
        listener.bind(str(prepare_socket(home)))
        listener.listen()
        Thread(target=answer, daemon=True).start()
        yield
        listener.shutdown(2)


def test_an_account_that_a_daemon_may_still_have_is_not_paired(phone: Phone) -> None:
    with half_a_daemon(phone.stentor.home):
        error = phone.stentor.refusal("channels", "login", "phone", code=5)

    assert (error["code"], phone.deeds) == ("daemon_unreachable", [])
    assert "stentor channels list" in error["hint"]


def test_a_pairing_stands_though_the_daemon_is_gone_meanwhile(phone: Phone) -> None:
    with half_a_daemon(phone.stentor.home, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
        answer = phone.stentor.run("channels", "login", "phone")

    assert (answer.code, phone.is_paired) == (0, True)
    assert answer.out.endswith("phone:default is Ann\n")
    assert "restart the daemon if it does not send with this account" in answer.err


def test_a_daemon_is_asked_about_an_account_that_only_it_can_have(phone: Phone) -> None:
    phone.behaves(paired=True)
    with serving(phone.stentor):
        phone.has("opened")
        ((_, daemon),) = phone.happened
        tried = phone.stentor.ask("channels", "test", "phone")
        explained = phone.stentor.ask("targets", "explain", "--check", "--", "phone:ann")

        assert (tried["ok"], tried["said"]) == (True, f"Ann, by {daemon}")
        assert (explained["display"], explained["canonical"]) == (f"Ann, by {daemon}", "phone:ann")
        assert explained["warnings"] == ["her phone is off"]
        assert phone.deeds == ["opened"]


def job_to(target: str) -> tuple[str, ...]:
    return "--every", "1h", "--text", "tea", "--to", target


@pytest.mark.parametrize("command", ["preview", "add"])
def test_a_job_shows_how_its_target_is_known_and_warns_of_one_that_is_not(phone: Phone, command: str) -> None:
    phone.behaves(paired=True)
    with serving(phone.stentor):
        phone.has("opened")
        ((_, daemon),) = phone.happened
        known = phone.stentor.ask("cron", command, *job_to("phone:ann"))
        unknown = phone.stentor.ask("cron", command, *job_to("phone:stranger"))
        other = phone.stentor.ask("cron", command, *job_to("local:inbox"))
        seen = phone.stentor.run("cron", command, *job_to("phone:ann")).out
        assert phone.deeds == ["opened"]

    assert known["preview"]["known"] == {"phone:ann": f"Ann, by {daemon}"}
    assert f"  Ann, by {daemon}\n" in seen
    assert "phone:stranger is nobody" in unknown["warnings"]
    assert "known" not in {**unknown["preview"], **other["preview"]}


@pytest.mark.parametrize("command", ["preview", "add"])
def test_a_job_does_not_wait_long_for_what_nobody_says(phone: Phone, command: str) -> None:
    phone.behaves(paired=True)
    with serving(phone.stentor):
        phone.has("opened")
        shown = phone.stentor.ask("cron", command, *job_to("phone:nobody_answers"))

    assert "known" not in shown["preview"]


@pytest.mark.parametrize("command", ["preview", "add"])
def test_without_a_daemon_nobody_is_asked_about_a_job(phone: Phone, command: str) -> None:
    phone.behaves(paired=True)

    assert "known" not in phone.stentor.ask("cron", command, *job_to("phone:ann"))["preview"]
    assert phone.deeds == []


def test_without_a_daemon_the_account_is_opened_to_ask_it(phone: Phone) -> None:
    phone.behaves(paired=True)

    tried = phone.stentor.ask("channels", "test", "phone")
    explained = phone.stentor.ask("targets", "explain", "--check", "--", "phone:ann")

    assert (tried["ok"], explained["warnings"]) == (True, ["her phone is off"])
    assert phone.deeds == ["opened", "closed"] * 2


def test_what_is_wrong_with_an_account_is_said_by_the_daemon_that_has_it(phone: Phone) -> None:
    phone.behaves()
    with serving(phone.stentor):
        phone.has("refused")
        tried = phone.stentor.ask("channels", "test", "phone", code=1)
        error = phone.stentor.refusal("targets", "explain", "--check", "--", "phone:ann")

    assert (tried["ok"], tried["error"]) == (False, "it is not paired: stentor channels login phone")
    assert (error["code"], error["message"]) == ("account_down", tried["error"])
    assert len({process for _, process in phone.happened}) == 1


def test_an_account_that_is_not_let_in_stops_no_other_line_of_a_batch(phone: Phone) -> None:
    phone.behaves()
    lines = [{"text": "phone:ann", "check": True}, {"text": "local:a", "check": True}]
    with serving(phone.stentor):
        phone.has("refused")
        answer = phone.stentor.run("targets", "explain", "--batch", stdin="\n".join(map(json.dumps, lines)))

    refused, found = answer.lines
    assert (refused["error"]["code"], found["canonical"]) == ("account_down", "local:a")


# in the terminal


def test_the_doctor_names_what_a_channel_lacks(phone: Phone) -> None:
    lacking = Stentor(phone.stentor.home, {**phone.stentor.env, "PHONE_LACKS": "libmagic"})
    (finding,) = [found for found in lacking.ask("doctor")["findings"] if found["code"] == "channel_broken"]

    assert (finding["level"], finding["fix"]) == ("critical", "install libmagic")
    assert finding["message"].startswith("phone cannot work here: libmagic")
    assert "channel_broken" not in str(phone.stentor.ask("doctor"))


COMMANDS = {
    "pairing": ("orders", ("channels", "login", "phone")),
    "a refusal": ("orders and refuses", ("channels", "login", "phone")),
    "a try": ("orders", ("channels", "test", "phone")),
    "the doctor": ("", ("doctor",)),
}


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "scripts"])
@pytest.mark.parametrize(("wish", "words"), COMMANDS.values(), ids=COMMANDS.keys())
def test_what_a_plugin_says_gives_a_terminal_no_orders(
    phone: Phone, wish: str, words: tuple[str, ...], *, as_json: bool
) -> None:
    phone.behaves(wish, paired=True)
    stentor = Stentor(phone.stentor.home, {**phone.stentor.env, "PHONE_LACKS": "libmagic"})

    answer = stentor.run(*words, *(["--json"] if as_json else []))

    shown = answer.out + answer.err
    assert "0;mine" in shown
    assert CONTROL.intersection(shown) == set()
    if as_json:
        assert "\\u009d0;mine\\u009c" in answer.out
        assert all(json.loads(line) for line in answer.out.splitlines())
