"""Folders, patterns and workbooks as tables."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.core.errors import InputError
from datagen_nb.tables import workbooks
from datagen_nb.tables.file_sets import files_of, is_file_set, join_files
from datagen_nb.tables.formats import read_batches
from datagen_nb.tables.workbooks import is_workbook, read_workbook


def joined(path: Path, parameters: Mapping[str, Any] | None = None) -> dict[str, list[Any]]:
    files, format = files_of(path)
    target = io.BytesIO()
    join_files(files, format, target, parameters or {})
    columns: dict[str, list[Any]] = pa.Table.from_batches(read_batches(target, format)).to_pydict()
    return columns


def test_a_folder_of_csv_is_one_table(tmp_path: Path) -> None:
    """In the order of names, each header once, a last line without its end too."""
    (tmp_path / "b.csv").write_text("n;w\n3;z\n")
    (tmp_path / "a.csv").write_text("# x\nn;w\n1;x\n2,5;y")
    (tmp_path / "README.md").write_text("no table")
    (tmp_path / ".hidden.csv").write_text("other\n1\n")

    assert is_file_set(tmp_path)
    assert joined(tmp_path) == {"n": ["1", "2,5", "3"], "w": ["x", "y", "z"]}


def test_a_pattern_names_files(tmp_path: Path) -> None:
    """Those that match, and no others."""
    for name, rows in (("x1.jsonl", '{"a": 1}'), ("x2.jsonl", '{"a": 2}\n'), ("y.json", "[]")):
        (tmp_path / name).write_text(rows)

    assert is_file_set(tmp_path / "x*.jsonl")
    assert joined(tmp_path / "x*.jsonl") == {"a": [1, 2]}
    assert not is_file_set(tmp_path / "x1.jsonl")


def test_a_file_with_signs_of_a_pattern_in_its_name_is_a_file(tmp_path: Path) -> None:
    """It is there under that very name."""
    (tmp_path / "a[1].csv").write_text("a\n1\n2\n")

    assert not is_file_set(tmp_path / "a[1].csv")


def test_a_folder_of_parquet_is_one_table(tmp_path: Path) -> None:
    """Also where a type is narrower in one file."""
    pq.write_table(pa.table({"a": pa.array([1, 2], pa.int64())}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": pa.array([3], pa.int32())}), tmp_path / "2.parquet")

    assert joined(tmp_path) == {"a": [1, 2, 3]}


@pytest.mark.parametrize("other", ["x;w\n1;2\n", "n,w\n1,2\n"])
def test_files_that_are_not_one_table_are_refused(tmp_path: Path, other: str) -> None:
    """The message names the file that differs."""
    (tmp_path / "a.csv").write_text("n;w\n1;x\n2;y\n")
    (tmp_path / "b.csv").write_text(other)

    with pytest.raises(InputError, match=r"b\.csv has other columns, or another form, than a\.csv"):
        joined(tmp_path)


def test_a_folder_without_a_table_or_with_several_is_refused(tmp_path: Path) -> None:
    """Nothing is left out in silence."""
    with pytest.raises(InputError, match="holds no table"):
        files_of(tmp_path)
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="holds files of csv and jsonl"):
        files_of(tmp_path)


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    """The smallest workbook that holds these cells."""

    def cell(value: Any) -> str:
        if value is None:
            return "<c/>"
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
            '<sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        file.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
        )
    return path


def test_the_first_sheet_of_a_workbook_is_a_table(tmp_path: Path) -> None:
    """Whole numbers are integers, empty cells are missing, mixed ones are texts."""
    path = workbook(
        tmp_path / "x.xlsx",
        [["n", "f", "word", "mixed"], [1, 0.5, "x", 1], [2, 2, None, "y"], [None, 1.5, "z", None]],
    )

    table = read_workbook(path)

    assert is_workbook(path)
    assert table.to_pydict()["n"] == [1, 2, None]
    assert table.to_pydict()["f"] == [0.5, 2.0, 1.5]
    assert table.to_pydict()["word"] == ["x", None, "z"]
    assert table.schema.field("mixed").type == pa.string()


def test_what_is_no_workbook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken, too large, or without rows: each says so."""
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04abc")
    with pytest.raises(InputError, match="is a workbook that cannot be read"):
        read_workbook(tmp_path / "x.xlsx")
    with pytest.raises(InputError, match="holds no table in its first sheet"):
        read_workbook(workbook(tmp_path / "y.xlsx", [[]]))
    monkeypatch.setattr(workbooks, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="has more than 10 bytes"):
        read_workbook(tmp_path / "y.xlsx")
