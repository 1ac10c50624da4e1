"""A format of tables as one class: how a file is checked, read, sampled, written and joined.

A subclass with its instance is all that a format needs; ``core.formats`` finds it. Modules of
formats import what they read and write with inside their methods: their names are needed early.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, cast

from datagen_nb.core.formats import FORMATS, FileFormat

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.tables.csv_sniff import SniffedDialect
    from datagen_nb.tables.dialect import Dialect


def _ignore(_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read, and who hears of it.

    Attributes:
        name: What messages call the input.
        parameters: The job's, as ``encoding`` and ``badLines``.
        warn: Is called with a sentence about anything unexpected that was done.
        note: Is called with a sentence about what was assumed of the file's form.
        progress: Is called with the share that is done, 0 to 1.
        skipped: Is called with how many lines were left out, if any were.
        dialect: Of a CSV file, if it is known.
        take_back: Is called when the batches so far do not count and all come again, with other
            types; ``None`` does not allow it.
    """

    name: str = "The input"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    warn: Callable[[str], None] = _ignore
    note: Callable[[str], None] = _ignore
    progress: Callable[[float], None] = _ignore
    skipped: Callable[[int], None] = _ignore
    dialect: Dialect | None = None
    take_back: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class FileEnds:
    """The first and the last bytes of a file.

    Attributes:
        head: The first ones, unpacked if they are packed.
        tail: The last four.
        size: Bytes of the file.
    """

    head: bytes
    tail: bytes
    size: int


class Pieces(StrEnum):
    """Where rows of a large file can be read without the rows before them."""

    NONE = "none"
    HEAD = "head"
    ANYWHERE = "anywhere"


Opener = Callable[[Path], AbstractContextManager[BinaryIO]]


class TableFormat(FileFormat, ABC):
    """Reads and writes tables in one format, in bounded memory.

    Only what is abstract has to be written: the other methods say what a format can do beyond it.
    """

    joins_files: ClassVar[bool] = False
    """Whether several files, each with a table, can be joined into one file."""

    def check(self, ends: FileEnds, name: str, parameters: Mapping[str, Any] | None) -> None:
        """Refuse a file that is visibly none of this format.

        Args:
            ends: Of the file.
            name: What messages call it.
            parameters: The job's; ``None`` leaves its encoding unchecked.

        Raises:
            InputError: It is of another format, broken, or in another encoding.
        """

    @abstractmethod
    def read(self, file: BinaryIO, reading: Reading) -> Iterator[pa.RecordBatch]:
        """Read a table in batches of one schema, whose types are found from the whole file.

        Raises:
            InputError: The file is not of this format, or breaks somewhere.
        """
        ...

    @abstractmethod
    def read_part(self, file: BinaryIO, schema: pa.Schema) -> pa.Table:
        """Read a whole part that ``write_part`` wrote, with the schema it had."""
        ...

    @abstractmethod
    def write_part(self, table: pa.Table, file: BinaryIO) -> None:
        """Write a table; the same table gives the same bytes."""
        ...

    @abstractmethod
    def join(self, parts: Iterable[BinaryIO], target: BinaryIO, schema: pa.Schema | None) -> None:
        """Join parts into one file; each is read once, in order. ``schema`` is of the rows."""
        ...

    def join_files(
        self,
        files: Sequence[Path],
        target: BinaryIO,
        parameters: Mapping[str, Any],
        open_file: Opener,
    ) -> None:
        """Write the rows of several files into one, where ``joins_files``.

        Raises:
            InputError: A file has other columns than the first.
        """
        raise TypeError(f"files of {self.label} cannot be joined")

    def sample(
        self, file: BinaryIO, name: str, *, max_cells: int, cells: int
    ) -> tuple[list[pa.RecordBatch], int, bool] | None:
        """Rows from all over a file that has an index of its rows; ``None`` if it has none.

        Returns:
            The rows, how many the file has, and whether they are not the first ones only.
        """
        return None

    def pieces_of(self, file: BinaryIO) -> Pieces:
        """Where rows of a large text file can be read; of ``NONE`` all of it is read."""
        return Pieces.NONE

    def dialect_of(self, file: BinaryIO, parameters: Mapping[str, Any]) -> SniffedDialect | None:
        """The dialect of a file, if the format has dialects."""
        return None

    def whole_rows(self, text: str, dialect: Dialect | None) -> str:
        """The whole rows at the beginning of a piece of text."""
        raise TypeError(f"{self.label} is not read in pieces")


def table_format(name: str) -> TableFormat:
    """The format of a name. Raises ``KeyError`` if there is none."""
    return cast("TableFormat", FORMATS[name])
