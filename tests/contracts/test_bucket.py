"""What every bucket keeps to, whatever it is made of."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.errors import NotFound
from datagen_nb.core.ports import Bucket

ADAPTERS: dict[str, Callable[[Path], Bucket]] = {"local": lambda place: LocalBucket(place / "root")}


@pytest.fixture(params=ADAPTERS)
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    return ADAPTERS[request.param](tmp_path)


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


def test_if_absent_keeps_what_is_there(bucket: Bucket) -> None:
    """The first of two writers wins when both want to be the first."""
    bucket.put("a", b"first", if_absent=True)

    bucket.put("a", b"second", if_absent=True)

    assert bucket.get("a") == b"first"
    assert [meta.path for meta in bucket.list("")] == ["a"]


def test_an_object_is_not_visible_before_it_is_whole(bucket: Bucket) -> None:
    """Neither reading, nor asking, nor listing shows an object that is being written."""
    with bucket.writer("d/a") as file:
        file.write(b"half")
        file.flush()

        assert bucket.head("d/a") is None
        assert list(bucket.list("")) == []
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
    assert [meta.path for meta in bucket.list("")] == ["a"]


def test_an_open_object_stays_as_it_was(bucket: Bucket) -> None:
    """Who reads is not disturbed by who replaces or deletes."""
    bucket.put("a", b"old")

    with bucket.open("a") as file:
        bucket.put("a", b"new")
        bucket.delete("a")

        assert file.read() == b"old"


def test_open_gives_a_seekable_file(bucket: Bucket) -> None:
    """Formats that keep their index at the end can be read."""
    bucket.put("a", b"0123456789")

    with bucket.open("a") as file:
        file.seek(-3, 2)

        assert file.read() == b"789"


def test_list_is_by_prefix_and_in_order(bucket: Bucket) -> None:
    """Listing takes a prefix of the whole path, not only a directory."""
    for path in ("p/part-2", "p/part-1", "p/other", "q"):
        bucket.put(path, path.encode())

    assert [meta.path for meta in bucket.list("p/part")] == ["p/part-1", "p/part-2"]
    assert [meta.path for meta in bucket.list("p/")] == ["p/other", "p/part-1", "p/part-2"]
    assert [meta.size for meta in bucket.list("q")] == [1]
    assert list(bucket.list("none/")) == []


def test_delete_takes_an_object_or_a_tree(bucket: Bucket) -> None:
    """Deleting counts objects, spares neighbours whose names only begin alike, and repeats."""
    for path in ("job/a", "job/b/c", "job2/a"):
        bucket.put(path, b"x")

    assert bucket.delete("job") == 2
    assert bucket.delete("job") == 0
    assert bucket.delete("job2/a") == 1
    assert list(bucket.list("")) == []


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
    assert bucket.delete(path) in (0, 1 if path == "a/" else 0)


def test_what_is_not_there_is_not_found(bucket: Bucket) -> None:
    """A missing object is an error when read and nothing when asked for."""
    with pytest.raises(NotFound):
        bucket.get("none")

    assert bucket.head("none") is None


def test_a_bucket_can_be_sent_to_a_worker(bucket: Bucket) -> None:
    """A pickled bucket is the same bucket."""
    bucket.put("a", b"x")

    assert pickle.loads(pickle.dumps(bucket)).get("a") == b"x"


def test_room_is_a_number_or_unknown(bucket: Bucket) -> None:
    """Free space can be asked for before anything was written."""
    room = bucket.room("a/b")

    assert room is None or room > 0


def test_a_path_is_the_same_as_itself(bucket: Bucket) -> None:
    """Sameness of objects can be asked without there being any."""
    assert bucket.same("a", "a")
    assert not bucket.same("a", "b")
