"""A view as an Excel workbook: values that Excel keeps, and the text of those it would change."""

import datetime as dt
import zipfile
from decimal import Decimal

import pyarrow as pa
import pytest
from python_calamine import CalamineWorkbook

from datagen_nb.core.errors import ConfigurationError, OutputError
from datagen_nb.tables.view import export as exports
from datagen_nb.tables.view import workbook
from datagen_nb.tables.view.connection import Superseded, ViewError
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.export import export, export_formats
from datagen_nb.tables.view.query import Query, Sort

MOMENT = dt.datetime(2026, 3, 1, 12, 30, 0, 250_000)  # noqa: DTZ001, a clock without a zone
CELLS = {
    "whole": ([1, None, -5], [1, "", -5]),
    "15 digits": ([999_999_999_999_999], [999_999_999_999_999]),
    "16 digits": ([2**53 + 1], ["9007199254740993"]),
    "float": ([0.5, float("nan"), float("-inf")], [0.5, "NaN", "-inf"]),
    "decimal": ([Decimal("1.10"), Decimal("1" * 20)], [1.1, f"{'1' * 20}.00"]),
    "text": (["=1+1", "", "a\n<b>", "http://x.y", "é"], ["=1+1", "", "a\n<b>", "http://x.y", "é"]),
    "words": (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
    "truth": ([True, False, None], [True, False, ""]),
    "day": ([dt.date(2026, 3, 1), dt.date(1900, 1, 1)], [dt.date(2026, 3, 1), "1900-01-01"]),
    "moment": ([MOMENT], [MOMENT]),
    "microseconds": ([MOMENT.replace(microsecond=1)], ["2026-03-01 12:30:00.000001"]),
    "zone": ([MOMENT.replace(tzinfo=dt.UTC)], ["2026-03-01 12:30:00.25Z"]),
    "list": ([[1, None]], ["[1, null]"]),
    "bytes": ([b"\xff"], ["b'\\xff'"]),
    "nothing": (pa.nulls(2), ["", ""]),
}


@pytest.fixture
def open_engine():
    opened = []

    def make(values, name="c"):
        opened.append(Engine(pa.table({"k": range(len(values)), name: values})))
        return opened[-1]

    yield make
    for engine in opened:
        engine.close()


def sheet(path):
    with CalamineWorkbook.from_path(path) as book:
        return book.get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("case", CELLS)
def test_cells_are_what_the_viewer_shows(open_engine, tmp_path, case):
    """Names stand in the first row; a null is an empty cell."""
    values, cells = CELLS[case]
    engine = open_engine(values, name="=c")
    found = sheet(export(engine, engine.whole, tmp_path / "out.xlsx"))
    assert found[0] == ["k", "=c"]
    assert [row[1] if len(row) > 1 else "" for row in found[1:]] == cells


def test_rows_are_those_of_the_view_in_its_order_the_same_bytes_each_time(
    open_engine, tmp_path, monkeypatch
):
    """Piece by piece; progress counts them."""
    monkeypatch.setattr(exports, "PIECE_ROWS", 2)
    engine = open_engine([3, 1, 2, 5, 4])
    view = engine.select(Query(sorts=(Sort(column="c"),)))
    done = []
    one = export(engine, view, tmp_path / "one.xlsx", progress=done.append)
    assert [row[1] for row in sheet(one)] == ["c", 1, 2, 3, 4, 5]
    assert done == [2, 4, 5]
    other = export(engine, view, tmp_path / "other.xlsx")
    assert one.read_bytes() == other.read_bytes()


def test_no_cell_is_a_formula_or_a_link(open_engine, tmp_path):
    """Defused on request, also where the cell is copied to elsewhere."""
    engine = open_engine(["=1+1", "@x", "mailto:a@b.c", "plain"])
    path = export(engine, engine.whole, tmp_path / "out.xlsx", defuse=True)
    assert [row[1] for row in sheet(path)] == ["c", "'=1+1", "'@x", "mailto:a@b.c", "plain"]
    path = export(engine, engine.whole, tmp_path / "plain.xlsx")
    with zipfile.ZipFile(path) as parts:
        written = parts.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in written
    assert b"hyperlink" not in written


def test_what_a_sheet_cannot_hold_is_refused(open_engine, tmp_path, monkeypatch):
    """Nothing is written then."""
    engine = open_engine(["x" * 32_768])
    with pytest.raises(ViewError, match="32,767 characters") as raised:
        export(engine, engine.whole, tmp_path / "out.xlsx")
    assert raised.value.code == "unwritable_values"
    monkeypatch.setattr(workbook, "MAX_ROWS", 3)
    engine = open_engine(["a", "b", "c"])
    with pytest.raises(ViewError, match="3 rows") as raised:
        export(engine, engine.whole, tmp_path / "out.xlsx")
    assert raised.value.code == "sheet_too_small"
    assert not (tmp_path / "out.xlsx").exists()


def test_a_workbook_keeps_the_rules_of_the_other_formats(open_engine, tmp_path):
    """Its ending says what it is; it is there whole or not at all."""
    engine = open_engine([1, 2, 3])
    with pytest.raises(ConfigurationError):
        export(engine, engine.whole, tmp_path / "out.csv", format="xlsx")
    with pytest.raises(ConfigurationError):
        export(engine, engine.whole, tmp_path / "out.xlsx", format="csv")
    with pytest.raises(ConfigurationError):
        export(engine, engine.whole, tmp_path / "out.xls")
    (tmp_path / "kept.xlsx").write_text("kept")
    with pytest.raises(OutputError):
        export(engine, engine.whole, tmp_path / "kept.xlsx", overwrite=False)
    assert (tmp_path / "kept.xlsx").read_text() == "kept"
    (tmp_path / "folder.xlsx").mkdir()
    with pytest.raises(OutputError):
        export(engine, engine.whole, tmp_path / "folder.xlsx")


def test_an_export_that_is_interrupted_leaves_nothing(open_engine, tmp_path, monkeypatch):
    """Neither a file nor a warning."""
    monkeypatch.setattr(exports, "PIECE_ROWS", 1)
    engine = open_engine([1, 2, 3])
    with pytest.raises(Superseded):
        export(
            engine,
            engine.whole,
            tmp_path / "out.xlsx",
            progress=lambda _: engine.connection.interrupt("export"),
        )
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_other_formats_are_offered(open_engine, tmp_path, monkeypatch):
    """And the error says what to install."""
    assert "xlsx" in export_formats()
    for module in (workbook, exports):
        monkeypatch.setattr(module, "is_installed", lambda: False)
    assert "xlsx" not in export_formats()
    engine = open_engine([1])
    with pytest.raises(ViewError, match=r"pip install datagen-nb\[excel\]"):
        export(engine, engine.whole, tmp_path / "out.xlsx")
