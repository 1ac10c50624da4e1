"""The places that a pipeline for others may use: what is below them, and nothing else."""

from pathlib import Path

import pytest

from datagen_nb.buckets.roots import Roots
from datagen_nb.core.errors import ArgumentError, NotFound


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A root ``in`` with a file and a link out of it, and a file ``out/secret`` beside it."""
    for name in ("in/a", "out"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "in" / "table.csv").write_bytes(b"a\n1\n")
    (tmp_path / "out" / "secret").write_bytes(b"secret")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "also").symlink_to(tmp_path / "in")
    return tmp_path


def test_what_is_below_a_root_can_be_used(place: Path) -> None:
    """A folder as a bucket, the root itself, and a file by its path; also by a link to the root."""
    for root in ("in", "also"):
        roots = Roots([str(place / root)])
        roots.open((place / "in" / "a").as_uri()).put("x", b"x")
        assert roots.open((place / "in").as_uri()).get("a/x") == b"x"
        files = roots.open("file:///")
        assert files.get(str(place / "in" / "table.csv")) == b"a\n1\n"
        files.put(str(place / "in" / "new.csv"), b"new")
    assert (place / "in" / "new.csv").read_bytes() == b"new"


@pytest.mark.parametrize("folder", ["out", "", "in/../out", "in/link", "inside"])
def test_a_bucket_that_is_not_below_a_root_is_refused(place: Path, folder: str) -> None:
    """Also by dots, by a link, and by a name that only begins alike."""
    with pytest.raises(NotFound, match="--root") as refused:
        Roots([str(place / "in")]).open(f"file://{place}/{folder}")
    assert refused.value.code == "outside_roots"


@pytest.mark.parametrize("path", ["out/secret", "in/link/secret", "in/../out/secret"])
def test_a_file_that_is_not_below_a_root_is_neither_read_nor_written(
    place: Path, path: str
) -> None:
    """It is as if it were not there."""
    files = Roots([str(place / "in")]).open("file:///")
    assert files.head(f"{place}/{path}") is None
    for operation in (
        lambda: files.get(f"{place}/{path}"),
        lambda: files.put(f"{place}/{path}", b"changed"),
        lambda: files.address(f"{place}/{path}"),
    ):
        with pytest.raises(NotFound, match="--root"):
            operation()
    assert not files.delete(f"{place}/{path}")
    assert (place / "out" / "secret").read_bytes() == b"secret"


def test_a_link_that_is_made_later_leads_nowhere_either(place: Path) -> None:
    """Paths are looked at when they are used, not when the bucket is opened."""
    files = Roots([str(place / "in")]).open("file:///")
    (place / "in" / "table.csv").unlink()
    (place / "in" / "table.csv").symlink_to(place / "out" / "secret")
    with pytest.raises(NotFound):
        files.get(str(place / "in" / "table.csv"))


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("gs://acme/tables", ""),
        ("gs://acme/tables/ann", "x.csv"),
        ("gs://acme", "tables/x.csv"),
        ("gs://whole", ""),
    ],
)
def test_objects_below_a_cloud_root_can_be_used(address: str, path: str) -> None:
    """A folder in a bucket, one object of a bucket, a bucket; nothing connects."""
    roots = Roots(["gs://acme/tables/", "gs://whole"])
    assert roots.open(address, path).address() == address


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("gs://acme", ""),
        ("gs://acme", "x.csv"),
        ("gs://acme", "tables/../x.csv"),
        ("gs://acme/tables2", ""),
        ("gs://acme/tables%2F..", "x.csv"),
        ("gs://other/tables", ""),
        ("file:///tables", ""),
    ],
)
def test_objects_that_are_not_below_a_cloud_root_are_refused(address: str, path: str) -> None:
    """Also with dots and escapes."""
    with pytest.raises(NotFound, match="--root"):
        Roots(["gs://acme/tables"]).open(address, path)


def test_without_a_folder_no_file_can_be_used(place: Path) -> None:
    """Roots in the cloud open nothing of this machine."""
    files = Roots(["gs://acme"]).open("file:///")
    assert files.head(str(place / "in" / "table.csv")) is None


@pytest.mark.parametrize("places", [[], ["relative"], ["gs://"], ["s3://bucket"]])
def test_what_is_no_place_is_refused(places: list[str]) -> None:
    """Before anything is served."""
    with pytest.raises(ArgumentError):
        Roots(places)
