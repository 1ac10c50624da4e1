"""The engine of a viewer over every kind of table: rows, order, exact cells, bounds."""

import datetime as d
import re
import threading
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view import engine as engines
from datagen_nb.tables.view.bins import MOST
from datagen_nb.tables.view.connection import Superseded, ViewError
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.profile import distinct_values, profile
from datagen_nb.tables.view.query import Compare, Query, QueryError, Range, Sort
from datagen_nb.tables.view.search import Search
from datagen_nb.tables.view.types import kind_of
from tests.view_cases import CASES, NOT_A_NUMBER, TABLE, TableSource

BERLIN = d.datetime(2026, 3, 28, 23, 5, tzinfo=ZoneInfo("Europe/Berlin"))
KINDS = ["arrow", "parquet", "parts", "source"]


@pytest.fixture
def open_engine(tmp_path):
    """Makes engines over a table in the form of a kind; closes them."""
    opened = []

    def make(table, kind="arrow"):
        data = table
        if kind == "source":
            data = TableSource(table)
        elif kind == "parquet":
            data = tmp_path / "t[1]*'.parquet"
            pq.write_table(table, data, row_group_size=2)
        elif kind == "parts":
            data = [tmp_path / f"part{place}.parquet" for place in range(3)]
            ends = [0, table.num_rows // 3, table.num_rows // 3, table.num_rows]
            for place, path in enumerate(data):
                piece = table.slice(ends[place], ends[place + 1] - ends[place])
                pq.write_table(piece, path, row_group_size=2)
        opened.append(Engine(data))
        return opened[-1]

    yield make
    for engine in opened:
        engine.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*CASES, *NOT_A_NUMBER])
def test_every_query_selects_its_rows_in_order(open_engine, name, kind):
    """The same ones over every kind of table, ties in the order of the table."""
    query, rows = (CASES | NOT_A_NUMBER)[name]
    view = open_engine(TABLE, kind).select(query)
    assert view.num_rows == len(rows)
    assert view.numbers(0, 99).tolist() == rows
    assert view.whole().tolist() == rows


def exact(values, type_):
    return pytest.param(pa.array(values, type_), id=str(type_))


