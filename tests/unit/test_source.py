"""Sources of rows: windows, exact texts, sorting and filtering."""

import datetime as d
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.core.errors import InputError
from datagen_nb.tables.cells import as_text
from datagen_nb.tables.source import CannotArrange, Filter, Sort, arrange, source_of

AT = d.datetime(2026, 3, 1, 8, 30, 0, 125, d.UTC)
NOON = d.datetime(2026, 3, 1, 12)  # noqa: DTZ001  a clock without a zone


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([2**53 + 1, -(2**63), None], pa.int64(), ["9007199254740993", f"-{2**63}", None]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        ([Decimal("12345678901234567890.10")], pa.decimal128(38, 2), ["12345678901234567890.10"]),
        ([Decimal(100)], pa.decimal128(5, -2), ["100"]),
        ([0.1, float("nan"), float("-inf"), None], pa.float64(), ["0.1", "NaN", "-inf", None]),
        ([0.1], pa.float32(), ["0.1"]),
        ([AT], pa.timestamp("us", "Europe/Berlin"), ["2026-03-01 09:30:00.000125+01:00"]),
        ([AT], pa.timestamp("us", "UTC"), ["2026-03-01 08:30:00.000125Z"]),
        ([1], pa.timestamp("ns"), ["1970-01-01 00:00:00.000000001"]),
        ([NOON], pa.timestamp("us"), ["2026-03-01 12:00:00"]),
        ([AT], pa.timestamp("us", "Mars/Olympus"), ["2026-03-01 08:30:00.000125Z"]),
        ([d.date(2026, 3, 1)], pa.date32(), ["2026-03-01"]),
        ([d.time(9, 30, 0, 500_000)], pa.time64("us"), ["09:30:00.5"]),
        ([d.timedelta(seconds=-1.5)], pa.duration("us"), ["-1.5 s"]),
        ([[1, 2**60], [None]], pa.list_(pa.int64()), ["[1, 1152921504606846976]", "[null]"]),
        ([{"a": 1, "b": "ü"}], pa.struct({"a": pa.int8(), "b": "str"}), ['{"a": 1, "b": "ü"}']),
        ([b"\xff"], pa.binary(), ["b'\\xff'"]),
        ([True, None], pa.bool_(), ["true", None]),
        (["", None, "null"], pa.string(), ["", None, "null"]),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_it_is(values, kind, texts):
    """No digit, no microsecond, no offset is lost; null stays apart from every text."""
    assert as_text(pa.chunked_array([pa.array(values, kind)])).to_pylist() == texts


def kept(column: pa.Array, operator: str, value: object) -> list[object]:
    table = pa.table({"c": column})
    return table.take(arrange(table, [Filter(0, operator, value)], [])).column(0).to_pylist()


@pytest.mark.parametrize(
    ("column", "operator", "value", "found"),
    [
        (pa.array([2**53, 2**53 + 1, None]), ">", str(2**53), [2**53 + 1]),
        (pa.array([5, 6, 10]), ">", "5.5", [6, 10]),
        (pa.array([2, 10]), "<", "10", [2]),
        (pa.array([7, None]), "!=", "8", [7]),
        (pa.array([1, 5], pa.uint64()), ">", "-1", [1, 5]),
        (pa.array([Decimal("1.10"), Decimal("2.00")]), "=", "1.1", [Decimal("1.10")]),
        (pa.array([1, 2, 3]), "between", ["2", "3"], [2, 3]),
        (pa.array(["a.c", "abc"]), "contains", "A.", ["a.c"]),
        (pa.array(["a.c", "abc", None]), "!contains", ".", ["abc"]),
        (pa.array(["ab", "ba"]), "startswith", "a", ["ab"]),
        (pa.array(["ab", "ba"]), "endswith", "a", ["ba"]),
        (pa.array(["a", None, "null"]), "in", ["null"], ["null"]),
        (pa.array(["a", None]), "in", [None], [None]),
        (pa.array(["a", None]), "empty", None, [None]),
        (pa.array([NOON]), ">", "2026-03-01", [NOON]),
        (pa.array([NOON]), ">", "2026-03-01 12:00", []),
    ],
)
def test_a_filter_keeps_what_fits(column, operator, value, found):
    """Numbers as numbers, times as times, words as words; a missing value fits nothing else."""
    assert kept(column, operator, value) == found


def test_a_zoned_filter_means_the_zone_of_its_column():
    """What is typed without an offset is a clock of the column's zone."""
    column = pa.array([AT], pa.timestamp("us", "Europe/Berlin"))
    assert len(kept(column, ">", "2026-03-01 09:30:00")) == 1
    assert kept(column, ">", "2026-03-01 09:31:00") == []
    assert len(kept(column, ">", "2026-03-01T08:30:00Z")) == 1


@pytest.mark.parametrize("value", ["soon", "", "1,5"])
def test_a_filter_that_is_no_number_says_so(value):
    """The typed text is named; nothing is shown instead."""
    with pytest.raises(CannotArrange, match="is not a number"):
        kept(pa.array([1]), ">", value)


@pytest.mark.parametrize(
    ("column", "descending", "order"),
    [
        (pa.array([3, None, 10, 3]), False, [0, 3, 2, 1]),
        (pa.array([3, None, 10, 3]), True, [2, 0, 3, 1]),
        (pa.array([0.5, float("nan"), None, 0.1]), False, [3, 0, 1, 2]),
        (pa.array(["b", "a", "b"]).dictionary_encode(), False, [1, 0, 2]),
        (pa.array([True, False]), False, [1, 0]),
        (pa.array([[2], [1], None]), False, [1, 0, 2]),
    ],
)
def test_sorting_orders_values_and_leaves_the_missing_last(column, descending, order):
    """Equal rows stay in their order, whichever the direction."""
    table = pa.table({"c": column})
    assert arrange(table, [], [Sort(0, descending)]).to_pylist() == order


def test_filters_and_sorts_go_together():
    """Every filter holds; the first sort counts most."""
    table = pa.table({"a": [1, 2, 2, 3], "b": ["x", "y", "x", "x"]})
    order = arrange(table, [Filter(0, "<", "3")], [Sort(1, False), Sort(0, True)])
    assert order.to_pylist() == [2, 0, 1]


def test_a_frame_is_shown_whole_and_left_alone():
    """Repeated names, mixed values, huge integers, categories, an index that means something."""
    frame = pd.DataFrame(
        [[1, "a", 2**70], ["b", None, 1]], columns=["x", "x", "big"], index=["one", "two"]
    )
    frame["kind"] = pd.Categorical(["p", None])
    before = frame.copy()
    rows = source_of(frame).read(0, 10)
    assert rows.schema.names == ["index", "x", "x", "big", "kind"]
    assert [as_text(column).to_pylist() for column in rows.columns] == [
        ["one", "two"],
        ["1", "b"],
        ["a", None],
        [str(2**70), "1"],
        ["p", None],
    ]
    pd.testing.assert_frame_equal(frame, before)


def test_an_index_may_have_the_name_of_a_column():
    """Both are shown."""
    frame = pd.DataFrame({"o": [1]}, index=pd.Index([7], name="o"))
    assert source_of(frame).read(0, 1).columns[0].to_pylist() == [7]


def test_a_parquet_file_gives_windows_across_its_groups(tmp_path):
    """Clamped at both ends, and the same rows as the whole."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": np.arange(1_000)}), path, row_group_size=300)
    source = source_of(path)
    assert source.num_rows == 1_000
    assert source.read(295, 305).column(0).to_pylist() == list(range(295, 305))
    assert source.read(-5, 2).column(0).to_pylist() == [0, 1]
    assert source.read(999, 5_000).column(0).to_pylist() == [999]
    assert source.read(5_000, 6_000).num_rows == 0


def test_a_text_file_is_a_source(tmp_path):
    """CSV by its ending; a name that says nothing is refused."""
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,\n")
    assert source_of(tmp_path / "t.csv").read(0, 9).to_pydict() == {"a": [1, 2], "b": ["x", None]}
    with pytest.raises(InputError):
        source_of(tmp_path / "t.what")
    with pytest.raises(TypeError, match="a DataFrame"):
        source_of(3)
