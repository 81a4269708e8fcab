import logging
import os
import select
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.adapters.secrets import RedactingFormatter, SecretError, Secrets
from stentor.contract.settings import SecretRef
from stentor.domain.redaction import Redactor

HIDDEN = "correct-horse-battery"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


@pytest.fixture
def secrets(redactor: Redactor, tmp_path: Path) -> Secrets:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    env = {
        "TOKEN": HIDDEN,
        "BLANK": " ",
        "PATH": os.environ["PATH"],
        "CREDENTIALS_DIRECTORY": str(credentials),
    }
    return Secrets(redactor, env, tmp_path)


def private_file(path: Path, content: str | bytes = f"{HIDDEN}\n") -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def python(code: str) -> SecretRef:
    return SecretRef(command=(sys.executable, "-c", textwrap.dedent(code)))


def refusal(secrets: Secrets, ref: SecretRef) -> str:
    with pytest.raises(SecretError) as error:
        secrets.reveal(ref)
    assert HIDDEN not in str(error.value)
    assert error.value.hint in str(error.value)
    return str(error.value)


class TestPlaces:
    def test_an_environment_variable(self, secrets: Secrets) -> None:
        assert secrets.reveal(SecretRef(env="TOKEN")) == HIDDEN

    def test_a_file_beside_the_configuration(self, secrets: Secrets, tmp_path: Path) -> None:
        private_file(tmp_path / "token")

        assert secrets.reveal(SecretRef(file="token")) == HIDDEN

    def test_a_file_somewhere_else(self, secrets: Secrets, tmp_path: Path) -> None:
        path = private_file(
            tmp_path / "credentials" / "token", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"
        )

        assert secrets.reveal(SecretRef(file=str(path))) == "-----BEGIN KEY-----\nabc\n-----END KEY-----"

    def test_a_file_at_home(self, secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "credentials"))
        private_file(tmp_path / "credentials" / "token")

        assert secrets.reveal(SecretRef(file="~/token")) == HIDDEN

    def test_a_credential_of_systemd_whatever_its_mode(self, secrets: Secrets, tmp_path: Path) -> None:
        private_file(tmp_path / "credentials" / "token").chmod(0o440)

        assert secrets.reveal(SecretRef(credential="token")) == HIDDEN

    def test_the_first_line_a_command_prints(self, secrets: Secrets) -> None:
        assert secrets.reveal(python(f"print('{HIDDEN}'); print('user: ann')")) == HIDDEN

    def test_a_command_runs_in_the_home_and_with_the_environment(
        self, secrets: Secrets, tmp_path: Path
    ) -> None:
        code = "import os; print(os.getcwd() + os.environ['TOKEN'])"

        assert secrets.reveal(python(code)) == f"{tmp_path.resolve()}{HIDDEN}"


@pytest.mark.parametrize(
    ("ref", "why", "mend"),
    [
        pytest.param(SecretRef(env="NOPE"), "variable NOPE is not set", "set it", id="variable not set"),
        pytest.param(SecretRef(env="BLANK"), "env BLANK is empty", "store the secret", id="blank variable"),
        pytest.param(SecretRef(file="nope"), "cannot be read (No such file", "put a file", id="no file"),
        pytest.param(SecretRef(file="a\0b"), "cannot be read (not a path)", "put a file", id="no path"),
        pytest.param(SecretRef(file="."), "cannot be read (Is a directory)", "put a file", id="a folder"),
        pytest.param(
            SecretRef(file="~nobody-of-that-name/x"), "is in nobody's home", "full path", id="unknown home"
        ),
        pytest.param(
            SecretRef(credential="nope"), "no credential nope", "LoadCredential=nope:", id="no credential"
        ),
        pytest.param(
            SecretRef(credential="../x"), "no plain name", "without a folder", id="credential with folder"
        ),
        pytest.param(SecretRef(command=()), "command is empty", '["program"', id="empty command"),
        pytest.param(
            SecretRef(command=("/nope/x",)),
            "'/nope/x' cannot be started (No such file",
            "full path",
            id="no program",
        ),
        pytest.param(
            SecretRef(command=("a\0b",)), "(not a command line)", "full path", id="not a command line"
        ),
        pytest.param(
            python(f"print('{HIDDEN}'); raise SystemExit(4)"), "exit code 4", "by hand", id="failing command"
        ),
        pytest.param(python("print()"), "output of command", "store the secret", id="silent command"),
        pytest.param(
            python("import sys; sys.stdout.buffer.write(b'\\xff')"),
            "printed no text",
            "UTF-8",
            id="binary command",
        ),
    ],
)
def test_a_secret_that_cannot_be_had_is_named_with_its_mend(
    secrets: Secrets, ref: SecretRef, why: str, mend: str
) -> None:
    message = refusal(secrets, ref)

    assert why in message
    assert mend in message


