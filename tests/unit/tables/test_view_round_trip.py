"""From Arrow to the text of a cell and back: whatever a column holds, and whatever it is called."""

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.query import Query, Sort
from datagen_nb.tables.view.values import read_value
from datagen_nb.ui.viewer_columns import cell_texts
from tests.view_cases import TableSource

MICROSECONDS = some.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
NANOSECONDS = some.integers(-(2**62), 2**62)
WORDS = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)


def whole_numbers(bits, *, signed=True):
    low = -(2 ** (bits - 1)) if signed else 0
    return some.integers(low, low + 2**bits - 1)


COLUMNS = {
    pa.int8(): whole_numbers(8),
    pa.int64(): whole_numbers(64),
    pa.uint64(): whole_numbers(64, signed=False),
    pa.float32(): some.floats(width=32),
    pa.float64(): some.floats(),
    pa.decimal128(38, 5): some.decimals(-(10**30), 10**30, places=5),
    pa.decimal256(70, 8): some.decimals(-(10**60), 10**60, places=8),
    pa.timestamp("us"): MICROSECONDS,
    pa.timestamp("us", "UTC"): MICROSECONDS,
    pa.timestamp("ns"): NANOSECONDS,
    pa.timestamp("ns", "UTC"): NANOSECONDS,
    pa.date32(): some.integers(-719_162, 2_932_896),
    pa.time64("ns"): some.integers(0, 86_400 * 10**9 - 1),
    pa.bool_(): some.booleans(),
    pa.string(): WORDS,
    pa.large_string(): WORDS,
}

SETTINGS = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def value_of(text, type_):
    """The value that a text stands for."""
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return text
    if pa.types.is_boolean(type_):
        return {"true": True, "false": False}[text]
    if pa.types.is_decimal(type_):
        return pa.scalar(text).cast(type_).as_py()
    if pa.types.is_floating(type_):
        return read_value(text, type_).as_py()
    value = read_value(text, type_)
    return value.as_py() if pa.types.is_integer(type_) else value.value


def raw(value):
    """A value of Arrow in the terms of ``value_of``."""
    type_ = value.type
    if pa.types.is_temporal(type_):
        return value.value
    return value.as_py()


def is_same(one, other):
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, float):
        return (one, math.copysign(1, one)) == (other, math.copysign(1, other))
    return one == other


@some.composite
def tables(draw):
    """A table with a column of every type, under any names, and one that counts down."""
    rows = draw(some.integers(0, 6))
    arrays = [
        pa.array(draw(some.lists(some.none() | values, min_size=rows, max_size=rows)), type_)
        for type_, values in COLUMNS.items()
    ]
    names = draw(some.lists(WORDS, min_size=len(arrays), max_size=len(arrays)))
    return pa.Table.from_arrays([*arrays, pa.array(range(rows, 0, -1))], names=[*names, "down"])


@pytest.mark.parametrize("kind", ["arrow", "parquet", "source"])
@SETTINGS
@given(table=tables())
def test_the_text_of_a_cell_stands_for_its_value(tmp_path, kind, table):
    """In a window and in a sorted view; a missing value is none of the texts."""
    given_as = table
    if kind == "parquet":
        given_as = tmp_path / "table.parquet"
        pq.write_table(table, given_as, row_group_size=2)
    elif kind == "source":
        given_as = TableSource(table)
    places = range(len(COLUMNS))
    engine = Engine(given_as)
    try:
        plain = engine.rows(engine.whole, 0, 9, places)
        view = engine.select(Query(sorts=(Sort(column=len(COLUMNS)),)))
        backwards = engine.rows(view, 0, 9, places)
    finally:
        engine.close()
    for place, type_ in enumerate(COLUMNS):
        texts = cell_texts(plain.column(place))
        assert cell_texts(backwards.column(place)) == texts[::-1]
        assert len(texts) == table.num_rows
        for text, value in zip(texts, table.column(place), strict=True):
            assert (text is None) == (not value.is_valid)
            if text is not None:
                assert is_same(value_of(text, type_), raw(value)), (text, value)
