"""Queries as values: their bounds on the wire, and the code that they are written as."""

import datetime
import decimal
import json

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.tables.view.code import to_code
from datagen_nb.tables.view.query import (
    Compare,
    Query,
    QueryError,
    Sort,
    query_from_wire,
)
from tests.view_cases import CASES, NOT_A_NUMBER, TABLE

NUMBERED = TABLE.append_column("row", pa.array(np.arange(TABLE.num_rows)))
LEAF = {"kind": "is_null", "column": 0}


def nested(depth):
    tree = LEAF
    for _ in range(depth - 1):
        tree = {"kind": "not", "condition": tree}
    return {"filter": tree}


@pytest.mark.parametrize("name", [*CASES, *NOT_A_NUMBER])
def test_a_query_survives_the_wire(name):
    """Through JSON and back it is the same query."""
    query, _ = (CASES | NOT_A_NUMBER)[name]
    assert query_from_wire(json.loads(query.to_json())) == query


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "all",
        {"rows": "all"},
        {"filter": {"kind": "sql", "text": "true"}},
        {"filter": {"kind": "compare", "column": -1, "operator": "=", "value": "1"}},
        {"filter": {"kind": "compare", "column": True, "operator": "=", "value": "1"}},
        {"filter": {"kind": "compare", "column": 0, "operator": "like", "value": "1"}},
        {"filter": {"kind": "compare", "column": 0, "operator": "=", "value": "1" * 1_001}},
        {"filter": {"kind": "range", "column": 0}},
        {"filter": {"kind": "and", "conditions": []}},
        {"filter": {"kind": "and", "conditions": [LEAF] * 100}},
        {"filter": {"kind": "one_of", "column": 0, "values": ["x"] * 1_001}},
        {"sorts": [{"column": 0}] * 9},
        {"search": "x" * 1_001},
        nested(9),
        nested(900),
    ],
)
def test_a_malformed_query_is_refused(data):
    """Each list, text and depth has a bound, and only our conditions are known."""
    with pytest.raises(QueryError):
        query_from_wire(data)


def test_a_query_at_its_bounds_is_taken():
    """The bounds refuse no more than they name."""
    assert query_from_wire(nested(8)).filter is not None
    assert len(query_from_wire({"sorts": [{"column": 0}] * 8}).sorts) == 8


def test_a_column_is_named_if_no_other_has_its_name():
    """A repeated name is asked for by position."""
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("a", pa.int64())])
    assert Query(sorts=(Sort(column="b"),)).resolve(schema).sorts[0].column == 1
    for column in ("a", "c", 3):
        with pytest.raises(QueryError):
            Query(sorts=(Sort(column=column),)).resolve(schema)


@pytest.mark.parametrize("value", ["soon", "", "1,5"])
def test_a_value_that_is_no_number_is_named(value):
    """The message repeats what was typed."""
    query = Query(filter=Compare(column="n", operator=">", value=value))
    with pytest.raises(QueryError, match="is not a number"):
        to_code(query, TABLE.schema, "sql")


@pytest.mark.parametrize("name", CASES)
def test_code_for_pandas_selects_the_same_rows(name):
    """Executed on the frame that the table is."""
    import pandas as pd

    query, rows = CASES[name]
    frame = NUMBERED.to_pandas(integer_object_nulls=True)
    frame["n"] = pd.array(NUMBERED["n"].to_pylist(), "Int64")
    frame["yes"] = pd.array(NUMBERED["yes"].to_pylist(), "boolean")
    frame["day"] = pd.array(NUMBERED["day"], pd.ArrowDtype(pa.date32()))
    code = to_code(query, TABLE.schema, "pandas")
    names = {
        "frame": frame,
        "pd": pd,
        "date": datetime.date,
        "time": datetime.time,
        "Decimal": decimal.Decimal,
    }
    frame["money"] = pd.array(NUMBERED["money"], pd.ArrowDtype(NUMBERED["money"].type))
    assert eval(code, names)["row"].tolist() == rows


@pytest.mark.parametrize("name", CASES | NOT_A_NUMBER)
def test_code_for_polars_selects_the_same_rows(name):
    """Executed where polars is installed."""
    pl = pytest.importorskip("polars")
    query, rows = (CASES | NOT_A_NUMBER)[name]
    code = to_code(query, TABLE.schema, "polars")
    names = {"frame": pl.from_arrow(NUMBERED), "pl": pl, "Decimal": decimal.Decimal}
    assert eval(code, names)["row"].to_list() == rows


@pytest.mark.parametrize("name", CASES | NOT_A_NUMBER)
def test_code_for_sql_selects_the_same_rows(name):
    """Executed in DuckDB; rows that are equal are in any order."""
    duckdb = pytest.importorskip("duckdb")
    query, rows = (CASES | NOT_A_NUMBER)[name]
    connection = duckdb.connect()
    connection.register("frame", NUMBERED)
    code = to_code(query, TABLE.schema, "sql")
    found = [row[-1] for row in connection.execute(code).fetchall()]
    places = [sort.column for sort in query.resolve(TABLE.schema).sorts]

    def keys(rows):
        return [[str(TABLE.column(place)[row]) for place in places] for row in rows]

    assert keys(found) == keys(rows)
    assert sorted(found) == sorted(rows)


def test_sql_does_not_run_what_was_typed():
    """Quotes in names and values stay text."""
    duckdb = pytest.importorskip("duckdb")
    name = 'x"; DROP TABLE "frame'
    table = pa.table({name: ["'; DROP TABLE frame --", "b"]})
    query = Query(filter=Compare(column=name, operator="=", value="'; DROP TABLE frame --"))
    connection = duckdb.connect()
    connection.register("frame", table)
    assert len(connection.execute(to_code(query, table.schema, "sql")).fetchall()) == 1
