"""The session on disk: whose it is, who has it, and what becomes of it when it is damaged."""

import errno
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from stentor_whatsapp.session import Locked, Paired, Unusable, hold, make_ready, paired, unusable

DEVICE = "CREATE TABLE whatsmeow_device (jid TEXT PRIMARY KEY, lid TEXT, push_name TEXT NOT NULL DEFAULT '')"


def written(path: Path, *rows: tuple[str, str | None, str]) -> Path:
    """A session as the library leaves it, as far as it is looked at."""
    database = sqlite3.connect(path)
    with database:
        database.execute(DEVICE)
        database.executemany("INSERT INTO whatsmeow_device VALUES (?, ?, ?)", rows)
    database.close()
    path.chmod(0o600)
    return path


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return written(
        tmp_path / "session.db", ("6281234500001:1@s.whatsapp.net", "900000000000001:1@lid", "Ops")
    )


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


# Whose it is


def test_it_says_whose_it_is(session: Path) -> None:
    assert paired(session) == Paired("6281234500001", "900000000000001@lid", "Ops")


@pytest.mark.parametrize(
    ("jid", "lid", "expected"),
    [
        pytest.param(
            "62812.0:7@s.whatsapp.net", "9.1:7@lid", Paired("62812", "9@lid", ""), id="with an agent"
        ),
        pytest.param("62812@s.whatsapp.net", None, Paired("62812", "", ""), id="without a hidden address"),
    ],
)
def test_addresses_are_read_without_the_device(
    tmp_path: Path, jid: str, lid: str | None, expected: Paired
) -> None:
    assert paired(written(tmp_path / "session.db", (jid, lid, ""))) == expected


def test_it_is_nobodys_before_and_after_its_pairing(tmp_path: Path) -> None:
    assert paired(tmp_path / "session.db") is None
    assert not (tmp_path / "session.db").exists()
    (tmp_path / "session.db").touch()
    assert paired(tmp_path / "session.db") is None
    assert paired(written(tmp_path / "other.db")) is None


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "session.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Unusable, match="cannot be read"):
        paired(tmp_path / "session.db")


# Who has it


def test_it_is_had_once_until_it_is_let_go(session: Path) -> None:
    first = hold(session)
    with pytest.raises(Locked, match="running twice"):
        hold(session)
    first.close()
    hold(session).close()


def test_the_death_of_a_process_lets_go_of_it(session: Path) -> None:
    program = (
        "import sys, pathlib; from stentor_whatsapp.session import hold\n"
        f"lock = hold(pathlib.Path({str(session)!r})); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Locked):
            hold(session)
        holder.kill()
    hold(session).close()


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="nowhere"):
        hold(tmp_path / "nowhere" / "session.db")


# The copy


def test_a_sound_session_is_copied_whole(session: Path, tmp_path: Path) -> None:
    assert make_ready(session) is False
    assert paired(tmp_path / "session.db.bak") == paired(session)
    assert modes(tmp_path) == {"session.db": "0o600", "session.db.bak": "0o600"}


def test_the_copy_is_as_new_as_the_last_start(session: Path, tmp_path: Path) -> None:
    make_ready(session)
    database = sqlite3.connect(session)
    with database:
        database.execute("UPDATE whatsmeow_device SET push_name = 'Night shift'")
    database.close()
    make_ready(session)
    copy = paired(tmp_path / "session.db.bak")
    assert copy is not None
    assert copy.name == "Night shift"


def test_what_was_left_of_a_copy_is_in_nobodys_way(session: Path, tmp_path: Path) -> None:
    (tmp_path / "session.db.bak.new").write_bytes(b"half a copy")
    assert make_ready(session) is False
    assert set(modes(tmp_path)) == {"session.db", "session.db.bak"}


def test_a_new_session_is_made_for_our_eyes_only_and_not_copied(tmp_path: Path) -> None:
    assert make_ready(tmp_path / "session.db") is False
    assert modes(tmp_path) == {"session.db": "0o600"}
    assert make_ready(tmp_path / "session.db") is False
    assert modes(tmp_path) == {"session.db": "0o600"}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b"no database at all" * 500, id="overwritten"),
        pytest.param(b"", id="emptied"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 5000, id="its head is there"),
    ],
)
def test_the_copy_takes_the_place_of_a_damaged_session(session: Path, tmp_path: Path, damage: bytes) -> None:
    make_ready(session)
    whose = paired(session)
    session.write_bytes(damage)
    # What a damaged session left to be rolled back must not be rolled into its copy.
    (tmp_path / "session.db-journal").write_bytes(b"a journal")
    assert make_ready(session) is True
    assert paired(session) == whose
    assert (tmp_path / "session.db.damaged").read_bytes() == damage
    assert set(modes(tmp_path).values()) == {"0o600"}
    assert set(modes(tmp_path)) == {"session.db", "session.db.bak", "session.db.damaged"}
    assert make_ready(session) is False