class TestFiles:
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
    def test_one_that_others_may_open_is_refused_with_the_command_that_closes_it(
        self, secrets: Secrets, tmp_path: Path, mode: int
    ) -> None:
        path = private_file(tmp_path / "my token")
        path.chmod(mode)

        message = refusal(secrets, SecretRef(file="my token"))

        assert "open to other users" in message
        assert f"chmod 600 '{path}'" in message

    def test_a_pipe_is_refused_and_not_waited_for(self, secrets: Secrets, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe", 0o600)

        assert "not a regular file" in refusal(secrets, SecretRef(file="pipe"))

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            pytest.param(HIDDEN.encode() + b"\xff", "holds no text", id="binary"),
            pytest.param(f"{HIDDEN}\n" * 4000, "longer than 64 KiB", id="too long"),
            pytest.param(" \n", "is empty", id="blank"),
        ],
    )
    def test_one_that_holds_no_secret_is_refused(
        self, secrets: Secrets, tmp_path: Path, content: str | bytes, why: str
    ) -> None:
        private_file(tmp_path / "token", content)

        assert why in refusal(secrets, SecretRef(file="token"))


def test_a_credential_needs_a_start_by_systemd(redactor: Redactor, tmp_path: Path) -> None:
    assert "LoadCredential=bot:" in refusal(Secrets(redactor, {}, tmp_path), SecretRef(credential="bot"))


def test_a_command_that_takes_too_long_is_ended_with_all_it_has_started(
    redactor: Redactor, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    impatient = Secrets(redactor, dict(os.environ), tmp_path, command_timeout=1.5)
    ref = SecretRef(command=("sh", "-c", "(echo up; exec tail -f /dev/null) > held & wait"))

    message = refusal(impatient, ref)

    assert "'sh' took longer than 1.5 s" in message
    assert os.read(reader, 3) == b"up\n"
    # Only the grandchild's end closes the other side.
    assert select.select([reader], [], [], 30)[0] == [reader]
    assert os.read(reader, 1) == b""
    os.close(reader)


class TestKeyring:
    """A package of that name stands in for the real one, which is optional."""

    @pytest.fixture(autouse=True)
    def _forget(self) -> Iterator[None]:
        known = sys.modules.pop("keyring", None)
        yield
        sys.modules.pop("keyring", None)
        if known is not None:
            sys.modules["keyring"] = known

    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "site"
        folder.mkdir()
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        return folder / "keyring.py"

    @pytest.mark.parametrize(
        ("entry", "answer"),
        [
            pytest.param("bot", "stentor+bot", id="name alone"),
            pytest.param("my/service/bot", "my/service+bot", id="service and name"),
        ],
    )
    def test_an_entry_is_a_name_with_or_without_its_service(
        self, secrets: Secrets, package: Path, entry: str, answer: str
    ) -> None:
        package.write_text("def get_password(service, name):\n    return f'{service}+{name}'\n")

        assert secrets.reveal(SecretRef(keyring=entry)) == answer

    def test_a_missing_entry_names_the_command_that_stores_it(self, secrets: Secrets, package: Path) -> None:
        package.write_text("def get_password(service, name):\n    return None\n")

        assert "keyring set stentor bot" in refusal(secrets, SecretRef(keyring="bot"))

    def test_a_locked_keyring_is_named_without_its_own_words(self, secrets: Secrets, package: Path) -> None:
        package.write_text(f"def get_password(service, name):\n    raise LookupError('{HIDDEN}')\n")

        assert "refused the entry bot (LookupError)" in refusal(secrets, SecretRef(keyring="bot"))

    def test_without_the_package_it_says_what_to_install(self, secrets: Secrets, package: Path) -> None:
        package.write_text("raise ModuleNotFoundError('keyring')\n")

        assert refusal(secrets, SecretRef(keyring="bot")).endswith("pip install keyring")


class TestRedaction:
    def test_what_was_revealed_is_known_to_the_redactor(self, secrets: Secrets, redactor: Redactor) -> None:
        assert redactor.clean(HIDDEN) == HIDDEN

        secrets.reveal(SecretRef(env="TOKEN"))

        assert redactor.clean(f"GET /{HIDDEN}/x") == "GET /[redacted]/x"

    def test_a_log_line_is_cleaned_with_its_arguments_and_its_traceback(
        self, secrets: Secrets, redactor: Redactor
    ) -> None:
        formatter = RedactingFormatter(logging.Formatter("%(levelname)s %(message)s"), redactor)
        token = secrets.reveal(SecretRef(env="TOKEN"))
        try:
            raise ConnectionError(f"https://api.example.org/{token}/send")
        except ConnectionError:
            reason = sys.exc_info()
        record = logging.LogRecord(
            "x", logging.ERROR, "x.py", 1, "no answer from %s", (f"/{token}/",), reason
        )

        text = formatter.format(record)

        assert HIDDEN not in text
        first, *_, last = text.splitlines()
        assert first == "ERROR no answer from /[redacted]/"
        assert last == "ConnectionError: https://api.example.org/[redacted]/send"
