"""Rows as an Excel workbook of one sheet, in bounded memory.

Excel counts in floats and knows no missing digits, zones or microseconds: a value that it would
change is written as the text that the viewer shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.connection import ViewError

ENDING = ".xlsx"

MAX_ROWS, MAX_COLUMNS, MAX_TEXT_LENGTH = 1_048_576, 16_384, 32_767
"""Of a sheet, the header counted, and of a cell."""

MAX_DIGITS = 15
"""Of a number; Excel makes zeros of what is behind them."""

_FIRST_DAY = date(1900, 3, 1)
"""Excel's calendar has a 29th of February in 1900."""

_DATE, _INSTANT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000"


def is_installed() -> bool:
    """Whether the package is there that writes workbooks."""
    return find_spec("xlsxwriter") is not None


def check_sheet(schema: pa.Schema, num_rows: int) -> None:
    """Look whether a sheet can hold so many rows and columns, and can be written here.

    Raises:
        ViewError: It cannot.
    """
    if not is_installed():
        raise ViewError(
            "Excel workbooks take another package to write. Install it with "
            "pip install datagen-nb[excel], or choose csv.",
            code="package_missing",
        )
    if num_rows >= MAX_ROWS or len(schema) > MAX_COLUMNS:
        raise ViewError(
            f"A sheet of Excel holds {MAX_ROWS - 1:,} rows and {MAX_COLUMNS:,} columns; these are "
            f"{num_rows:,} rows and {len(schema):,} columns. Filter them, or choose csv.",
            code="sheet_too_small",
        )


def write_workbook(
    tables: Iterable[pa.Table], names: list[str], target: BinaryIO, folder: Path
) -> None:
    """Write tables below each other, and the names of their columns above them.

    Args:
        tables: Some rows each.
        names: Of the columns.
        target: The file.
        folder: For temporary files.

    Raises:
        ViewError: A text is longer than a cell can be.
    """
    from xlsxwriter import Workbook

    options = {"constant_memory": True, "tmpdir": str(folder), "use_zip64": True}
    workbook = Workbook(target, options)
    workbook.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001, the same bytes
    formats = [workbook.add_format({"num_format": form}) for form in (_DATE, _INSTANT)]
    sheet = workbook.add_worksheet()
    try:
        _write_rows(sheet, tables, names, formats)
    except BaseException:
        sheet.row_data_fh.close()  # of what is not closed it keeps a temporary file
        raise
    workbook.close()


def _write_rows(
    sheet: Any, tables: Iterable[pa.Table], names: list[str], formats: list[Any]
) -> None:
    for place, name in enumerate(names):
        sheet.write_string(0, place, _checked(name, name))
    row = 0
    for table in tables:
        columns = [_cells(column) for column in table.columns]
        for cells in zip(*columns, strict=True):
            row += 1
            for place, cell in enumerate(cells):
                match cell:
                    case None:
                        pass
                    case bool():
                        sheet.write_boolean(row, place, cell)
                    case int() | float():
                        sheet.write_number(row, place, cell)
                    case datetime():
                        sheet.write_datetime(row, place, cell, formats[1])
                    case date():
                        sheet.write_datetime(row, place, cell, formats[0])
                    case text:
                        sheet.write_string(row, place, _checked(text, names[place]))


def _checked(text: str, name: str) -> str:
    if len(text.encode("utf-16-le")) // 2 > MAX_TEXT_LENGTH:
        raise ViewError(
            f"Column {name!r} has a text of more than {MAX_TEXT_LENGTH:,} characters, which a cell "
            "of Excel cannot hold. Choose csv or parquet.",
            code="unwritable_values",
        )
    return text


def _cells(column: pa.ChunkedArray) -> list[Any]:
    """Values as Excel holds them; the text of those that it would change."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    type_ = column.type
    texts: list[str | None] = as_text(column).to_pylist()
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return [_number(text, is_float=pa.types.is_floating(type_)) for text in texts]
    if pa.types.is_boolean(type_):
        return [None if text is None else text == "true" for text in texts]
    if pa.types.is_date(type_):
        return [_moment(text, date.fromisoformat) for text in texts]
    if pa.types.is_timestamp(type_) and type_.tz is None:
        return [_moment(text, datetime.fromisoformat) for text in texts]
    return texts


def _number(text: str | None, *, is_float: bool) -> float | str | None:
    if text is None:
        return None
    digits = sum(map(str.isdigit, text.strip("-0.")))
    if not is_float and digits > MAX_DIGITS:
        return text
    number = float(text)
    return number if math.isfinite(number) else text


def _moment(text: str | None, read: Any) -> date | str | None:
    try:
        moment: date | None = None if text is None else read(text)
    except ValueError:  # a year that Python does not know
        return text
    if isinstance(moment, datetime):
        is_held = moment.date() >= _FIRST_DAY and moment.microsecond % 1_000 == 0
        return moment if is_held and text is not None and len(text) <= 23 else text
    return moment if moment is None or moment >= _FIRST_DAY else text