def test_damage_within_is_found(session: Path) -> None:
    database = sqlite3.connect(session)
    with database:
        database.execute("CREATE TABLE keys (key BLOB)")
        database.executemany("INSERT INTO keys VALUES (randomblob(500))", [()] * 200)
    database.close()
    make_ready(session)
    data = bytearray(session.read_bytes())
    data[4 * 4096 : 6 * 4096] = b"\xee" * (2 * 4096)
    session.write_bytes(data)
    assert make_ready(session) is True


def test_a_damaged_session_without_a_copy_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "session.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Unusable, match="stentor channels login whatsapp"):
        make_ready(tmp_path / "session.db")
    assert (tmp_path / "session.db").read_bytes() == b"no database" * 1000


@pytest.mark.parametrize("copy", [b"garbage" * 1000, b""], ids=["damaged", "empty"])
def test_a_damaged_copy_takes_no_place_and_says_what_to_do(
    session: Path, tmp_path: Path, copy: bytes
) -> None:
    make_ready(session)
    session.write_bytes(b"no database" * 1000)
    (tmp_path / "session.db.bak").write_bytes(copy)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for _ in range(2):
        with pytest.raises(Unusable, match=r"move both away, .* stentor channels login whatsapp"):
            make_ready(session)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_first_damaged_session_is_the_one_that_is_kept(session: Path, tmp_path: Path) -> None:
    make_ready(session)
    for damaged in (b"the first " * 1000, b"the second" * 1000):
        session.write_bytes(damaged)
        assert make_ready(session) is True
    assert (tmp_path / "session.db.damaged").read_bytes() == b"the first " * 1000


def test_what_is_no_file_at_all_is_not_taken_for_a_damaged_session(session: Path, tmp_path: Path) -> None:
    make_ready(session)
    shutil.move(session, tmp_path / "kept")
    session.mkdir()
    with pytest.raises(Unusable, match="cannot be read or kept"):
        make_ready(session)
    assert session.is_dir()


def test_a_disk_without_room_for_a_copy_is_an_error_and_harms_nothing(session: Path, tmp_path: Path) -> None:
    make_ready(session)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    program = (
        "import pathlib, resource; from stentor_whatsapp.session import Unusable, make_ready\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        f"try:\n    make_ready(pathlib.Path({str(session)!r}))\nexcept Unusable as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert "cannot be read or kept" in done.stdout
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), id="said by the system"),
        pytest.param(sqlite3.OperationalError("database or disk is full"), id="said by SQLite"),
    ],
)
def test_a_full_disk_is_called_so(session: Path, error: OSError | sqlite3.Error) -> None:
    assert "make room" in str(unusable(session, error))


def test_a_session_that_may_only_be_read_is_an_error(session: Path, tmp_path: Path) -> None:
    session.chmod(0o444)
    tmp_path.chmod(0o755)
    # Nothing is forbidden to root, who is nobody from then on; what lies above the folder is closed to nobody.
    program = (
        "import os, pathlib; from stentor_whatsapp.session import Unusable, make_ready\n"
        "if not os.geteuid():\n    os.setuid(65534)\n"
        "try:\n    make_ready(pathlib.Path('session.db'))\nexcept Unusable as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30
    )
    assert "Permission denied" in done.stdout
    assert "its folder and its owner" in done.stdout
    assert modes(tmp_path) == {"session.db": "0o444"}


def test_a_folder_in_the_place_of_the_copy_is_an_error(session: Path, tmp_path: Path) -> None:
    (tmp_path / "session.db.bak.new").mkdir()
    with pytest.raises(Unusable, match="its folder and its owner"):
        make_ready(session)


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "whatsapp").touch()
    for prepare in (hold, make_ready):
        with pytest.raises(Unusable, match="its folder and its owner"):
            prepare(tmp_path / "whatsapp" / "session.db")