EXACT = [
    exact([2**63 - 1, -(2**63), None, 5], pa.int64()),
    exact([2**64 - 1, 0, None, 5], pa.uint64()),
    exact(np.array([1.5, np.nan, 0, 2], np.float16), pa.float16()),
    exact([0.1, float("nan"), None, float("-inf")], pa.float32()),
    exact([0.1, -0.0, None, float("inf")], pa.float64()),
    exact([Decimal("1.10"), Decimal("9" * 36), None, Decimal(0)], pa.decimal128(38, 2)),
    exact([Decimal("1.10"), Decimal("9" * 74), None, Decimal(0)], pa.decimal256(76, 2)),
    exact([0, 1, None, -1], pa.timestamp("ns", "America/New_York")),
    exact([0, 1, None, -1], pa.timestamp("us", "Europe/Berlin")),
    exact([0, 1, None, -1], pa.timestamp("s", "UTC")),
    exact([0, 1, None, -1], pa.timestamp("ns")),
    exact([-62135596800000000, 253402300799999999, None, 0], pa.timestamp("us")),
    exact([0, 1, None, -1], pa.timestamp("ms")),
    exact([0, 1, None, -1], pa.date32()),
    exact([0, 86_400_000, None, 0], pa.date64()),
    exact([0, 1, None, 2], pa.time32("s")),
    exact([0, 1, None, 2], pa.time64("ns")),
    exact([0, 1, None, -1], pa.duration("us")),
    exact([0, 1, None, -1], pa.duration("ns")),
    exact([b"\xff", b"", None, b"a"], pa.binary()),
    exact([b"ab", b"cd", None, b"ef"], pa.binary(2)),
    exact(["", "null", None, "\u202eü"], pa.string()),
    exact(["", "null", None, "NaN"], pa.large_string()),
    exact(["b", "a", None, "b"], pa.dictionary(pa.int8(), pa.string())),
    exact([7, 5, None, 7], pa.dictionary(pa.int32(), pa.int64())),
    exact([True, False, None, True], pa.bool_()),
    exact([None] * 4, pa.null()),
    exact([[1, 2**60], [None], None, []], pa.list_(pa.int64())),
    exact([[1], [None], None, []], pa.list_(pa.timestamp("us", "Asia/Tokyo"))),
    exact([[1], [None], None, []], pa.list_(pa.duration("us"))),
    exact([[Decimal(1)], [None], None, []], pa.list_(pa.decimal256(60, 2))),
    exact([{"a": 1, "A": "x"}, {}, None, {"a": 2}], pa.struct({"a": pa.int8(), "A": pa.string()})),
    exact([[("k", 1)], [], None, [("j", None)]], pa.map_(pa.string(), pa.int64())),
    exact([b"0" * 16, b"1" * 16, None, b"2" * 16], pa.uuid()),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", EXACT)
def test_cells_of_every_type_are_exact(open_engine, values, kind):
    """In windows and in rows of a sorted view; texts are those of Arrow."""
    table = pa.table({"key": [3, 1, 2, 0], "value": values})
    engine = open_engine(table, kind)
    texts = as_text(table.column(1)).to_pylist()
    assert as_text(engine.rows(engine.whole, 0, 4, [1]).column(0)).to_pylist() == texts
    view = engine.select(Query(sorts=(Sort(column="key"),)))
    found = as_text(engine.rows(view, 0, 4, [1]).column(0)).to_pylist()
    assert found == [texts[3], texts[1], texts[2], texts[0]]


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
@pytest.mark.parametrize("values", EXACT)
def test_the_text_of_a_cell_filters_its_rows(open_engine, values, kind):
    """As it is shown it is a value to compare with, or the type is refused by name."""
    engine = open_engine(pa.table({"value": values}), kind)
    texts = as_text(pa.chunked_array([values])).to_pylist()
    query = Query(filter=Compare(column=0, operator="=", value=texts[0] or ""))
    type_ = engine.schema.field(0).type
    is_compared = kind_of(type_) != "other" and not pa.types.is_dictionary(type_)
    if (is_compared and type_ != pa.decimal256(76, 2)) or kind_of(type_) in ("text", "boolean"):
        expected = [row for row, text in enumerate(texts) if text == texts[0]]
        assert engine.select(query).whole().tolist() == expected
    else:
        with pytest.raises(QueryError, match=re.escape(f"column of {type_}")):
            engine.select(query)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_addressed_by_position(open_engine, kind):
    """Names that repeat, differ in case, are empty, or are those of DuckDB and ours."""
    names = ["file_row_number", "a", "A", "a", "", "_row", "c0", "select", 'x"', "file_index"]
    arrays = [pa.array([place * 10 + 1, place * 10]) for place in range(len(names))]
    engine = open_engine(pa.Table.from_arrays(arrays, names=names), kind)
    view = engine.select(Query(sorts=tuple(Sort(column=place) for place in (3, 9))))
    assert view.whole().tolist() == [1, 0]
    for place in range(len(names)):
        assert engine.rows(view, 0, 2, [place]).column(0).to_pylist() == [
            place * 10,
            place * 10 + 1,
        ]
        assert engine.rows(engine.whole, 0, 1, [place]).schema.names == [names[place]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_is_clamped_to_the_rows_there_are(open_engine, kind):
    """Of the whole table and of a view."""
    engine = open_engine(pa.table({"n": range(10)}), kind)
    few = engine.select(Query(filter=Compare(column="n", operator="<", value="5")))
    for view, end in ((engine.whole, 10), (few, 5)):
        for start, stop in ((-3, 2), (end - 1, 99), (99, 120), (3, 1)):
            rows = list(range(end))[max(start, 0) : max(stop, 0)]
            assert engine.rows(view, start, stop, [0]).column(0).to_pylist() == rows


@pytest.mark.parametrize("kind", KINDS)
def test_tables_without_rows_or_columns_are_tables(open_engine, kind):
    """They have nothing to show, and say so without an error."""
    engine = open_engine(pa.table({"n": pa.array([], pa.int64())}), kind)
    view = engine.select(Query(search="x"))
    assert engine.rows(view, 0, 9, [0]).num_rows == 0
    assert engine.select(Query(sorts=(Sort(column=0),))).whole().tolist() == []
    assert profile(engine, Query(), 0).rows == 0


def test_the_first_rows_are_known_before_the_whole_order(open_engine, monkeypatch):
    """The rest waits for it; both are one order."""
    monkeypatch.setattr(engines, "FIRST_ROWS", 10)
    values = np.random.default_rng(1).integers(0, 50, 1_000)
    engine = open_engine(pa.table({"n": values}))
    view = engine.select(Query(sorts=(Sort(column=0, descending=True),)))
    expected = np.argsort(-values, kind="stable")
    assert view.first.tolist() == expected[:10].tolist()
    assert view.numbers(500, 510).tolist() == expected[500:510].tolist()


def test_another_query_ends_the_sort_before_it(open_engine, monkeypatch):
    """Who waits for its rows gets a typed error."""
    monkeypatch.setattr(engines, "FIRST_ROWS", 10)
    engine = open_engine(pa.table({"n": range(1_000)}))
    started, release = threading.Event(), threading.Event()
    sort = engine._sort

    def held(view):
        started.set()
        release.wait()
        sort(view)

    monkeypatch.setattr(engine, "_sort", held)
    view = engine.select(Query(sorts=(Sort(column=0),)))
    started.wait()
    engine.select(Query())
    release.set()
    with pytest.raises(Superseded):
        view.whole()


def test_a_running_statement_is_interrupted(open_engine):
    """By a newer request in its lane, and by closing."""
    engine = open_engine(pa.table({"n": range(3)}))
    for end in (lambda: engine.connection.interrupt("long"), engine.connection.close):
        caught = []
        running = threading.Event()

        def run(caught=caught, running=running):
            with engine.connection.cursor("long") as cursor:
                running.set()
                try:
                    cursor.row("SELECT count(*) FROM range(1000000000000) a, range(1000) b")
                except Superseded as error:
                    caught.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        running.wait()
        while thread.is_alive():  # an interrupt before the statement starts does not reach it
            end()
            thread.join(0.05)
        assert len(caught) == 1


def test_nothing_but_the_table_can_be_read(open_engine, tmp_path):
    """Neither files nor settings nor Python's variables."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    engine = open_engine(TABLE, "parquet")
    with engine.connection.cursor("test") as cursor:
        for statement in (
            f"SELECT * FROM read_csv('{secret}')",
            f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
            "SET memory_limit = '8GB'",
            "INSTALL httpfs",
            "SELECT * FROM secret",
        ):
            with pytest.raises(ViewError):
                cursor.table(statement)
    assert not (tmp_path / "out.csv").exists()


def test_what_cannot_be_sorted_is_refused(open_engine):
    """A decimal of 76 digits would be compared as a float."""
    column = pa.array([Decimal("1.1"), Decimal(2)], pa.decimal256(76, 2))
    for kind in KINDS:
        with pytest.raises(QueryError, match="cannot be sorted"):
            open_engine(pa.table({"n": column}), kind).select(Query(sorts=(Sort(column=0),)))


def test_a_file_that_changes_is_stale(open_engine, tmp_path):
    """Rewritten or removed."""
    engine = open_engine(TABLE, "parquet")
    assert not engine.is_stale
    path = tmp_path / "t[1]*'.parquet"
    pq.write_table(TABLE.slice(1), path)
    assert engine.is_stale
    path.unlink()
    assert engine.is_stale


def test_a_closed_engine_leaves_no_file(open_engine):
    """Nor does one of a table that cannot be opened."""
    engine = open_engine(TABLE, "source")
    engine.select(Query(sorts=(Sort(column=0),)))
    assert engine.folder.exists()
    engine.close()
    assert not engine.folder.exists()
    with pytest.raises(Superseded):
        engine.rows(engine.whole, 0, 1, [0])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\x00" * 50 + b"PAR1", b"a,b\n1,2\n"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    """With an error that names it."""
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.parquet"):
        Engine(path)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_counted_with_the_most_frequent_first(open_engine, kind):
    """Among the rows that other columns' filters keep; a text searches in them."""
    table = pa.table({"w": ["b", "a", "b", None, "B"], "n": [1, 2, 3, 4, 5]})
    engine = open_engine(table, kind)
    values, more = distinct_values(engine, Query(), 0)
    assert [(one.value, one.rows) for one in values] == [("b", 2), ("B", 1), ("a", 1), (None, 1)]
    assert not more
    query = Query(filter=Compare(column=0, operator="=", value="a")).resolve(table.schema)
    assert len(distinct_values(engine, query, 0)[0]) == 4
    query = Query(filter=Compare(column=1, operator=">", value="2")).resolve(table.schema)
    values, _ = distinct_values(engine, query, 0, "b")
    assert [(one.value, one.rows) for one in values] == [("B", 1), ("b", 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, 2, 2, 40, None]), ("0", "42")),
        (pa.array([0.5, float("nan"), float("inf"), 2.5, None]), ("0.5", "2.5")),
        (pa.array([d.date(2026, 1, 1), d.date(2026, 2, 9), None]), ("2026-01-01", "2026-02-10")),
        (
            pa.array([0, 10**6], pa.timestamp("us")),
            ("1970-01-01 00:00:00", "1970-01-01 00:00:01.05"),
        ),
        (pa.array([7, 7]), ("7", "8")),
        (pa.array([0, 2**64 - 1], pa.uint64()), ("0", str(19 * 10**18))),
        (pa.array([0.7, 0.1, 0.3], pa.float32()), ("0.1", "0.7")),
        (pa.array([Decimal("0.10"), Decimal("9.99")]), ("0.0", "10.0")),
    ],
)
def test_bins_hold_every_finite_value(open_engine, kind, values, texts):
    """From the least to the greatest; their round ends are texts that a filter takes."""
    engine = open_engine(pa.table({"v": values}), kind)
    found = profile(engine, Query(), 0)
    finite = [
        one for one in values.to_pylist() if one is not None and str(one) not in ("nan", "inf")
    ]
    assert sum(found.counts) == len(finite)
    assert (found.edges[0], found.edges[-1]) == texts
    assert found.nulls == values.null_count


