"""Several files as one table: a folder, or what a pattern matches, joined in the order of names.

CSV and JSON Lines are joined byte by byte, so that the types of columns are judged by all of the
rows, where the table is read; Parquet by row groups.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from datagen_nb.core.errors import InputError
from datagen_nb.core.formats import format_of
from datagen_nb.tables import sniff
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.packed import unpacked
from datagen_nb.tables.table_format import table_format

MAX_FILES = 10_000

_COPY = 1 << 20


def is_file_set(path: Path) -> bool:
    """Whether a path is that of a folder, or a pattern of names that are not a file's own."""
    is_folder = os.path.isdir(path)  # noqa: PTH112, Path.is_dir raises for a name that is too long
    return is_folder or (glob.has_magic(str(path)) and not os.path.lexists(path))


def files_of(path: Path) -> tuple[list[Path], str]:
    """The files of a folder or a pattern that hold a table, in order, and their format.

    Raises:
        InputError: There are none, too many, or they are of several formats.
    """
    if path.is_dir():
        found = [entry for entry in path.iterdir() if not entry.name.startswith((".", "_"))]
    else:
        found = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207, of any root
    named = {each: format_of(each.name) for each in sorted(found) if each.is_file()}
    files = [each for each, format in named.items() if format is not None]
    if not files:
        raise _refused(path, "holds no table", "Its files have to end as .parquet or .csv.")
    if len(files) > MAX_FILES:
        raise _refused(path, f"holds more than {MAX_FILES:,} files", "Name fewer with a pattern.")
    formats = sorted({format for format in named.values() if format is not None})
    if len(formats) > 1 or not table_format(formats[0]).joins_files:
        raise _refused(
            path,
            f"holds files of {' and '.join(formats)}, which are not one table",
            'Name those that are with a pattern, as "data/*.csv".',
        )
    return files, formats[0]


def join_files(
    files: Sequence[Path], format: str, target: BinaryIO, parameters: Mapping[str, Any]
) -> None:
    """Write the rows of all files into one.

    Raises:
        InputError: A file is not what its name says, or has other columns than the first.
    """
    for path in files:
        sniff.check_file(path, format, parameters)
    table_format(format).join_files(files, target, parameters, _opened)


def _refused(path: Path, what: str, remedy: str) -> InputError:
    return input_error("input_not_a_file", str(path), what, remedy, path=str(path))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with sniff.open_file(path) as file, unpacked(file, str(path)) as plain:
        yield plain


def other_form(path: Path, first: Path) -> InputError:
    """The error for a file that cannot be joined to the first."""
    return input_error(
        "input_wrong_format",
        str(path),
        f"has other columns, or another form, than {first.name}",
        "Leave it out, or write it in the same form.",
    )


def copy_lines(file: BinaryIO, target: BinaryIO, line_end: bytes) -> None:
    """Copy the rest of a file, and end its last line."""
    begin = file.tell()
    shutil.copyfileobj(file, target, _COPY)
    size = file.tell()
    if size - begin >= len(line_end):
        file.seek(size - len(line_end))
        if file.read(len(line_end)) != line_end:
            target.write(line_end)
