"""Several tables in one file: a ZIP with a file for each, named as its table.

All are of one format, which the configuration states: ``customers.csv`` and ``orders.csv``.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from datagen_nb.core.config_rules import MAX_TABLES
from datagen_nb.core.errors import InputError
from datagen_nb.core.formats import FORMATS
from datagen_nb.tables.input_errors import input_error

MAX_BYTES = 16 << 30
"""Of all files in a ZIP, unpacked."""

_NAME = re.compile(r"[^\x00-\x1f\x7f./\\][^\x00-\x1f\x7f/\\]{0,99}")


def check_name(name: str) -> None:
    """Look whether a table can have this name: that of its file, in a ZIP and in a folder.

    Raises:
        InputError: It cannot.
    """
    if _NAME.fullmatch(name):
        return
    remedy = "Give it a name of at most 100 characters that could be a file's, as customers."
    raise InputError(
        f"{name[:120]!r} cannot be the name of a table. {remedy}",
        code="wrong_table_name",
        details={"table": name[:120], "remedy": remedy},
    )


def names_of(file: BinaryIO, format: str, title: str) -> list[str]:
    """The names of the tables in a ZIP, in its order.

    Raises:
        InputError: It is no ZIP, or has other files than tables of the format in it.
    """
    with _opened(file, title) as archive:
        return list(_members(archive, format, title))


def tables_in(file: BinaryIO, format: str, title: str) -> Iterator[tuple[str, BinaryIO]]:
    """Each table of a ZIP by its name, as a file that can be read from any place.

    Raises:
        InputError: As ``names_of``, or the ZIP is damaged.
    """
    with _opened(file, title) as archive:
        for name, member in _members(archive, format, title).items():
            with tempfile.TemporaryFile() as unpacked:
                try:
                    with archive.open(member) as packed:
                        shutil.copyfileobj(packed, unpacked)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                    raise _broken(title) from error
                unpacked.seek(0)
                yield name, cast("BinaryIO", unpacked)


def _opened(file: BinaryIO, title: str) -> zipfile.ZipFile:
    file.seek(0)
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise _broken(title) from error


def _members(archive: zipfile.ZipFile, format: str, title: str) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        ending = next((e for e in FORMATS[format].endings if member.filename.endswith(e)), None)
        if ending is None or member.is_dir() or member.flag_bits & 1:
            raise input_error(
                "input_wrong_format",
                title,
                f"has {member.filename[:120]!r} in it, which is no table in {format}",
                f"Give a ZIP of files as customers{FORMATS[format].endings[0]}, in no folder and "
                "without a password.",
            )
        name = member.filename.removesuffix(ending)
        check_name(name)
        found[name] = member
    if not 2 <= len(found) <= MAX_TABLES:
        raise input_error(
            "wrong_number_of_tables",
            title,
            f"has {len(found)} tables in it",
            f"Give 2 to {MAX_TABLES} tables; one alone is of dataType tabular.",
            tables=len(found),
        )
    if sum(member.file_size for member in found.values()) > MAX_BYTES:
        raise input_error(
            "input_too_large",
            title,
            f"has more than {MAX_BYTES >> 30} GiB of tables in it",
            "Give fewer rows, those of the same customers of all tables.",
        )
    return found


def _broken(title: str) -> InputError:
    return input_error(
        "input_broken",
        title,
        "is no ZIP of tables, or a damaged one",
        "Give a ZIP with a file for each table, or submit a dict of tables.",
    )