@given(
    values=st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1)).map(lambda found: pa.array(found, pa.int64())),
        st.lists(st.floats(width=32)).map(lambda found: pa.array(found, pa.float32())),
        st.lists(st.floats()).map(lambda found: pa.array(found, pa.float64())),
        st.lists(st.decimals(-999, 999, places=2)).map(
            lambda found: pa.array(found, pa.decimal128(9, 2))
        ),
        st.lists(st.dates()).map(lambda found: pa.array(found, pa.date32())),
        st.lists(st.datetimes(timezones=st.just(d.UTC))).map(
            lambda found: pa.array(found, pa.timestamp("us", "Europe/Berlin"))
        ),
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_bar_of_a_histogram_filters_the_rows_that_it_counts(values):
    """Whatever the type: neighbouring bars share no row, and no row is in none."""
    engine = Engine(pa.table({"v": values}))
    try:
        found = profile(engine, Query(), 0)
        last = len(found.counts) - 1
        kept = [
            engine.select(
                Query(
                    filter=Range(
                        column=0,
                        low=found.edges[place],
                        high=found.edges[place + 1],
                        includes_high=place == last,
                    )
                )
            ).num_rows
            for place in range(len(found.counts))
        ]
    finally:
        engine.close()
    assert kept == list(found.counts)
    assert len(found.counts) <= MOST


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([0, 9], [str(place) for place in range(11)]),
        ([3, 981], [str(place) for place in range(0, 1_001, 50)]),
        ([-0.31, 0.1], ["-0.35", "-0.3", "-0.25"]),
        ([19.99, 1200.5], ["0.0", "100.0", "200.0"]),
        ([d.date(2026, 1, 14), d.date(2026, 4, 2)], ["2026-01-12", "2026-01-19", "2026-01-26"]),
        ([d.date(2025, 5, 14), d.date(2026, 4, 2)], ["2025-05-01", "2025-06-01", "2025-07-01"]),
        ([d.date(1961, 5, 14), d.date(2026, 4, 2)], ["1960-01-01", "1965-01-01", "1970-01-01"]),
        (
            [BERLIN, BERLIN + d.timedelta(hours=20)],
            ["2026-03-28 23:00:00+01:00", "2026-03-29 00:00:00+01:00"],
        ),
    ],
)
def test_bins_begin_at_round_numbers_and_units_of_the_calendar(open_engine, values, edges):
    """Weeks on a Monday, days and hours by the clock of the column's zone."""
    found = profile(open_engine(pa.table({"v": values})), Query(), 0)
    assert list(found.edges[: len(edges)]) == edges


