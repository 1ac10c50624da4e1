"""Objects of a bucket in a viewer: what is seen of a Parquet object is copied by ranges.

The copy is a sparse file as long as the object, so that everything that reads files reads it. A
query needs all of it. Text is copied whole, and then read as any file of text.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.core.buckets import Bucket
from datagen_nb.core.errors import DatagenError, NotFound
from datagen_nb.core.formats import format_of
from datagen_nb.tables.input_errors import no_format
from datagen_nb.tables.view.connection import Cursor, ViewError
from datagen_nb.tables.view.conversion import converted
from datagen_nb.tables.view.parquet_relation import WHOLE, Ids, ParquetRelation
from datagen_nb.tables.view.relations import Relation

COPIED_BYTES = 8 << 20
"""That are read at once."""

CHECK_SECONDS = 30.0
"""Between two checks of whether an object has changed: each is a request that is paid for."""

FOOTER_BYTES = 64 << 10
"""Read at the end of an object at first; most footers are shorter."""


@dataclass(frozen=True, slots=True)
class BucketObject:
    """A table in a bucket.

    Attributes:
        bucket: Where it is.
        path: Its name there.
    """

    bucket: Bucket
    path: str


def object_relation(data: BucketObject, folder: Path) -> Relation:
    """Open a table of a bucket.

    Raises:
        InputError: It is broken, or has no format that is known.
        NotFound: There is no such object.
        StorageError: The bucket cannot be used.
    """
    name = PurePosixPath(data.path).name
    format = format_of(name)
    if format is None:
        raise no_format(data.bucket.address(data.path))
    if format == "parquet":
        return ObjectRelation(data, folder)
    opened = OpenedObject(data)
    path = folder / f"copy-of-{name}"
    with closing(data.bucket.open(data.path)) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, COPIED_BYTES)
    return converted(path, format, folder, made_of=opened)


class OpenedObject:
    """What an object was like when it was opened.

    Args:
        data: The object.

    Raises:
        StorageError: The bucket cannot be used.
    """

    def __init__(self, data: BucketObject) -> None:
        self._data = data
        self._version = self._look()
        self._checked = time.monotonic()
        self._is_stale = False

    @property
    def is_stale(self) -> bool:
        """Whether it was replaced or removed since; the bucket is asked now and then."""
        if time.monotonic() - self._checked >= CHECK_SECONDS:
            with suppress(DatagenError):  # a bucket that does not answer says nothing
                self.check()
        return self._is_stale

    def check(self) -> None:
        """Ask the bucket now.

        Raises:
            StorageError: The bucket cannot be used.
        """
        self._checked = time.monotonic()
        self._is_stale = self._is_stale or self._look() != self._version

    def _look(self) -> str | None:
        found = self._data.bucket.head(self._data.path)
        return None if found is None else found.version


class PartialCopy:
    """A file as long as an object, which has those bytes of it that were needed.

    Args:
        data: The object; it is read as it was when it was opened, or not at all.
        path: Of the file.

    Attributes:
        opened: What the object was like at first.
    """

    def __init__(self, data: BucketObject, path: Path) -> None:
        self.opened = OpenedObject(data)
        self._name = data.bucket.address(data.path)
        self._source = data.bucket.open(data.path)
        self._lock = threading.Lock()
        self._present: set[tuple[int, int]] = set()
        self.path = path
        self.size = self._source.seek(0, 2)
        with path.open("wb") as file:
            file.truncate(self.size)

    def ensure(self, start: int, stop: int) -> None:
        """Have these bytes of the object in the file.

        Raises:
            ViewError: The object has changed since it was opened.
        """
        start, stop = max(start, 0), min(stop, self.size)
        with self._lock:
            if start >= stop or any(a <= start and stop <= b for a, b in self._present):
                return
            with self.path.open("r+b") as file:
                for place in range(start, stop, COPIED_BYTES):
                    file.seek(place)
                    file.write(self._read(place, min(COPIED_BYTES, stop - place)))
            self._present.add((start, stop))

    def _read(self, place: int, size: int) -> bytes:
        try:
            self._source.seek(place)
            return self._source.read(size)
        except NotFound:
            self.opened.check()
            raise ViewError(
                f"{self._name} has changed since it was opened. Reload it.", code="view_stale"
            ) from None

    def ensure_footer(self) -> None:
        """Have what describes a Parquet file."""
        self.ensure(self.size - FOOTER_BYTES, self.size)
        with self.path.open("rb") as file:
            file.seek(max(self.size - 8, 0))
            length = int.from_bytes(file.read(4), "little")
        self.ensure(self.size - 8 - length, self.size)
        self.ensure(0, 4)  # its mark

    def close(self) -> None:
        """Close the object."""
        self._source.close()


class ObjectRelation:
    """A Parquet object of a bucket."""

    def __init__(self, data: BucketObject, folder: Path) -> None:
        self._copy = PartialCopy(data, folder / "object.parquet")
        try:
            self._copy.ensure_footer()
            self._relation = ParquetRelation([self._copy.path], folder, made_of=self._copy.opened)
            self._metadata = pq.read_metadata(self._copy.path)
        except BaseException:
            self._copy.close()
            raise
        counts = [_leaves(type_) for type_ in self.schema.types]
        self._firsts = [sum(counts[:place]) for place in range(len(counts) + 1)]

    @property
    def schema(self) -> pa.Schema:
        return self._relation.schema

    @property
    def num_rows(self) -> int:
        return self._relation.num_rows

    def window(
        self, cursor: Cursor, /, start: int, stop: int, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        for begin, end in self._chunks(start, stop, columns):
            self._copy.ensure(begin, end)
        return self._relation.window(cursor, start, stop, columns, most)

    def take(
        self, cursor: Cursor, /, rows: Ids, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        self._copy.ensure(0, self._copy.size)
        return self._relation.take(cursor, rows, columns, most)

    def bind(self, cursor: Cursor, /, columns: Sequence[int]) -> str:
        self._copy.ensure(0, self._copy.size)
        return self._relation.bind(cursor, columns)

    @property
    def files(self) -> Sequence[Path]:
        return self._relation.files

    @property
    def is_stale(self) -> bool:
        return self._relation.is_stale

    def close(self) -> None:
        self._relation.close()
        self._copy.close()

    def _chunks(self, start: int, stop: int, columns: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Where cells lie in the object."""
        first = 0
        for place in range(self._metadata.num_row_groups):
            group = self._metadata.row_group(place)
            if first < stop and start < first + group.num_rows:
                for column in columns:
                    for leaf in range(self._firsts[column], self._firsts[column + 1]):
                        chunk = group.column(leaf)
                        begin = chunk.dictionary_page_offset or chunk.data_page_offset
                        begin = min(begin, chunk.data_page_offset)
                        yield begin, begin + chunk.total_compressed_size
            first += group.num_rows


def _leaves(type_: pa.DataType) -> int:
    """How many columns of a Parquet file a column of Arrow is."""
    if isinstance(type_, pa.BaseExtensionType):
        return _leaves(type_.storage_type)
    if isinstance(type_, pa.StructType):
        return sum(_leaves(type_.field(place).type) for place in range(type_.num_fields))
    if pa.types.is_map(type_):
        return _leaves(type_.key_type) + _leaves(type_.item_type)
    return _leaves(type_.value_type) if pa.types.is_nested(type_) else 1
