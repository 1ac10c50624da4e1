"""The first sheet of an Excel workbook as a table: names in its first row that is not empty."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen_nb.core.errors import InputError
from datagen_nb.tables import sniff
from datagen_nb.tables.input_errors import input_error

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")

MAX_BYTES = 100 << 20
"""Of a workbook, whose sheet is held in memory whole."""


def is_workbook(path: Path) -> bool:
    """Whether a file's name is that of a workbook."""
    return path.suffix.lower() in ENDINGS


def read_workbook(path: Path) -> pa.Table:
    """Read the first sheet.

    Raises:
        InputError: It is missing, too large, not a workbook, or the reader is not installed.
    """
    with sniff.open_file(path) as file:
        size = file.seek(0, 2)
        if size > MAX_BYTES:
            raise _refused(
                path, "input_too_large", f"has more than {MAX_BYTES:,} bytes", "Save it as CSV."
            )
        file.seek(0)
        rows = _rows(file, path)
    while rows and not any(value != "" for value in rows[0]):
        rows = rows[1:]
    if not rows:
        raise _refused(path, "input_empty", "holds no table in its first sheet", "Fill it.")
    return _table(rows, path)


def _rows(file: Any, path: Path) -> list[list[Any]]:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        raise _refused(
            path,
            "input_wrong_format",
            "is an Excel workbook, which takes another package to read",
            "Install it with pip install datagen-nb[excel], or save the sheet as CSV.",
        ) from error
    try:
        with CalamineWorkbook.from_filelike(file) as workbook:
            rows: list[list[Any]] = workbook.get_sheet_by_index(0).to_python()
    except (CalamineError, OSError, ValueError) as error:
        raise _refused(
            path, "input_broken", f"is a workbook that cannot be read: {error}", "Save it again."
        ) from error
    return rows


def _table(rows: list[list[Any]], path: Path) -> pa.Table:
    import pyarrow as pa

    from datagen_nb.tables.column_names import named

    header = [str(value) for value in rows[0]]
    while header and not header[-1] and not any(row[len(header) - 1] != "" for row in rows):
        header.pop()
    names = named(header, str(path), lambda _: None)
    columns = [_column([row[place] for row in rows[1:]]) for place in range(len(names))]
    return pa.Table.from_arrays(columns, names=names)


def _column(cells: list[Any]) -> pa.Array:
    """Cells as one type; those of several as their texts."""
    import pyarrow as pa

    values = [None if cell == "" else cell for cell in cells]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {float} and all(value is None or value.is_integer() for value in values):
        values = [None if value is None else int(value) for value in values]
    elif kinds == {date, datetime}:
        values = [
            datetime(value.year, value.month, value.day) if type(value) is date else value  # noqa: DTZ001
            for value in values
        ]
    elif len(kinds) > 1 and not kinds <= {int, float}:
        values = [None if value is None else str(value) for value in values]
    return pa.array(values)


def _refused(path: Path, code: str, what: str, remedy: str) -> InputError:
    return input_error(code, str(path), what, remedy, path=str(path))
