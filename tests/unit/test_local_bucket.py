"""What a directory needs beyond the contract: links, kills, full disks, the user's own files."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from datagen_nb import files
from datagen_nb.buckets import local
from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.buckets.registry import open_bucket
from datagen_nb.core.buckets import objects
from datagen_nb.core.errors import DatagenError, NotFound, OutputError, ServiceUnavailable
from tests.deadline import DEADLINE

KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from datagen_nb import files
from datagen_nb.buckets import local
{setup}
with local.LocalBucket(Path(sys.argv[1])).writer("d/a") as file:
    file.write(b"x" * 5_000_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("link", ["a", "d"])
def test_links_out_of_the_bucket_are_not_followed(tmp_path: Path, link: str) -> None:
    """Neither a linked object nor a linked directory leads out, for reading or writing."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").symlink_to(outside / "x")
    (root / "d").symlink_to(outside)
    bucket = LocalBucket(root)
    path = "a" if link == "a" else "d/x"

    with pytest.raises(NotFound):
        bucket.get(path)
    if link == "d":
        with pytest.raises(OutputError):
            bucket.put("d/y", b"y")
    else:
        bucket.put("a", b"mine")

    assert list(objects(bucket, "d")) == []
    bucket.delete_prefix("d/")
    bucket.delete("d")
    assert sorted(entry.name for entry in outside.iterdir()) == ["x"]
    assert (outside / "x").read_bytes() == b"secret"


def test_a_pipe_is_no_object(tmp_path: Path) -> None:
    """What is not a regular file neither blocks nor opens."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(NotFound):
        LocalBucket(tmp_path).open("pipe")


@pytest.mark.parametrize(
    ("setup", "remains"), [("", 0), ("local.os.O_TMPFILE = os.O_DIRECTORY", 1)]
)
def test_a_killed_writer_leaves_nothing_that_stays(
    tmp_path: Path, setup: str, remains: int
) -> None:
    """Killed in the middle: nothing shows, and what a system keeps the next writer clears away."""
    script = KILLED_WRITER.format(setup=setup)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    bucket = LocalBucket(tmp_path)

    assert done.returncode == -signal.SIGKILL
    assert list(objects(bucket, "")) == []
    assert len(list((tmp_path / "d").iterdir())) == remains

    bucket.put("d/a", b"y")

    assert [entry.name for entry in (tmp_path / "d").iterdir()] == ["a"]


def test_remains_of_a_living_writer_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writers of one object do not take each other's file away."""
    monkeypatch.setattr(local.os, "O_TMPFILE", os.O_DIRECTORY)
    bucket = LocalBucket(tmp_path)

    with bucket.writer("a") as file:
        file.write(b"first")
        bucket.put("a", b"second")
        assert bucket.get("a") == b"second"

    assert bucket.get("a") == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file, what is free and what to do, and leaves nothing."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(local.os, "fsync", full)
    (tmp_path / "d").mkdir()
    bucket = LocalBucket(tmp_path)

    with pytest.raises(OutputError) as caught:
        bucket.put("d/a", b"x")

    assert caught.value.code == "disk_full"
    assert caught.value.details["freeBytes"] > 0
    assert "Make room" in str(caught.value)
    assert list((tmp_path / "d").iterdir()) == []


SMALL_DISK = """
import os
from pathlib import Path
from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.errors import OutputError
try:
    LocalBucket(Path("{place}")).put("d/x", os.urandom(3_000_000))
except OutputError as error:
    print(error.code, list(Path("{place}/d").iterdir()))
"""


def test_a_disk_that_is_really_full_says_so(tmp_path: Path) -> None:
    """The same on a file system of one megabyte, where the kernel says no in the middle."""
    script = SMALL_DISK.format(place=tmp_path)
    mount = f'mount -t tmpfs -o size=1m none \'{tmp_path}\' || exit 77; exec "$0" -c "$1"'
    command = ["unshare", "--mount", "sh", "-c", mount, sys.executable, script]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    assert done.stdout == "disk_full []\n", done.stderr


def test_a_read_only_place_says_so(tmp_path: Path) -> None:
    """A target that cannot be written names the path, the reason and a remedy."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError) as caught:
        LocalFiles().put(str(tmp_path / "file" / "x.csv"), b"x")

    assert caught.value.code == "output_unwritable"
    assert str(tmp_path / "file" / "x.csv") in str(caught.value)
    assert "Choose a place" in str(caught.value)


def test_a_missing_directory_is_not_made_in_the_users_files(tmp_path: Path) -> None:
    """The user's own file system gets no directories that were not asked for."""
    with pytest.raises(OutputError, match="Make the directory"):
        LocalFiles().put(str(tmp_path / "no" / "x.csv"), b"x")

    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_not_replaced(tmp_path: Path) -> None:
    """A target that is a directory is refused, and no file is left beside it."""
    (tmp_path / "d").mkdir()

    with pytest.raises(OutputError, match="directory"):
        LocalFiles().put(str(tmp_path / "d"), b"x")

    assert [entry.name for entry in tmp_path.iterdir()] == ["d"]


