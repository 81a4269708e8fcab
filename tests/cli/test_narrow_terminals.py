"""What does not fit side by side on a terminal stands one below the other."""

import fcntl
import os
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from tests.outside import STENTOR, Stentor

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def seen(stentor: Stentor, columns: int, *words: str) -> list[str]:
    """The lines that somebody sees on a terminal of this width."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    command = [*STENTOR, *words, "--home", str(stentor.home)]
    environment = {**stentor.environment, "TERM": "xterm"}
    subprocess.run(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        text = os.read(terminal.fileno(), 1 << 16).decode()
    return [line.rstrip() for line in _COLOURS.sub("", text).splitlines()]


@pytest.fixture
def house(tmp_path: Path) -> Stentor:
    stentor = Stentor(tmp_path / "home")
    stentor.ask(
        "cron",
        "add",
        "--id",
        "brief",
        "--name",
        "Morning brief",
        "--every",
        "1h",
        "--text",
        "x",
        "--to",
        "local:a",
    )
    return stentor


def test_a_list_of_jobs_is_a_table_where_there_is_room(house: Stentor) -> None:
    lines = seen(house, 200, "cron", "list")
    assert len(lines) == 2
    assert lines[1].split()[:3] == ["brief", "Morning", "brief"]


def test_a_program_that_reads_it_finds_a_table_whatever_stands_in_it(house: Stentor) -> None:
    house.ask("cron", "edit", "brief", "--name", "x" * 190)
    header, *rows = house.run("cron", "list").out.splitlines()
    assert header.split()[:2] == ["id", "name"]
    assert rows[0].startswith("brief")


def test_on_eighty_columns_each_job_is_a_list_and_no_word_is_broken(house: Stentor) -> None:
    lines = seen(house, 80, "cron", "list")
    assert lines[0] == "brief"
    facts = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines[1:])
    assert facts["name"] == "Morning brief"
    assert facts["delivers to"] == "announce -> local:a"
    assert "last" not in facts  # what is not known is not said
