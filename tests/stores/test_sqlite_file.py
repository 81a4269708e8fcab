"""The file of the embedded store: how it is made, when it is refused, and that reading leaves it alone."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from stentor.adapters.sqlite.engine import migrations
from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.snapshot import SCHEMA_VERSION, read_only
from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.domain.faults import StoreRefused
from stentor.domain.states import RunStatus
from stentor.testing.job_changes import removed, renamed
from stentor.testing.points import Trail
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    PAGER,
    accepted,
    claim_of,
    delivery_seed,
    job_row,
    run_end,
    run_seed,
    settlement,
)
from stentor.testing.store_conformance.steps import claim_one, finish_one, settle_one, stored_job

Connect = Callable[[], apsw.Connection]


async def fill(path: Path) -> None:
    """A store with a job, a run, and a delivery that was accepted, written and closed."""
    store = SqliteStore.open(path, Trail())
    await store.add_job(job_row())
    await claim_one(store, claim_of(job_row(), run_seed()))
    await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1")))
    await store.set_accounts([PAGER], NOW_MS)
    for part in await store.begin_sends(NOW_MS, 1, BOOT):
        await settle_one(store, settlement(part, accepted()))
    await store.append("page", "main", "k-1", "page:room1", {"text": "kept"}, NOW_MS)
    await store.beat(BOOT, NOW_MS)
    await store.close()


def dump(connection: apsw.Connection) -> dict[str, list[tuple[object, ...]]]:
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    ).fetchall()
    return {str(name): connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}


# how it is opened


def test_every_commit_is_on_the_disk_before_it_counts(path: Path) -> None:
    connection = open_connection(path)
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2  # FULL
    assert connection.pragma("foreign_keys") == 1
    connection.close()


async def test_nobody_but_the_owner_can_read_the_store(path: Path) -> None:
    store = SqliteStore.open(path, Trail())
    await store.add_job(job_row())
    files = [file for file in path.parent.iterdir() if file.suffix != ".mark"]
    assert {file.name for file in files} >= {"stentor.db", "stentor.db-wal"}
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in files} == dict.fromkeys(
        (file.name for file in files), "0o600"
    )
    await store.close()


def test_migrations_are_numbered_without_gaps_up_to_the_schema_the_program_knows() -> None:
    assert [number for number, _ in migrations()] == list(range(1, SCHEMA_VERSION + 1))


async def test_opening_a_store_again_changes_neither_schema_nor_rows(path: Path, raw: Connect) -> None:
    await fill(path)
    before, version = dump(raw()), raw().pragma("user_version")
    open_connection(path).close()
    assert (dump(raw()), raw().pragma("user_version")) == (before, version)
    assert version == SCHEMA_VERSION


# when it is refused


def test_a_store_of_a_newer_release_is_refused_for_writing_and_for_reading(path: Path, raw: Connect) -> None:
    open_connection(path).close()
    raw().pragma("user_version", SCHEMA_VERSION + 1)
    for opening in (open_connection, Reader.open):
        with pytest.raises(StoreRefused, match=r"newer release .* upgrade stentor"):
            opening(path)
    assert raw().pragma("user_version") == SCHEMA_VERSION + 1


def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_text("The quick brown fox jumps over the lazy dog.\n" * 100)
    for opening in (open_connection, Reader.open):
        with pytest.raises(StoreRefused, match="restore a backup or move the file away"):
            opening(path)
    assert path.read_text().startswith("The quick brown fox")


@pytest.mark.parametrize("size", [1, 100, 4096], ids="{} bytes left".format)
async def test_a_truncated_store_is_refused(path: Path, size: int) -> None:
    await fill(path)
    os.truncate(path, size)
    with pytest.raises(StoreRefused, match="restore a backup"):
        open_connection(path)


async def test_a_store_with_a_spoilt_page_is_refused(path: Path) -> None:
    await fill(path)
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreRefused, match="restore a backup"):
        open_connection(path)


def delete(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace_by_a_fresh_store(path: Path) -> None:
    fresh = path.with_name("fresh.db")
    open_connection(fresh).close()
    shutil.move(fresh, path)


def delete_all_jobs(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM jobs")
    connection.close()


@pytest.mark.parametrize("loss", [delete, empty, replace_by_a_fresh_store, delete_all_jobs])
async def test_a_store_that_lost_its_jobs_is_refused_with_the_mend(
    path: Path, loss: Callable[[Path], None]
) -> None:
    await fill(path)
    loss(path)
    mend = rf"restore a backup, or delete {path}\.mark and {path} to start afresh"
    for _ in range(2):
        with pytest.raises(StoreRefused, match=mend):
            open_connection(path)


async def test_the_mend_mends(path: Path) -> None:
    await fill(path)
    path.unlink()
    path.with_name("stentor.db.mark").unlink()
    store = SqliteStore.open(path, Trail())
    assert list(await store.jobs()) == []
    await store.close()


async def test_a_deleted_store_is_not_made_anew_by_the_refusal(path: Path) -> None:
    await fill(path)
    path.unlink()
    with pytest.raises(StoreRefused):
        open_connection(path)
    assert not path.exists()


async def test_a_store_whose_jobs_were_removed_in_the_ordinary_way_opens(path: Path) -> None:
    await fill(path)
    store = SqliteStore.open(path, Trail())
    await store.change_jobs([removed(await stored_job(store))])
    await store.close()
    open_connection(path).close()


async def test_a_one_shot_that_removed_itself_is_not_missed(path: Path) -> None:
    store = SqliteStore.open(path, Trail())
    await store.add_job(job_row(delete_after_run=True))
    await claim_one(store, claim_of(job_row(), run_seed()))
    await finish_one(store, replace(run_end(), retire="done"))
    assert list(await store.jobs()) == []
    await store.close()
    open_connection(path).close()


async def test_a_backup_of_the_same_store_is_welcome(path: Path, raw: Connect) -> None:
    await fill(path)
    backup = path.with_name("backup.db")
    raw().execute("VACUUM INTO ?", (str(backup),))
    path.unlink()
    shutil.move(backup, path)
    open_connection(path).close()


@pytest.mark.parametrize("left", ["", '{"sto', "[]"], ids=["nothing", "half", "something else"])
async def test_a_mark_cut_short_does_not_keep_a_whole_store_shut(path: Path, left: str) -> None:
    await fill(path)
    mark = path.with_name("stentor.db.mark")
    whole = mark.read_text()
    mark.write_text(left)
    open_connection(path).close()
    assert mark.read_text() == whole


async def test_a_mark_cut_short_still_says_that_there_were_jobs(path: Path) -> None:
    await fill(path)
    path.with_name("stentor.db.mark").write_text("")
    path.unlink()
    with pytest.raises(StoreRefused, match="restore a backup"):
        open_connection(path)


async def test_a_mark_lost_between_the_first_job_and_its_writing_is_made_up_for(path: Path) -> None:
    await fill(path)
    path.with_name("stentor.db.mark").unlink()
    open_connection(path).close()
    path.unlink()
    with pytest.raises(StoreRefused):
        open_connection(path)


# reading


def test_a_store_that_is_not_there_reads_as_empty_and_is_not_made(path: Path) -> None:
    with Reader.open(path) as reader:
        assert reader.jobs_json(agent=None, everything=True) == ([], 0)
        assert reader.runs(limit=10, offset=0) == ([], 0)
        assert (reader.deliveries(), reader.alerts(10), reader.damaged_jobs()) == ([], [], [])
        assert (reader.job("brief"), reader.run("r-1"), reader.heartbeat()) == (None, None, None)
        assert set(reader.counts().values()) == {0}
    assert list(path.parent.iterdir()) == []


async def test_reading_changes_no_row(path: Path, raw: Connect) -> None:
    await fill(path)
    before = dump(raw())
    with Reader.open(path) as reader:
        reader.jobs_json(agent=None, everything=True)
        reader.job("BRIEF")
        reader.runs(limit=10, offset=0, query="a%_")
        reader.deliveries(target="page:room1")
        reader.journal(None, 10)
        reader.alerts(10)
        reader.events(0)
        reader.sessions("r-1")
        reader.counts()
        reader.next_due()
        reader.heartbeat()
        reader.accounts()
        reader.damaged_jobs()
    assert dump(raw()) == before


async def test_a_reader_cannot_write(path: Path) -> None:
    await fill(path)
    connection = read_only(str(path))
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM jobs")
    connection.close()


async def test_a_reader_sees_what_was_committed_while_it_is_open(path: Path) -> None:
    await fill(path)
    store = SqliteStore.open(path, Trail())
    with Reader.open(path) as reader:
        await store.add_job(job_row("second"))
        assert reader.counts()["jobs"] == 2
    await store.close()


async def test_a_document_changed_behind_our_back_is_noticed(path: Path, raw: Connect) -> None:
    store = SqliteStore.open(path, Trail())
    for job_id in ("whole", "bent"):
        await store.add_job(job_row(job_id))
    await store.close()
    raw().execute("UPDATE jobs SET doc = replace(doc, 'Bent', 'Beat') WHERE id = 'bent'")
    with Reader.open(path) as reader:
        assert reader.damaged_jobs() == ["bent"]


async def test_a_changed_job_has_the_checksum_of_its_new_document(path: Path) -> None:
    store = SqliteStore.open(path, Trail())
    await store.add_job(job_row())
    await store.change_jobs([renamed(replace(job_row(), doc='{"id": "brief", "name": "x"}'), "x")])
    await store.close()
    with Reader.open(path) as reader:
        assert reader.damaged_jobs() == []
