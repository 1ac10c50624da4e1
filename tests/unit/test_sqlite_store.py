"""What the SQLite store does with its file: new, old, damaged, another program's."""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from datagen_nb.core.errors import HomeError, ServiceUnavailable
from datagen_nb.core.store import CustomerUsage, Document
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.contracts.test_store import at, ended, line, record, started

MIGRATIONS = resources.files("datagen_nb.stores.sqlite") / "migrations"


def database_of_version(path: Path, version: int) -> sqlite3.Connection:
    """A database as an older release created it."""
    db = sqlite3.connect(path, isolation_level=None)
    steps = sorted(file.name for file in MIGRATIONS.iterdir() if file.name[:4].isdigit())
    for name in steps[:version]:
        db.executescript((MIGRATIONS / name).read_text(encoding="utf-8"))
    db.execute(f"PRAGMA user_version = {version}")
    return db


async def test_a_database_from_before_leases_opens(tmp_path: Path) -> None:
    """Its jobs, events, sizes and cooldowns count on; its running jobs have no owner."""
    path = tmp_path / "jobs.db"
    db = database_of_version(path, 5)
    running, waiting = started(record(1), 5), record(2)
    cancelled = ended(started(record(3), 10), 70)
    for cursor, (one, size) in enumerate([(running, 10), (waiting, 4), (cancelled, 0)], start=1):
        status = one.status
        db.execute(
            "INSERT INTO jobs (customer, job_id, version, state, created, ended, idempotency_key,"
            " fingerprint, size, status, config) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(one.customer, one.job_id, 3, status.status, format_instant(status.created_time)),
                format_instant(status.end_time) if status.end_time else None,
                *(one.idempotency_key, one.fingerprint, size),
                *(status.to_json(), one.config.to_json()),
            ),
        )
        db.execute(
            "INSERT INTO events VALUES ('ann', ?, 'job.updated', ?, ?, ?)",
            (cursor, one.job_id, format_instant(status.last_updated), status.to_json()),
        )
    db.execute("INSERT INTO documents VALUES ('ann', 'upload', 'x', 1, NULL, 5, '{}')")
    db.execute("UPDATE standings SET cancelled = ?", (format_instant(at(70)),))
    db.close()

    store = await SqliteStore.open(path)
    try:
        expected = CustomerUsage(running=1, waiting=1, stored=19, last_cancelled=at(70))
        assert await store.usage("ann") == expected
        assert await store.last_cursor("ann") == 3
        kept = await store.get("ann", running.job_id)
        assert (kept.owner, kept.lease_until, kept.version) == ("", None, 3)
        assert [one.job_id for one in await store.unleased(at=at(0))] == [running.job_id]
        assert len(await store.events("ann", after=0)) == 3
        await store.add(record(4))
        assert await store.last_cursor("ann") == 4
        await store.documents.put(Document("ann", "upload", "x", version=1, size=1))
        assert await store.usage("ann") == CustomerUsage(1, 2, 15, at(70))
    finally:
        await store.aclose()


async def test_an_upgrade_keeps_the_database_as_it_was(tmp_path: Path) -> None:
    """For the release that wrote it, and for this user alone; opened again, nothing is kept."""
    path, kept = tmp_path / "jobs.db", tmp_path / "jobs.db.v6"
    with closing(database_of_version(path, 6)) as db:
        db.execute("INSERT INTO documents VALUES ('ann', 'upload', 'x', 1, NULL, 5, '{}')")
        before = [*db.iterdump()]

    await (await SqliteStore.open(path)).aclose()

    with closing(sqlite3.connect(kept)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (6,)
        assert [*db.iterdump()] == before
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.replace(path)
    for _ in range(2):
        store = await SqliteStore.open(path)
        assert await store.documents.get("ann", "upload", "x") is not None
        await store.aclose()
    assert sorted(one.name for one in tmp_path.glob("*.v*")) == [kept.name]


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """It says so, and changes nothing."""
    path = tmp_path / "jobs.db"
    await (await SqliteStore.open(path)).aclose()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(HomeError, match=r"newer version of datagen-nb\. Upgrade") as raised:
        await SqliteStore.open(path)
    assert raised.value.details["found"] == 99
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 50, b"\0" * 4096])
async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """The error names it and says what to do."""
    path = tmp_path / "jobs.db"
    path.write_bytes(content)
    with pytest.raises(HomeError, match="Move it away") as raised:
        await SqliteStore.open(path)
    assert raised.value.details == {"path": str(path)}
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", ["missing/jobs.db", "."])
async def test_a_place_where_no_database_can_be_is_reported(tmp_path: Path, place: str) -> None:
    """A missing directory, a directory in its place."""
    with pytest.raises(HomeError):
        await SqliteStore.open(tmp_path / place)


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Its tables are not mixed with ours."""
    path = tmp_path / "jobs.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE jobs (title TEXT)")
    db.close()
    with pytest.raises(HomeError):
        await SqliteStore.open(path)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("jobs",)]
    db.close()


async def test_a_database_that_breaks_while_open_is_reported(tmp_path: Path) -> None:
    """An error of SQLite is the service's error, with the path and a way out."""
    path = tmp_path / "jobs.db"
    store = await SqliteStore.open(path)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE events")
    db.close()
    with pytest.raises(ServiceUnavailable) as raised:
        await store.add(record(1))
    assert (raised.value.code, raised.value.details) == ("store_unavailable", {"path": str(path)})
    # The job is not kept without its event.
    assert await store.find("ann", record(1).idempotency_key) is None
    await store.append_log("ann", "j_1", [line("still serving")])
    await store.aclose()


async def test_changes_of_another_are_reported_until_the_position_moves(tmp_path: Path) -> None:
    """As when the transaction that read them could not be committed."""
    one = await SqliteStore.open(tmp_path / "jobs.db")
    other = await SqliteStore.open(tmp_path / "jobs.db")
    position = (await one.changes(by_others=True)).position
    await other.add(record(1))
    for _ in range(2):
        found = await one.changes(after=position, by_others=True)
        assert list(found.customers) == ["ann"]
    assert not (await one.changes(after=found.position, by_others=True)).customers
    await one.aclose()
    await other.aclose()
