"""A bucket without files: objects are rows with generations, as an object store has them.

It stands for Google Cloud Storage wherever a test has to show that a part of the program needs
nothing of a local disk.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from datagen_nb.core.buckets import PAGE_SIZE, IfVersion, Mode, ObjectMeta
from datagen_nb.core.errors import NotFound, VersionConflict

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (path TEXT PRIMARY KEY, generation INT, data BLOB);
CREATE TABLE IF NOT EXISTS counter (generation INT);
"""


class SqliteBucket:
    """Implements ``core.buckets.Bucket``, and not ``LocalDisk``.

    Args:
        file: The database, made if there is none.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._transaction() as db:
            for statement in SCHEMA.split(";"):
                db.execute(statement)

    def address(self, path: str = "") -> str:
        address = f"sqlite://{quote(str(self._file))}"
        return f"{address}/{quote(_checked(path))}" if path else address

    @contextmanager
    def writer(self, path: str, *, mode: Mode = "overwrite") -> Iterator[BinaryIO]:
        _checked(path)
        file = io.BytesIO()
        yield file
        self.put(path, file.getvalue(), mode=mode)

    def put(self, path: str, data: bytes, *, mode: Mode = "overwrite") -> None:
        _checked(path)
        with self._transaction() as db:
            found = db.execute("SELECT generation FROM objects WHERE path = ?", (path,)).fetchone()
            there = None if found is None else str(found[0])
            if mode == "create" and there is not None:
                raise VersionConflict(path)
            if isinstance(mode, IfVersion) and there != mode.version:
                raise VersionConflict(path)
            db.execute("INSERT INTO counter SELECT coalesce(max(generation), 0) + 1 FROM counter")
            db.execute(
                "INSERT OR REPLACE INTO objects SELECT ?, max(generation), ? FROM counter",
                (path, data),
            )

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self.get(path))

    def get(self, path: str) -> bytes:
        return bytes(self._one("SELECT data FROM objects WHERE path = ?", path)[0])

    def get_range(self, path: str, start: int, stop: int) -> bytes:
        if not 0 <= start <= stop:
            raise ValueError(f"{start} to {stop} is no range of bytes")
        return self.get(path)[start:stop]

    def head(self, path: str) -> ObjectMeta | None:
        try:
            size, generation = self._one(
                "SELECT length(data), generation FROM objects WHERE path = ?", path
            )
        except NotFound:
            return None
        return ObjectMeta(path, size, str(generation))

    def list(
        self, prefix: str = "", *, after: str = "", page_size: int = PAGE_SIZE
    ) -> Iterator[Sequence[ObjectMeta]]:
        while True:
            with self._transaction() as db:
                rows = db.execute(
                    "SELECT path, length(data), generation FROM objects"
                    " WHERE path > ? AND substr(path, 1, ?) = ? ORDER BY path LIMIT ?",
                    (after, len(prefix), prefix, page_size),
                ).fetchall()
            if not rows:
                return
            yield [ObjectMeta(path, size, str(generation)) for path, size, generation in rows]
            after = rows[-1][0]

    def delete(self, path: str) -> bool:
        with self._transaction() as db:
            return db.execute("DELETE FROM objects WHERE path = ?", (path,)).rowcount > 0

    def delete_prefix(self, prefix: str) -> int:
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} is no prefix of a folder: it has to end in '/'")
        with self._transaction() as db:
            matches = (len(prefix), prefix)
            return db.execute("DELETE FROM objects WHERE substr(path, 1, ?) = ?", matches).rowcount

    def _one(self, query: str, path: str) -> tuple[Any, ...]:
        with self._transaction() as db:
            found: tuple[Any, ...] | None = db.execute(query, (path,)).fetchone()
        if found is None:
            raise NotFound(f"There is no object {path!r} in this bucket.", details={"path": path})
        return found

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=60, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.rollback()
                raise
            db.commit()


def _checked(path: str) -> str:
    if any(part in ("", ".", "..") or "\0" in part for part in path.split("/")):
        raise NotFound(f"There is no object {path!r} in this bucket.", details={"path": path})
    return path
