"""Where bytes are kept: the port of a bucket, and how a customer's bucket is found by its name.

The operations are those of an object store, as Google Cloud Storage has them: whole objects,
ranges, pages of a listing, and writes that depend on the version that is there. What only a disk
of this machine knows is `LocalDisk`, an optional protocol: ``isinstance(bucket, LocalDisk)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol, runtime_checkable

from datagen_nb.core.errors import NotFound
from datagen_nb.core.places import DEFAULT_BUCKET

PAGE_SIZE = 1_000
"""Objects on one page of a listing, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """What is known of an object without reading it.

    Attributes:
        path: Its name in its bucket.
        size: In bytes.
        version: Opaque; another one after every write. `IfVersion` takes it.
    """

    path: str
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class IfVersion:
    """The mode of a write that replaces one version of an object and no other."""

    version: str


Mode = Literal["create", "overwrite"] | IfVersion
"""When a write takes place: if there is no such object, always, or if this version is there.

Of several writers with the same `IfVersion`, or with ``"create"``, exactly one succeeds.
"""


class Bucket(Protocol):
    """A flat space of objects named by ``/``-separated paths.

    No object's name is the folder of another's: below ``a`` there is none when ``a`` is one.

    Guarantees: a reader sees an object whole or not at all; a published object has reached the
    disk; a path cannot lead out of the bucket (``NotFound``, as if it were not there); a write
    that fails raises ``OutputError`` and leaves nothing visible. A storage that does not answer
    is an error (``ServiceUnavailable``), and so is one that cannot be used as it is set up
    (``StorageError``): never an empty bucket or a missing object. Picklable: a
    worker process gets one.
    """

    def address(self, path: str = "") -> str:
        """URI of the bucket, or of an object in it that need not exist, as ``gs://…``.

        ``open_bucket`` of the same user gives the same bucket for it.
        """
        ...

    def writer(self, path: str, *, mode: Mode = "overwrite") -> AbstractContextManager[BinaryIO]:
        """Write one object, published when the block ends without an exception.

        Args:
            path: Its name.
            mode: When the write takes place. It is checked at the end of the block, and may be
                checked at its beginning too.

        Raises:
            OutputError: It cannot be written.
            VersionConflict: The condition of ``mode`` does not hold.
        """
        ...

    def put(self, path: str, data: bytes, *, mode: Mode = "overwrite") -> None:
        """Write a small object at once; raises as ``writer`` does.

        Example:
            ```python
            bucket.put("jobs/j_1/report.json", report, mode="create")
            ```
        """
        ...

    def open(self, path: str) -> BinaryIO:
        """Open an object for reading; seekable.

        It reads as it was when it was opened, or fails; never a mix of two versions.

        Raises:
            NotFound: No such object.
        """
        ...

    def get(self, path: str) -> bytes:
        """Read a small object at once.

        Raises:
            NotFound: No such object.
        """
        ...

    def get_range(self, path: str, start: int, stop: int) -> bytes:
        """Read the bytes from ``start`` to before ``stop``; fewer where the object ends.

        Raises:
            NotFound: No such object.
            ValueError: Not ``0 <= start <= stop``.

        Example:
            ```python
            bucket.get_range("table.parquet", size - 8, size)  # the end of a Parquet file
            ```
        """
        ...

    def head(self, path: str) -> ObjectMeta | None:
        """Size and version of an object; ``None`` when there is none."""
        ...

    def list(
        self, prefix: str = "", *, after: str = "", page_size: int = PAGE_SIZE
    ) -> Iterator[Sequence[ObjectMeta]]:
        """Pages of the objects whose path starts with ``prefix``, in the order of their paths.

        Args:
            prefix: Of the whole path; it need not end at a ``/``.
            after: Only paths that come after this one, as the last of an earlier page.
            page_size: Objects on a page; the last one has fewer, and none is empty.
        """
        ...

    def delete(self, path: str) -> bool:
        """Remove one object; whether there was one."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Remove all objects below a folder, what interrupted writers left too; count them.

        Args:
            prefix: Ends in ``/``, so that ``jobs/j_1/`` never takes ``jobs/j_10/`` with it.

        Raises:
            ValueError: It does not.
        """
        ...


@runtime_checkable
class LocalDisk(Bucket, Protocol):
    """A bucket on a disk of this machine, and what only such a one knows."""

    @property
    def is_near(self) -> bool:
        """Whether ``head`` takes less time than handing it to a thread."""
        ...

    def writer(
        self, path: str, *, mode: Mode = "overwrite", permissions: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """As of every bucket; ``permissions`` are the mode bits of a new file.

        A file that is replaced hands on its own.
        """
        ...

    def free_bytes(self, path: str) -> int | None:
        """Bytes that can still be written where ``path`` would lie; ``None`` if it is unknown."""
        ...

    def is_same(self, one: str, other: str) -> bool:
        """Whether two paths lead to one object, through links."""
        ...


def free_bytes(bucket: Bucket, path: str) -> int | None:
    """Bytes that can still be written where ``path`` would lie; ``None`` if it is unknown."""
    return bucket.free_bytes(path) if isinstance(bucket, LocalDisk) else None


def objects(bucket: Bucket, prefix: str = "") -> Iterator[ObjectMeta]:
    """All objects whose path starts with ``prefix``, page after page."""
    for page in bucket.list(prefix):
        yield from page


class Buckets:
    """The buckets of all customers, by name.

    Args:
        find: Gives a customer's bucket; ``None`` when that customer has none of the name.
    """

    def __init__(self, find: Callable[[str, str], Bucket | None]) -> None:
        self._find = find

    def __call__(self, customer: str, name: str) -> Bucket:
        """A customer's bucket.

        Raises:
            NotFound: There is no such bucket, or it is not this customer's.
        """
        bucket = self._find(customer, name)
        if bucket is None:
            raise NotFound(
                f"There is no bucket {name!r} here. Use {DEFAULT_BUCKET!r}.",
                details={"bucket": name},
            )
        return bucket

    def has(self, customer: str, name: str) -> bool:
        """Whether a customer has a bucket of this name."""
        return self._find(customer, name) is not None
