"""Turns secret references into text, and keeps that text out of the logs."""

import logging
import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from pydantic import BaseModel

from stentor.contract.errors import CredentialsRejected
from stentor.contract.settings import SecretRef
from stentor.domain.redaction import Redactor

_LONGEST = 64 * 1024
_KEYRING_SERVICE = "stentor"


class SecretError(CredentialsRejected):
    """A secret cannot be had. The text names the reference and the mend, never the content."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.message = message
        self.hint = hint


class RedactingFormatter(logging.Formatter):
    """Cleans the finished line of another formatter, so that tracebacks are covered too."""

    def __init__(self, inner: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(self._inner.format(record))


class Secrets:
    """Reveals references. Nothing is cached, so that a rotated secret takes effect at the next connection."""

    def __init__(
        self, redactor: Redactor, env: Mapping[str, str], home: Path, *, command_timeout: float = 10
    ) -> None:
        self._redactor = redactor
        self._env = env
        self._home = home
        self._command_timeout = command_timeout

    def reveal(self, ref: SecretRef) -> str:
        """The text behind `ref`, which the redactor knows before anybody else does."""
        secret = self._find(ref).strip()
        if not secret:
            raise SecretError(f"the secret in {_place(ref)} is empty", hint="store the secret there")
        self._redactor.learn(secret)
        return secret

    def glance(self, ref: SecretRef) -> str | None:
        """The text behind `ref` where nothing has to be started or unlocked for it."""
        if ref.command is not None or ref.keyring is not None:
            return None
        try:
            return self.reveal(ref)
        except SecretError:
            return None

    def _find(self, ref: SecretRef) -> str:
        match ref:
            case SecretRef(env=str(name)):
                return self._from_env(name)
            case SecretRef(file=str(name)):
                return self._from_file(name)
            case SecretRef(credential=str(name)):
                return self._from_credential(name)
            case SecretRef(keyring=str(name)):
                return _from_keyring(name)
            case SecretRef(command=argv):
                return self._from_command(argv or ())

    def _from_env(self, name: str) -> str:
        if name not in self._env:
            raise SecretError(f"the environment variable {name} is not set", hint="set it before the start")
        return self._env[name]

    def _from_file(self, name: str) -> str:
        try:
            path = self._home / Path(name).expanduser()
        except RuntimeError:
            raise SecretError(
                f"the secret file {name} is in nobody's home", hint="write its full path"
            ) from None
        return _read(path, private=True)

    def _from_credential(self, name: str) -> str:
        folder = self._env.get("CREDENTIALS_DIRECTORY")
        mend = f"add LoadCredential={name}:/path/of/the/file to the service's unit"
        if not folder:
            raise SecretError(f"the credential {name} needs a start by systemd", hint=mend)
        if Path(name).name != name:
            raise SecretError(
                f"the credential {name} is no plain name", hint="write the name without a folder"
            )
        path = Path(folder) / name
        if not path.exists():
            raise SecretError(f"systemd passed no credential {name}", hint=mend)
        return _read(path, private=False)

    def _from_command(self, argv: Sequence[str]) -> str:
        if not argv:
            raise SecretError("the secret's command is empty", hint='write it as ["program", "argument"]')
        program = repr(argv[0])
        try:
            code, output = self._run(argv)
            text = output.decode("utf-8")
        except subprocess.TimeoutExpired:
            raise SecretError(
                f"the secret command {program} took longer than {self._command_timeout:g} s",
                hint="run it by hand; it must not ask for anything",
            ) from None
        except UnicodeDecodeError:
            raise SecretError(
                f"the secret command {program} printed no text", hint="make it print UTF-8"
            ) from None
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or "not a command line"
            raise SecretError(
                f"the secret command {program} cannot be started ({why})",
                hint="write the program's full path",
            ) from None
        if code:
            raise SecretError(
                f"the secret command {program} ended with exit code {code}", hint="run it by hand to see why"
            )
        return text.partition("\n")[0]

    def _run(self, argv: Sequence[str]) -> tuple[int, bytes]:
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what it complains about may hold the secret
            env=self._env,
            cwd=self._home,
            process_group=0,
        ) as process:
            try:
                output, _ = process.communicate(timeout=self._command_timeout)
            except BaseException:
                # Whatever it has started goes with it; a pipe held open by a grandchild would hold us as well.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
            return process.returncode, output


class _Keyring(Protocol):
    def get_password(self, service_name: str, username: str) -> str | None: ...


def references(settings: object) -> Iterator[SecretRef]:
    """The secrets that settings refer to, however deep."""
    match settings:
        case SecretRef():
            yield settings
        case BaseModel():
            for _, value in settings:
                yield from references(value)
        case Mapping():
            for value in cast("Mapping[object, object]", settings).values():
                yield from references(value)
        case tuple() | list():
            for value in cast("Sequence[object]", settings):
                yield from references(value)
        case _:
            pass


def _from_keyring(entry: str) -> str:
    """`entry` is NAME, kept for the service `stentor`, or SERVICE/NAME."""
    service, _, name = entry.rpartition("/")
    service = service or _KEYRING_SERVICE
    try:
        keyring = cast("_Keyring", import_module("keyring"))
    except ImportError:
        raise SecretError(f"the keyring entry {entry} cannot be read", hint="pip install keyring") from None
    try:
        secret = keyring.get_password(service, name)
    except Exception as error:  # noqa: BLE001 - keyring backends raise anything
        raise SecretError(
            f"the keyring refused the entry {entry} ({type(error).__name__})",
            hint="unlock it, or keep the secret in a file or a systemd credential",
        ) from None
    if secret is None:
        hint = f"store it with: keyring set {shlex.quote(service)} {shlex.quote(name)}"
        raise SecretError(f"the keyring has no entry {entry}", hint=hint)
    return secret


def _read(path: Path, *, private: bool) -> str:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            _check_mode(path, os.fstat(file.fileno()).st_mode, private=private)
            content = file.read(_LONGEST + 1)
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(f"the secret file {path} holds no text", hint="save it as UTF-8") from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "not a path"
        raise SecretError(
            f"the secret file {path} cannot be read ({why})", hint="put a file there that this user owns"
        ) from None
    if len(content) > _LONGEST:
        raise SecretError(
            f"the secret file {path} is longer than 64 KiB", hint="name the file that holds the secret"
        )
    return text


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would stop the daemon.
    return os.open(path, flags | os.O_NONBLOCK)


def _check_mode(path: Path, mode: int, *, private: bool) -> None:
    if not stat.S_ISREG(mode):
        raise SecretError(f"the secret file {path} is not a regular file", hint="put the secret into a file")
    # systemd guards its credentials with access lists, which show in these bits.
    if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretError(
            f"the secret file {path} is open to other users", hint=f"chmod 600 {shlex.quote(str(path))}"
        )


def _place(ref: SecretRef) -> str:
    if ref.command is not None:
        return f"the output of command {ref.command[0]!r}"
    kind, name = next(iter(ref.model_dump(exclude_none=True).items()))
    return f"{kind} {name}"