def test_frequent_words_are_profiled(open_engine):
    """A column of text shows its most frequent values."""
    found = profile(open_engine(pa.table({"w": list("aabbbc")})), Query(), 0)
    assert [(one.value, one.rows) for one in found.top] == [("b", 3), ("a", 2), ("c", 1)]
    assert found.distinct == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_goes_from_match_to_match(open_engine, kind):
    """In the order of the view, around its end, and names the column."""
    table = pa.table({"n": [12, 5, 2, 3], "w": ["x", "A12", None, "b"]})
    engine = open_engine(table, kind)
    search = Search(engine, engine.whole, "a1")
    found = search.go(0)
    assert (found.row, found.column) == (1, 1)
    search = Search(engine, engine.whole, "2")
    assert [search.go(by).row for by in (0, 1, 1, 1, -1)] == [0, 1, 2, 0, 2]
    view = engine.select(Query(sorts=(Sort(column="n"),)))
    search = Search(engine, view, "12")
    assert [search.go(by).row for by in (0, 1, 1)] == [2, 3, 2]
    assert search.go(0).count == 2
    assert Search(engine, view, "nowhere").go(0).row is None


def test_a_type_that_arrow_makes_no_empty_values_of_is_shown(tmp_path):
    """As a struct with an identifier in it is."""
    nested = pa.struct([("id", pa.uuid())])
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16)))
    table = pa.table({"a": pa.StructArray.from_arrays([ids], fields=list(nested))})
    pq.write_table(table, tmp_path / "table.parquet")
    engine = Engine(tmp_path / "table.parquet")
    assert engine.rows(engine.whole, 0, 9, [0], lane="cells") == table
    engine.close()
