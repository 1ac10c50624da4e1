"""The rows of a view as a file: all of them, in its order, whole or not at all."""

import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from datagen_nb.core.errors import ConfigurationError, OutputError
from datagen_nb.tables.view import export as exports
from datagen_nb.tables.view.connection import Superseded, ViewError
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.export import export
from datagen_nb.tables.view.query import Compare, Query, Sort
from tests.view_cases import TableSource

TABLE = pa.table(
    {
        "n": [3, None, 1, 2, 2**60],
        "s": ["a,b", "", None, 'x"\n', "=1+1"],
        "d": pa.array([Decimal("1.10")] * 5, pa.decimal128(38, 2)),
        "at": pa.array([0, 1, None, 2, 3], pa.timestamp("us", "Europe/Berlin")),
        "l": [[1], None, [], [2, None], [3]],
    }
)
QUERIES = {
    "all": (Query(), [0, 1, 2, 3, 4]),
    "sorted": (Query(sorts=(Sort(column="n", descending=True),)), [4, 0, 3, 2, 1]),
    "filtered": (Query(filter=Compare(column="n", operator=">", value="1")), [0, 3, 4]),
    "none": (Query(search="absent"), []),
}


@pytest.fixture
def open_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "PIECE_ROWS", 2)
    opened = []

    def make(table, kind):
        data = TableSource(table) if kind == "source" else table
        if kind == "parquet":
            data = tmp_path / "table.parquet"
            pq.write_table(table, data, row_group_size=2)
        opened.append(Engine(data))
        return opened[-1]

    yield make
    for engine in opened:
        engine.close()


@pytest.mark.parametrize("kind", ["arrow", "parquet", "source"])
@pytest.mark.parametrize("query", QUERIES)
def test_parquet_has_the_rows_of_the_view(open_engine, tmp_path, kind, query):
    """With the values and types of the table."""
    engine = open_engine(TABLE, kind)
    query, rows = QUERIES[query]
    path = export(engine, engine.select(query), tmp_path / "out.parquet")
    expected = TABLE.take(pa.array(rows, pa.int64()))
    found = pq.read_table(path)
    assert found.to_pylist() == expected.to_pylist()
    assert found.schema.field("at").type == TABLE.schema.field("at").type


@pytest.mark.parametrize("query", QUERIES)
def test_texts_have_the_rows_of_the_view(open_engine, tmp_path, query):
    """CSV, JSON and JSON Lines; what CSV has no form for is the text of the cell."""
    engine = open_engine(TABLE, "parquet")
    query, rows = QUERIES[query]
    view = engine.select(query)
    numbers = TABLE.take(pa.array(rows, pa.int64()))["n"].to_pylist()
    lines = export(engine, view, tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == numbers
    whole = json.loads(export(engine, view, tmp_path / "out.json").read_text())
    assert [row["l"] for row in whole] == TABLE.take(pa.array(rows, pa.int64()))["l"].to_pylist()
    export(engine, view, tmp_path / "out.csv")
    if rows:
        options = pyarrow.csv.ParseOptions(newlines_in_values=True)
        table = pyarrow.csv.read_csv(tmp_path / "out.csv", parse_options=options)
        assert table["n"].to_pylist() == numbers
        assert table["l"][0].as_py() == ("[3]" if numbers[0] == 2**60 else "[1]")
    else:
        assert (tmp_path / "out.csv").read_text() == "n,s,d,at,l\n"


def test_formulas_are_defused_on_request(open_engine, tmp_path):
    """In texts alone: a negative number stays one."""
    table = pa.table({"s": ["=1", "+1", "-1", "@a", "plain", None], "n": [-1] * 6})
    engine = open_engine(table, "arrow")
    export(engine, engine.whole, tmp_path / "out.csv", defuse=True)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[1:] == ["'=1,-1", "'+1,-1", "'-1,-1", "'@a,-1", "plain,-1", ",-1"]


def test_an_export_that_is_interrupted_leaves_nothing(open_engine, tmp_path):
    """After the first rows were written."""
    engine = open_engine(TABLE, "parquet")
    for query, _ in (QUERIES["all"], QUERIES["sorted"]):
        view = engine.select(query)
        with pytest.raises(Superseded):
            export(
                engine,
                view,
                tmp_path / "out.csv",
                progress=lambda _: engine.connection.interrupt("export"),
            )
        assert not (tmp_path / "out.csv").exists()


def test_only_a_regular_file_of_a_known_ending_is_written(open_engine, tmp_path):
    """And none is replaced unless it may be."""
    engine = open_engine(TABLE, "arrow")
    with pytest.raises(ConfigurationError):
        export(engine, engine.whole, tmp_path / "out.feather")
    (tmp_path / "out.csv").write_text("kept")
    with pytest.raises(OutputError):
        export(engine, engine.whole, tmp_path / "out.csv", overwrite=False)
    assert (tmp_path / "out.csv").read_text() == "kept"
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(OutputError):
        export(engine, engine.whole, tmp_path / "dir.csv")


def test_json_refuses_two_columns_of_one_name(open_engine, tmp_path):
    """One of them would be lost."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    engine = open_engine(table, "arrow")
    with pytest.raises(ViewError, match="two columns of the name 'a'"):
        export(engine, engine.whole, tmp_path / "out.json")


def test_columns_that_only_arrow_reads_are_exported(open_engine, tmp_path):
    """In the order of the view."""
    wide = pa.array([Decimal(1), Decimal("9" * 60), None], pa.decimal256(70, 2))
    engine = open_engine(pa.table({"n": [2, 3, 1], "w": wide}), "parquet")
    view = engine.select(Query(sorts=(Sort(column="n"),)))
    found = pq.read_table(export(engine, view, tmp_path / "out.parquet"))
    assert found["w"].to_pylist() == [None, Decimal(1), Decimal("9" * 60)]
