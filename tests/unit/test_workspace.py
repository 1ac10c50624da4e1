"""The fence between attempts: of several that write to one job, the newest alone goes on."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import BinaryIO

import pytest

from datagen_nb.core.buckets import Mode, objects
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.status import StaleAttempt
from datagen_nb.pipelines.engine.workspace import Workspace
from tests.sqlite_bucket import SqliteBucket

FENCE = "jobs/j/scratch/attempt"


class Overtaken(SqliteBucket):
    """Attempt 2 puts up its fence whenever attempt 1 has read it and is about to write it."""

    def put(self, path: str, data: bytes, *, mode: Mode = "overwrite") -> None:
        if (path, data) == (FENCE, b"1"):
            Workspace(SqliteBucket(self._file), "j", 2, "csv").claim()
        super().put(path, data, mode=mode)


@pytest.mark.parametrize("before", [None, b"1", b"0"])
def test_an_older_attempt_does_not_overwrite_the_fence(
    tmp_path: Path, before: bytes | None
) -> None:
    """Though the newer one came between its reading and its writing."""
    bucket = Overtaken(tmp_path / "bucket.sqlite")
    if before is not None:
        SqliteBucket.put(bucket, FENCE, before)
    workspace = Workspace(bucket, "j", 1, "csv")

    with pytest.raises(StaleAttempt):
        workspace.claim()

    assert bucket.get(FENCE) == b"2"
    with pytest.raises(StaleAttempt):
        workspace.save("model", b"x")


def test_of_attempts_that_begin_at_once_the_newest_stays(tmp_path: Path) -> None:
    """In whatever order they reach the bucket."""
    bucket = SqliteBucket(tmp_path / "bucket.sqlite")
    start = Barrier(6)

    def claim(attempt: int) -> None:
        start.wait()
        with suppress(StaleAttempt):
            Workspace(bucket, "j", attempt, "csv").claim()

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(claim, attempt) for attempt in range(1, 7)]:
            done.result()

    assert bucket.get(FENCE) == b"6"


def test_the_first_manifest_stays(tmp_path: Path) -> None:
    """A job is completed once; completing it again is not refused."""
    workspace = Workspace(SqliteBucket(tmp_path / "bucket.sqlite"), "j", 1, "csv")
    workspace.claim()
    manifests = [
        Manifest(job_id="j", format="csv", rows=rows, size=1, parts=(), arrow_schema="")
        for rows in (1, 2)
    ]

    for manifest in manifests:
        workspace.complete(manifest)

    assert workspace.manifest() == manifests[0]


def test_a_model_that_comes_after_the_job_is_over_is_removed(tmp_path: Path) -> None:
    """As a part is: it holds what it was fitted to."""
    bucket = SqliteBucket(tmp_path / "bucket.sqlite")

    class Ended(SqliteBucket):
        def put(self, path: str, data: bytes, *, mode: Mode = "overwrite") -> None:
            super().put(path, data, mode=mode)
            if path.endswith("/model"):
                bucket.delete("jobs/j/scratch/attempt")

    workspace = Workspace(Ended(tmp_path / "bucket.sqlite"), "j", 1, "csv")
    workspace.claim()

    with pytest.raises(StaleAttempt):
        workspace.save_model(b"x")

    assert list(objects(bucket, "")) == []


def test_a_part_that_comes_after_the_job_is_over_is_removed(tmp_path: Path) -> None:
    """Its maker may run where nothing stops it at once, and nothing else would remove it."""
    bucket = SqliteBucket(tmp_path / "bucket.sqlite")
    workspace = Workspace(bucket, "j", 1, "csv")
    workspace.claim()

    def write(file: BinaryIO) -> None:
        file.write(b"a\n1\n")
        bucket.delete_prefix("jobs/j/")

    with pytest.raises(StaleAttempt):
        workspace.write_part(0, 1, write)

    assert list(objects(bucket, "")) == []
