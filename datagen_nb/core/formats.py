"""Formats of tables: what the rules know of each, and the registry in which they are found.

A format is one class, of which this part has no I/O; reading and writing is its subclass's
(``tables.table_format.TableFormat``). Those of this package are the modules of
``tables/file_formats``; others are found by the entry point ``datagen_nb.table_formats``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.registry import Registry
from datagen_nb.core.rules import broken, one_of

ENTRY_POINTS = "datagen_nb.table_formats"
"""The group of entry points under which packages offer their formats: a class each."""


class FileFormat:
    """A format of tables.

    Attributes:
        name: On the wire, as ``inputFormat``.
        label: For people.
        endings: Of files' names, with the dot; the first is the one written.
        is_text: Whether a file is text: it may be packed with gzip, and holds times as texts.
        magic: The bytes that every file begins with; none for text.
        read_seconds: For a cell, before a job has ended here.
        write_seconds: The same, to generate it and to write it.
        report_seconds: The same, for the report to read it back.
        size_deviation: Standard deviation of the logarithm of a result's estimated bytes.
        row_size: Bytes of a row of five columns, about.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    is_text: ClassVar[bool] = True
    magic: ClassVar[bytes] = b""
    read_seconds: ClassVar[float] = 2e-6
    write_seconds: ClassVar[float] = 2.5e-7
    report_seconds: ClassVar[float] = 6e-7
    size_deviation: ClassVar[float] = 0.2
    row_size: ClassVar[int] = 100


FORMATS: Registry[FileFormat] = Registry(
    FileFormat,
    package="datagen_nb.tables.file_formats",
    attribute="FORMAT",
    entry_points=ENTRY_POINTS,
)
"""Every format of tables, by name."""


FOREIGN_ENDINGS = (
    ".xlsx", ".xls", ".xlsm", ".ods", ".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar",
    ".arrow", ".feather", ".ipc", ".orc", ".avro", ".db", ".sqlite", ".h5", ".hdf5", ".pkl",
    ".sav", ".dta", ".sas7bdat", ".rds", ".html", ".xml", ".pdf",
)  # fmt: skip
"""Endings of files that other programs open as something else than a table of ours.

A format that is found by its entry point may have one of them.
"""


PACKED_ENDING = ".gz"
"""Behind the ending of a text format that is read, not written."""


def format_of(path: str) -> str | None:
    """The format that a name's ending names; ``None`` when it names none."""
    path = path.lower()
    text = path.removesuffix(PACKED_ENDING)
    ending = text[text.rfind(".") :] if "." in text else ""
    format = next((one for one in FORMATS.values() if ending in one.endings), None)
    is_packed = text != path
    return None if format is None or (is_packed and not format.is_text) else format.name


def known_endings() -> str:
    """The endings of all formats, for a message."""
    return ", ".join(ending for format in FORMATS.values() for ending in format.endings)


def written_format(path: str, format: str | None, otherwise: str) -> str:
    """Decide the format of a file that is written.

    Args:
        path: Its name.
        format: What the caller says; ``None`` leaves it to the ending.
        otherwise: The format of a name without an ending.

    Raises:
        ConfigurationError: There is no such format, or the ending is of another one.
    """
    problems: list[Problem] = []
    if format is not None:
        problems += broken("format", format, one_of(FORMATS))
    elif ending_of(path) and format_of(path) is None:
        problems.append(_not_written("output", path))
    problems = problems or list(foreign_ending("output", path))
    if problems:
        raise ConfigurationError(problems)
    return format or format_of(path) or otherwise


def ending_of(path: str) -> str:
    """The ending of a name in lower case, with its dot; empty when it has none."""
    name = path[path.rfind("/") + 1 :]
    return name[name.rfind(".") :].lower() if "." in name[1:] else ""


def foreign_ending(field: str, path: Any) -> Iterator[Problem]:
    """The problem of a name that says it is what is never written, whatever the format."""
    if not isinstance(path, str):
        return
    ending = ending_of(path)
    if ending in FOREIGN_ENDINGS and not any(ending in one.endings for one in FORMATS.values()):
        yield _not_written(field, path)


def _not_written(field: str, path: str) -> Problem:
    return Problem(
        field,
        brief_repr(path),
        f"ends in {ending_of(path)}, which is not written",
        f"Name a file that ends in one of {known_endings()}.",
    )
