"""What every bucket keeps to, whatever it is made of."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit

import pytest

from datagen_nb import files
from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.buckets import (
    Bucket,
    Buckets,
    IfVersion,
    LocalDisk,
    Mode,
    free_bytes,
    objects,
)
from datagen_nb.core.errors import NotFound, VersionConflict
from tests import fake_gcs
from tests.gcs_emulator import new_bucket
from tests.sqlite_bucket import SqliteBucket

ADAPTERS: dict[str, Callable[[Path], Bucket]] = {
    "local": lambda place: LocalBucket(place / "root"),
    "sqlite": lambda place: SqliteBucket(place / "bucket.sqlite"),
}

GCS = {"gcs, fake-gcs-server": "gcs_emulator", "gcs, strict fake": "strict_gcs"}
"""The servers that the bucket of Google Cloud Storage runs on, and their fixtures."""


@pytest.fixture(scope="session")
def strict_gcs() -> Iterator[str]:
    with fake_gcs.running() as fake:
        yield fake.address


@pytest.fixture(params=[*ADAPTERS, "local, named files", *GCS])
def bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bucket:
    if request.param in GCS:
        address = request.getfixturevalue(GCS[request.param])
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        return GcsBucket(new_bucket(address), "some folder/")
    if request.param == "local, named files":  # as on a system without files that have no name
        monkeypatch.setattr(files.os, "O_TMPFILE", os.O_DIRECTORY)
        return LocalBucket(tmp_path / "root")
    return ADAPTERS[request.param](tmp_path)


def paths(bucket: Bucket, prefix: str = "") -> list[str]:
    return [meta.path for meta in objects(bucket, prefix)]


def version(bucket: Bucket, path: str) -> str:
    found = bucket.head(path)
    assert found is not None
    return found.version


def test_what_is_put_can_be_read(bucket: Bucket) -> None:
    """An object comes back byte for byte."""
    data = bytes(range(256)) * 10_000

    bucket.put("a/b/c.bin", data)

    assert bucket.get("a/b/c.bin") == data
    assert bucket.head("a/b/c.bin").size == len(data)


def test_put_replaces(bucket: Bucket) -> None:
    """The newest object counts."""
    bucket.put("a", b"old and long")

    bucket.put("a", b"new")

    assert bucket.get("a") == b"new"


def test_create_keeps_what_is_there(bucket: Bucket) -> None:
    """The first of two writers wins when both want to be the first."""
    bucket.put("a", b"first", mode="create")

    with pytest.raises(VersionConflict):
        bucket.put("a", b"second", mode="create")

    assert bucket.get("a") == b"first"
    assert paths(bucket) == ["a"]


def test_a_version_is_replaced_once(bucket: Bucket) -> None:
    """A write that depends on a version fails as soon as there is another one, or none."""
    bucket.put("a", b"1")
    first = version(bucket, "a")

    bucket.put("a", b"2", mode=IfVersion(first))
    second = version(bucket, "a")

    for old in (first, "no such version"):
        with pytest.raises(VersionConflict):
            bucket.put("a", b"3", mode=IfVersion(old))
    assert bucket.get("a") == b"2"
    bucket.delete("a")
    with pytest.raises(VersionConflict):
        bucket.put("a", b"3", mode=IfVersion(second))
    assert paths(bucket) == []


def test_every_write_makes_a_new_version(bucket: Bucket) -> None:
    """However quickly writes follow each other, and though their bytes are the same."""
    versions = []
    for _ in range(50):
        bucket.put("a", b"x")
        versions.append(version(bucket, "a"))

    assert len(set(versions)) == 50
    assert [meta.version for meta in objects(bucket)] == versions[-1:]


def test_the_condition_of_a_writer_is_checked_at_its_end(bucket: Bucket) -> None:
    """What was written in the meantime is not overwritten, and nothing of the writer stays."""
    bucket.put("a", b"old")

    conditions: dict[str, Mode] = {"a": IfVersion(version(bucket, "a")), "b": "create"}
    for path, mode in conditions.items():
        with pytest.raises(VersionConflict), bucket.writer(path, mode=mode) as file:  # noqa: PT012
            file.write(b"mine")
            bucket.put(path, b"theirs")

    assert [bucket.get(path) for path in paths(bucket)] == [b"theirs", b"theirs"]


@pytest.mark.parametrize("is_new", [True, False])
def test_of_many_writers_with_one_condition_one_succeeds(bucket: Bucket, is_new: bool) -> None:
    """Eight writers raise a counter, each by reading, adding one and trying again: exactly."""
    if not is_new:
        bucket.put("counter", b"0")
    start = Barrier(8)

    def raise_counter() -> None:
        start.wait()
        raised = 0
        while raised < 10:
            meta = bucket.head("counter")
            mode: Mode = "create" if meta is None else IfVersion(meta.version)
            count = 0 if meta is None else int(bucket.get("counter"))
            with suppress(VersionConflict):
                bucket.put("counter", str(count + 1).encode(), mode=mode)
                raised += 1

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(raise_counter) for _ in range(8)]:
            done.result()

    assert bucket.get("counter") == b"80"


def test_an_object_is_not_visible_before_it_is_whole(bucket: Bucket) -> None:
    """Neither reading, nor asking, nor listing shows an object that is being written."""
    with bucket.writer("d/a") as file:
        file.write(b"half")
        file.flush()

        assert bucket.head("d/a") is None
        assert paths(bucket) == []
        with pytest.raises(NotFound):
            bucket.open("d/a")

    assert bucket.get("d/a") == b"half"


def test_a_writer_that_fails_leaves_the_old_object(bucket: Bucket) -> None:
    """An exception inside the block publishes nothing."""
    bucket.put("a", b"old")

    with pytest.raises(ZeroDivisionError), bucket.writer("a") as file:  # noqa: PT012
        file.write(b"new")
        raise ZeroDivisionError

    assert bucket.get("a") == b"old"
    assert paths(bucket) == ["a"]


def test_an_open_object_is_of_one_version(bucket: Bucket) -> None:
    """It reads as it was when it was opened, or fails: never as a mix of two versions."""
    bucket.put("a", b"old" * 1_000_000)

    with bucket.open("a") as file:
        found = file.read(3)
        bucket.put("a", b"new" * 1_000_000)
        with suppress(NotFound):
            found += file.read()

    assert found == (b"old" * 1_000_000)[: len(found)]


def test_open_gives_a_seekable_file(bucket: Bucket) -> None:
    """Formats that keep their index at the end can be read."""
    bucket.put("a", b"0123456789")

    with bucket.open("a") as file:
        file.seek(-3, 2)

        assert file.read() == b"789"


@pytest.mark.parametrize(
    ("start", "stop", "found"),
    [(0, 3, b"012"), (4, 5, b"4"), (7, 100, b"789"), (10, 12, b""), (50, 60, b""), (3, 3, b"")],
)
def test_a_range_is_read_by_itself(bucket: Bucket, start: int, stop: int, found: bytes) -> None:
    """It has the bytes from start to before stop, as far as the object has them."""
    bucket.put("a", b"0123456789")

    assert bucket.get_range("a", start, stop) == found


def test_a_range_that_is_none_is_refused(bucket: Bucket) -> None:
    """Ends are not counted from the end, and are in order; a missing object is not found."""
    bucket.put("a", b"0123456789")

    for start, stop in ((-1, 2), (3, 2), (0, -1)):
        with pytest.raises(ValueError, match="range"):
            bucket.get_range("a", start, stop)
    with pytest.raises(NotFound):
        bucket.get_range("none", 0, 1)


def test_list_is_by_prefix_and_in_order(bucket: Bucket) -> None:
    """Listing takes a prefix of the whole path, not only a directory."""
    for path in ("p/part-2", "p/part-1", "p/other", "q"):
        bucket.put(path, path.encode())

    assert paths(bucket, "p/part") == ["p/part-1", "p/part-2"]
    assert paths(bucket, "p/") == ["p/other", "p/part-1", "p/part-2"]
    assert paths(bucket, "p") == ["p/other", "p/part-1", "p/part-2"]
    assert [meta.size for meta in objects(bucket, "q")] == [1]
    assert paths(bucket, "none/") == paths(bucket, "none/deeper") == []


def test_the_order_is_that_of_whole_paths(bucket: Bucket) -> None:
    """A folder stands where its paths do, and not where its name does."""
    names = ["a-b", "a/b", "a/c/d", "a.b", "a0", "a/c-d", "\u00e4", "z"]
    for path in names:
        bucket.put(path, b"x")

    assert paths(bucket) == sorted(names)


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 100])
def test_a_listing_comes_in_pages(bucket: Bucket, page_size: int) -> None:
    """All are full but the last, and any of them can be the start of another listing."""
    names = sorted(["a-b", "a/b", "a/c/d", "a/c/e", "a/c-d", "a0", "b/c", "z"])
    for path in names:
        bucket.put(path, b"x")

    pages = [[meta.path for meta in page] for page in bucket.list(page_size=page_size)]

    assert [path for page in pages for path in page] == names
    assert [len(page) for page in pages[:-1]] == [page_size] * (len(pages) - 1)
    assert 1 <= len(pages[-1]) <= page_size
    for number, path in enumerate(names, start=1):
        rest = bucket.list(after=path, page_size=page_size)
        assert [meta.path for page in rest for meta in page] == names[number:]
    assert [meta.path for page in bucket.list("a/", after="a/b") for meta in page] == [
        "a/c-d",
        "a/c/d",
        "a/c/e",
    ]


def test_delete_takes_one_object(bucket: Bucket) -> None:
    """What lies below its name stays, and a second time there is nothing to delete."""
    for path in ("job/a", "job/b/c"):
        bucket.put(path, b"x")

    assert not bucket.delete("job")
    assert not bucket.delete("job/b")
    assert bucket.delete("job/a")
    assert not bucket.delete("job/a")
    assert not bucket.delete("none/a")
    assert paths(bucket) == ["job/b/c"]


def test_delete_prefix_takes_a_folder(bucket: Bucket) -> None:
    """It counts objects, spares neighbours whose names only begin alike, and repeats."""
    for path in ("job/a", "job/b/c", "job2/a"):
        bucket.put(path, b"x")

    assert bucket.delete_prefix("job/") == 2
    assert bucket.delete_prefix("job/") == 0
    assert bucket.delete_prefix("none/deeper/") == 0
    assert paths(bucket) == ["job2/a"]


@pytest.mark.parametrize("prefix", ["", "job", "job/a"])
def test_a_prefix_that_is_no_folder_is_not_deleted(bucket: Bucket, prefix: str) -> None:
    """Neither a whole bucket nor all that begins alike is deleted by a slip."""
    bucket.put("job/a", b"x")

    with pytest.raises(ValueError, match="end"):
        bucket.delete_prefix(prefix)

    assert paths(bucket) == ["job/a"]


def test_an_address_names_a_bucket_and_what_is_in_it(bucket: Bucket) -> None:
    """It is a URI, the same in every process; what is no name has none."""
    bucket.put("a b/\u00e4.csv", b"x")

    address = bucket.address()
    again = pickle.loads(pickle.dumps(bucket))

    assert again.address() == address
    assert bucket.address("a b/\u00e4.csv").startswith(f"{address}/")
    assert bucket.address("a") != bucket.address("b")
    assert urlsplit(address).scheme
    assert address.isascii()
    with pytest.raises(NotFound):
        bucket.address("../a")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", ".", "a//b", "a/", "a\0b", "./a"],
)
def test_a_path_that_is_no_name_is_not_found(bucket: Bucket, path: str) -> None:
    """Nothing outside can be reached, and nothing tells that it is there."""
    bucket.put("a", b"x")

    assert bucket.head(path) is None
    with pytest.raises(NotFound):
        bucket.open(path)
    with pytest.raises(NotFound):
        bucket.put(path, b"y")
    with pytest.raises(NotFound):
        bucket.get_range(path, 0, 1)
    assert not bucket.delete(path)
    assert bucket.delete_prefix(f"{path}/") == 0
    assert bucket.get("a") == b"x"


def test_what_is_not_there_is_not_found(bucket: Bucket) -> None:
    """A missing object is an error when read and nothing when asked for."""
    with pytest.raises(NotFound):
        bucket.get("none")

    assert bucket.head("none") is None


def test_a_bucket_can_be_sent_to_a_worker(bucket: Bucket) -> None:
    """A pickled bucket is the same bucket."""
    bucket.put("a", b"x")

    assert pickle.loads(pickle.dumps(bucket)).get("a") == b"x"


def test_free_space_is_a_number_or_unknown(bucket: Bucket) -> None:
    """It can be asked for before anything was written."""
    free = free_bytes(bucket, "a/b")

    assert free is None or free > 0


def test_a_path_on_a_disk_is_the_same_as_itself(bucket: Bucket) -> None:
    """Where objects are files, sameness can be asked without there being any."""
    if isinstance(bucket, LocalDisk):
        assert bucket.is_same("a", "a")
        assert not bucket.is_same("a", "b")


def test_customers_have_the_buckets_that_are_theirs(bucket: Bucket) -> None:
    """A bucket is found by its owner and its name; any other is not there."""
    buckets = Buckets(lambda customer, name: bucket if (customer, name) == ("ann", "b") else None)

    assert buckets("ann", "b") is bucket
    assert buckets.has("ann", "b")
    for customer, name in (("bob", "b"), ("ann", "c")):
        assert not buckets.has(customer, name)
        with pytest.raises(NotFound, match="no bucket"):
            buckets(customer, name)