def test_user_files_follow_links_and_keep_their_place(tmp_path: Path) -> None:
    """Writing to a link writes to what it names."""
    (tmp_path / "real.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    bucket = LocalFiles()

    bucket.put(str(tmp_path / "link.csv"), b"new")

    assert bucket.get(str(tmp_path / "link.csv")) == b"new"
    assert (tmp_path / "link.csv").is_symlink()
    assert bucket.get(f"{tmp_path}/x/../real.csv") == b"new"


def test_user_files_know_the_same_file(tmp_path: Path) -> None:
    """Links, dots and hard links are seen through."""
    (tmp_path / "a.csv").write_bytes(b"x")
    (tmp_path / "link.csv").symlink_to("a.csv")
    bucket = LocalFiles()

    assert bucket.is_same(f"{tmp_path}/a.csv", f"{tmp_path}/link.csv")
    assert bucket.is_same(f"{tmp_path}/new.csv", f"{tmp_path}/d/../new.csv")
    assert not bucket.is_same(f"{tmp_path}/a.csv", f"{tmp_path}/b.csv")


def test_user_files_delete_no_directories(tmp_path: Path) -> None:
    """A directory of the user's is never removed."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"x")

    assert not LocalFiles().delete(str(tmp_path / "d"))
    assert LocalFiles().delete_prefix(f"{tmp_path}/d/") == 0
    assert LocalFiles().delete(str(tmp_path / "d" / "x"))


def test_an_open_file_stays_as_it_was(tmp_path: Path) -> None:
    """On a disk, a reader is not disturbed by a writer that replaces or deletes the object."""
    bucket = LocalBucket(tmp_path)
    bucket.put("a", b"old")

    with bucket.open("a") as file:
        bucket.put("a", b"new")
        bucket.delete("a")

        assert file.read() == b"old"


ACTIONS = {
    "list": lambda bucket: list(bucket.list("d/")),
    "list above": lambda bucket: list(bucket.list()),
    "head": lambda bucket: bucket.head("d/a"),
    "open": lambda bucket: bucket.open("d/a"),
    "get": lambda bucket: bucket.get("d/a"),
    "get_range": lambda bucket: bucket.get_range("d/a", 0, 1),
    "put": lambda bucket: bucket.put("d/a", b"new"),
    "delete": lambda bucket: bucket.delete("d/a"),
    "delete_prefix": lambda bucket: bucket.delete_prefix("d/"),
}


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("name", ACTIONS)
def test_a_disk_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: int
) -> None:
    """A folder that cannot be opened is neither empty, nor gone, nor deleted."""
    bucket = LocalBucket(tmp_path)
    bucket.put("d/a", b"old")
    really = os.open

    def failing(path: str, *given: int, **named: int) -> int:
        if path == "d":
            raise OSError(error, os.strerror(error))
        return really(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(local.os, "open", failing)
        with pytest.raises(DatagenError) as caught:
            ACTIONS[name](bucket)

    writes = name in ("put", "delete", "delete_prefix")
    assert caught.value.code == "output_unwritable" if writes else "storage_unavailable"
    assert isinstance(caught.value, OutputError if writes else ServiceUnavailable)
    assert str(tmp_path) not in str(caught.value) or writes
    assert bucket.get("d/a") == b"old"


@pytest.mark.parametrize("name", ["list", "head", "open", "get", "get_range"])
def test_a_read_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An object that cannot be looked at is not taken for one that is not there."""
    bucket = LocalBucket(tmp_path)
    bucket.put("d/a", b"old")
    really = os.stat

    def failing(path: str, *given: int, **named: int) -> os.stat_result:
        if path == "a":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return really(path, *given, **named)

    monkeypatch.setattr(local.os, "stat", failing)

    with pytest.raises(ServiceUnavailable, match="did not answer for 'd/"):
        ACTIONS[name](bucket)


def test_a_delete_spares_a_version_that_is_being_replaced(tmp_path: Path) -> None:
    """Naming and removing files of a folder exclude each other, across processes too."""
    bucket = LocalBucket(tmp_path)
    bucket.put("d/a", b"old")
    with ThreadPoolExecutor() as pool:
        directory = os.open(tmp_path / "d", os.O_RDONLY)
        with files.locked(directory):
            doing = [
                pool.submit(bucket.delete, "d/a"),
                pool.submit(bucket.delete_prefix, "d/"),
                pool.submit(bucket.put, "d/b", b"new"),
            ]
            assert not wait(doing, timeout=0.05).done
        os.close(directory)
        assert len(wait(doing, timeout=DEADLINE).done) == 3


def test_an_address_opens_the_same_bucket(tmp_path: Path) -> None:
    """Of a directory as of the user's files; what no adapter knows is named in the error."""
    bucket = LocalBucket(tmp_path / "a \u00e4")
    bucket.put("x", b"x")

    assert open_bucket(bucket.address()).get("x") == b"x"
    assert open_bucket(LocalFiles().address()).get(str(tmp_path / "a \u00e4" / "x")) == b"x"
    for address in ("s3://name", "file://host/x", "/x", "nonsense"):
        with pytest.raises(NotFound, match="file:///"):
            open_bucket(address)


def test_a_file_is_younger_than_the_one_it_replaces(tmp_path: Path) -> None:
    """Though both are written in one tick of the clock: its number may be that of an older one."""
    bucket = LocalBucket(tmp_path)
    bucket.put("a", b"old")
    found = (tmp_path / "a").stat()
    tick = found.st_mtime_ns + 500_000_000
    os.utime(tmp_path / "a", ns=(tick, tick))

    bucket.put("a", b"new")

    assert (tmp_path / "a").stat().st_mtime_ns == tick + 1
