"""JSON by column and under keys, and text that is packed."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from datagen_nb.core.errors import InputError
from datagen_nb.tables import json_files, packed
from datagen_nb.tables.formats import read_batches
from datagen_nb.tables.packed import unpacked

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": 3, "b": "z"}]
FRAME = pd.DataFrame(ROWS)


def read(text: str) -> list[dict[str, Any]]:
    batches = read_batches(io.BytesIO(text.encode()), "json")
    rows: list[dict[str, Any]] = pa.Table.from_batches(batches).to_pylist()
    return rows


@pytest.mark.parametrize(
    "document",
    [
        FRAME.to_json(orient="columns"),
        FRAME.to_json(orient="split"),
        FRAME.to_json(orient="records"),
        FRAME.to_json(orient="table"),
        json.dumps({"a": [1, 2, 3], "b": ["x", None, "z"]}),
        json.dumps({"count": 3, "data": ROWS, "next": None}),
    ],
)
def test_a_table_that_is_one_object_is_read(document: str) -> None:
    """By column, split, and under a key, as pandas and APIs write it."""
    found = [{key: row[key] for key in ("a", "b")} for row in read(document)]

    assert found == ROWS


@pytest.mark.parametrize(
    "document", ['{"a": 1}', '{"a": [1, 2], "b": [1]}', '{"a": []}', "{}", "7"]
)
def test_an_object_that_is_no_table_is_refused_with_what_would_be(document: str) -> None:
    """The message shows the forms."""
    with pytest.raises(InputError, match="is not one JSON array of objects"):
        read(document)


def test_a_document_that_breaks_is_reported_where() -> None:
    """Line and column, as of an array."""
    with pytest.raises(InputError, match="line 2, column 8"):
        read('{"a": [1, 2],\n "b": [}')


def test_a_document_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held in memory whole, unlike an array."""
    monkeypatch.setattr(json_files, "MAX_BYTES", 10)

    with pytest.raises(InputError, match="one JSON object of more than 10 bytes"):
        read('{"a": [1, 2, 3]}')


def test_packed_text_is_read_as_what_is_in_it(tmp_path: Path) -> None:
    """By its content, whatever it is called."""
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,x\n2,y\n"))

    with path.open("rb") as file, unpacked(file, "x") as plain:
        assert plain.read() == b"a,b\n1,x\n2,y\n"


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may hold a disk of zeros."""
    monkeypatch.setattr(packed, "MAX_UNPACKED", 1000)

    with pytest.raises(InputError, match="more than 1,000 bytes when it is unpacked"):
        with unpacked(io.BytesIO(gzip.compress(bytes(2000))), "x"):
            pass


def written(text: str) -> str:
    table = pa.Table.from_batches(read_batches(io.BytesIO(text.encode()), "json"))
    file = io.BytesIO()
    json_files.write(table, file, lines=True)
    return file.getvalue().decode()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("18, 39.1, 2.5", ["18", "39.1", "2.5"]),
        ("39.1, null, -7", ["39.1", "null", "-7"]),
        ("18, 39.1, 2.0", ["18.0", "39.1", "2.0"]),
        ("2.0, 39.1, 18", ["2.0", "39.1", "18.0"]),
        ("18.0, 39.1, 2.5", ["18.0", "39.1", "2.5"]),
        ("18, 1e300, 2.5", ["18", "1e+300", "2.5"]),
    ],
)
@pytest.mark.parametrize("rows", [1, 5_000])
def test_whole_numbers_among_floats_have_a_point_where_one_has(
    values: str, expected: list[str], rows: int
) -> None:
    """As JavaScript writes them, or Python; also where batches part them."""
    found = [value for value in values.split(", ") for _ in range(rows)]
    text = "[" + ",".join(f'{{"x": {value}, "y": "18.0"}}' for value in found) + "]"

    lines = [f'{{"x": {value}, "y": "18.0"}}' for value in expected for _ in range(rows)]
    assert written(text).splitlines() == lines


def test_the_point_of_whole_numbers_stays_with_a_nested_table() -> None:
    """Whose other columns are rebuilt."""
    text = '[{"x": 18, "o": {"a": 1}}, {"x": 39.1, "o": {"a": 2}}]'
    assert written(text).splitlines() == text[1:-1].replace("}}, ", "}}\n").splitlines()
