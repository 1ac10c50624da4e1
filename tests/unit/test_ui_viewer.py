"""The viewer's Python side: what it shows, what it answers, and what it refuses to be asked."""

import base64
import decimal
import gzip
import json
import threading
from contextlib import closing

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datagen_nb as dg
from datagen_nb.core.errors import ArgumentError, InputError
from datagen_nb.tables.view.conversion import Conversion
from datagen_nb.tables.view.query import Format, Query, QueryError
from datagen_nb.ui.renderers import view
from datagen_nb.ui.viewer import Viewer
from tests.deadline import DEADLINE
from tests.widgets import until

TABLE = pa.table(
    {
        "big": [2**53 + 1, None, 7, 7],
        "word": ["$NaN$", "null", None, ""],
        "money": pa.array([decimal.Decimal("1.10")] * 4, pa.decimal128(38, 2)),
    }
)


@pytest.fixture
def show():
    """Opens viewers; closes them."""
    opened = []

    def make(data, **options):
        opened.append(view(data, **options))
        return opened[-1]

    yield make
    for viewer in opened:
        viewer.close()


def rows(ask, viewer, start=0, stop=4, columns=(0, 1, 2)):
    epoch = viewer.snapshot["epoch"]
    return ask(viewer, "rows", epoch=epoch, start=start, stop=stop, columns=list(columns))["result"]


def test_rows_are_exact_texts_of_the_columns_asked(show, ask):
    """With the number of each row in the table; null is none of the texts."""
    found = rows(ask, show(TABLE), columns=[1, 0])
    assert found == {
        "start": 0,
        "numbers": [0, 1, 2, 3],
        "cells": [["$NaN$", "null", None, ""], ["9007199254740993", None, "7", "7"]],
    }


def test_a_query_changes_rows_and_count_and_begins_an_epoch(show, ask):
    """The snapshot has it in the form that the browser sends."""
    viewer = show(TABLE)
    query = {
        "filter": {"kind": "compare", "column": 0, "operator": ">=", "value": "7"},
        "sorts": [{"column": 0, "descending": False}],
        "search": "",
    }
    assert ask(viewer, "query", **query) == {"result": None}
    snapshot = viewer.snapshot
    assert (snapshot["rows"], snapshot["totalRows"], snapshot["epoch"]) == (3, 4, 1)
    assert snapshot["query"]["filter"] == query["filter"]
    assert rows(ask, viewer)["numbers"] == [2, 3, 0]
    assert ask(viewer, "query", **snapshot["query"]) == {"result": None}
    ask(viewer, "query", filter=None, sorts=[], search="")
    assert viewer.query.is_whole


def test_late_requests_get_no_rows(show, ask):
    """They were on their way when the view changed."""
    viewer = show(TABLE)
    viewer.query = {"sorts": [{"column": "big"}]}
    found = ask(viewer, "rows", epoch=0, start=2, stop=4, columns=[0])
    assert found == {"result": {"start": 2, "numbers": [], "cells": []}}
    assert "no more" in ask(viewer, "cell", epoch=0, row=0, column=0)["error"]


PRICES = pa.table({"price": [1234.5, 0.0, None, 2000.0], "at": [0, 1, 2, 3]})


def test_cells_are_written_by_the_formats_of_the_query(show, ask):
    """With where a number stands in its column; rows and order stay, copied values too."""
    viewer = show(PRICES, query={"sorts": [{"column": "at", "descending": True}]})
    query = viewer.snapshot["query"]
    formats = [{"column": 0, "style": "currency", "currency": "USD", "fill": "bar"}]
    assert ask(viewer, "query", **(query | {"formats": formats})) == {"result": None}
    found = rows(ask, viewer, columns=[0, 1])
    assert found["cells"] == [["$2,000.00", None, "$0.00", "$1,234.50"], ["3", "2", "1", "0"]]
    assert found["shares"] == {0: [1.0, None, 0.0, 0.617]}
    copied = ask(viewer, "copy", start=0, stop=1, columns=[0])["result"]["text"]
    assert copied == "2000"
    assert viewer.frame["at"].tolist() == [3, 2, 1, 0]
    ask(viewer, "query", **query)
    assert "shares" not in rows(ask, viewer, columns=[0])


def test_a_change_of_formats_sorts_nothing_anew(show, monkeypatch):
    """The rows are known."""
    viewer = show(PRICES, query={"sorts": [{"column": "price"}]})
    monkeypatch.setattr(type(viewer.shown.engine), "select", None)
    viewer.query = Query(sorts=viewer.query.sorts, formats=(Format(column=1, decimals=1),))
    assert viewer.snapshot["epoch"] == 1


def test_a_chart_counts_the_rows_of_the_view(show, ask):
    """Drawn by the browser, and a specification in Python, which takes no Altair."""
    viewer = show(
        PRICES, query={"filter": {"kind": "compare", "column": "at", "operator": ">", "value": "0"}}
    )
    epoch = viewer.snapshot["epoch"]
    drawn = ask(viewer, "chart", epoch=epoch, x=1, y=0)["result"]
    assert (drawn["x"]["column"], drawn["y"]["column"]) == ("at", "price")
    assert sum(map(sum, drawn["series"][0])) == 2
    chart = viewer.chart("at")
    assert sum(one["rows"] for one in chart.spec["data"]["values"]) == 3
    assert chart._repr_mimebundle_()["application/vnd.vegalite.v5+json"] is chart.spec
    assert "no more" in ask(viewer, "chart", epoch=epoch + 1, x=1)["error"]
    with pytest.raises(QueryError, match="no column 'absent'"):
        viewer.chart("absent")


def test_a_view_is_opened_with_its_formats(show):
    """Also in the saved notebook, and where no row is left out or moved."""
    formats = [{"column": "price", "style": "thousands", "decimals": 1}]
    viewer = show(PRICES, query={"formats": formats})
    assert "1,234.5" in viewer.static_repr()[1]
    again = show(PRICES, query=viewer.query)
    assert again.query == viewer.query
    assert [one.style for one in again.query.formats] == ["thousands"]


def test_columns_are_as_wide_as_their_formats_write_them(show, ask):
    """They are asked for anew."""
    viewer = show(pa.table({"n": [10**12]}))
    ((_, _, before),) = columns(ask, viewer)
    viewer.query = {"formats": [{"column": "n", "style": "currency", "currency": "CHF"}]}
    assert viewer.snapshot["schema"] == 1
    ((_, _, after),) = columns(ask, viewer)
    assert after > before + 40


WINDOW = {"epoch": 0, "start": 0, "stop": 4, "columns": [0]}


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("rows", {}),
        ("rows", WINDOW | {"start": -1}),
        ("rows", WINDOW | {"start": 1.5}),
        ("rows", WINDOW | {"start": "0"}),
        ("rows", WINDOW | {"start": True}),
        ("rows", WINDOW | {"start": 5}),
        ("rows", WINDOW | {"stop": 2_000}),
        ("rows", WINDOW | {"stop": 10**30}),
        ("rows", WINDOW | {"columns": [3]}),
        ("rows", WINDOW | {"columns": [-1]}),
        ("rows", WINDOW | {"columns": "all"}),
        ("rows", WINDOW | {"columns": [0] * 501}),
        ("rows", WINDOW | {"stop": 1_000, "columns": [0] * 100}),
        ("rows", WINDOW | {"more": 1}),
        ("cell", {"epoch": 0, "row": 4, "column": 0}),
        ("cell", {"epoch": 0, "row": 0, "column": 9}),
        ("distinct", {"column": 9}),
        ("distinct", {"column": 1, "search": "x" * 1_001}),
        ("profiles", {"epoch": 0, "columns": [9]}),
        ("chart", {"epoch": 0, "x": 9}),
        ("chart", {"epoch": 0, "x": 0, "y": 9}),
        ("chart", {"epoch": 0, "x": 0, "bins": 10**9}),
        ("copy", {"start": 0, "stop": 1_000_001, "columns": [0]}),
        ("copy", {"start": 0, "stop": 500_001, "columns": [0, 1]}),
        ("find", {"text": "", "by": 1}),
        ("find", {"text": "a", "by": 2}),
        ("select", {"top": 0}),
        ("query", {"filter": {"kind": "sql", "text": "true"}}),
        ("query", {"sorts": [{"column": 9}]}),
        ("query", {"search": "x" * 1_001}),
        ("query", {"formats": [{"column": 0, "style": "hex"}]}),
        ("query", {"formats": [{"column": 0, "currency": "<b>"}]}),
        ("query", {"formats": [{"column": 9}]}),
        ("delete", {}),
    ],
)
def test_what_no_viewer_asks_for_is_refused(show, ask, action, body):
    """With one sentence; the viewer goes on."""
    viewer = show(TABLE)
    answer = ask(viewer, action, **body)
    assert len(answer["error"]) < 200
    assert "Error" not in answer["error"]
    assert rows(ask, viewer)["numbers"] == [0, 1, 2, 3]


def test_values_and_profiles_are_counted(show, ask):
    """As the list of a filter and a header show them."""
    viewer = show(TABLE)
    values = ask(viewer, "distinct", column=0, search="")["result"]
    assert values["values"][0] == {"value": "7", "rows": 2}
    assert not values["more"]
    spread, frequent = ask(viewer, "profiles", epoch=0, columns=[0, 1])["result"]
    assert (spread["nulls"], spread["rows"], sum(spread["counts"])) == (1, 4, 3)
    assert "top" not in spread
    assert {"value": "null", "rows": 1} in frequent["top"]


def test_headers_are_counted_a_moment_at_a_time(show, ask, monkeypatch):
    """The first ones are there before the others; a column that cannot be counted has a place."""
    long = pa.array([decimal.Decimal(1)], pa.decimal256(76, 0))
    viewer = show(pa.table({"n": [1], "long": long, "m": [2]}))
    found = ask(viewer, "profiles", epoch=0, columns=[0, 1, 2])["result"]
    assert [one and one["rows"] for one in found] == [1, None, 1]
    monkeypatch.setattr("datagen_nb.ui.viewer_shown.MOMENT", 0)
    assert len(ask(viewer, "profiles", epoch=0, columns=[0, 2])["result"]) == 1


def test_headers_of_a_screen_are_small(show, ask, monkeypatch):
    """All twelve of ten thousand columns, where there is time to count them for one answer."""
    monkeypatch.setattr("datagen_nb.ui.viewer_shown.MOMENT", DEADLINE)
    viewer = show(pa.table({f"column{place}": range(10) for place in range(10_000)}))
    seen = list(range(5_000, 5_012))
    sent = rows(ask, viewer, 0, 10, seen), ask(viewer, "profiles", epoch=0, columns=seen)["result"]
    assert len(sent[1]) == len(seen)
    assert sum(len(json.dumps(one)) for one in sent) < 4_000


def test_a_cell_is_shown_whole(show, ask):
    """A row has its first thousand characters."""
    viewer = show(pa.table({"t": ["x" * 5_000, "y" * 1_000_001]}))
    assert len(rows(ask, viewer, columns=[0])["cells"][0][0]) == 1_000
    cell = ask(viewer, "cell", epoch=0, row=0, column=0)["result"]
    assert cell == {"text": "x" * 5_000, "number": 0, "isCut": False}
    cut = ask(viewer, "cell", epoch=0, row=1, column=0)["result"]
    assert (len(cut["text"]), cut["isCut"]) == (1_000_000, True)


def test_cells_are_copied_as_a_spreadsheet_takes_them(show, ask):
    """Tabs and lines in a cell stay in it; a null is empty."""
    viewer = show(pa.table({"a": ['x\t"y"', None], "b": ["1\n2", "é"]}))
    plain = ask(viewer, "copy", start=0, stop=2, columns=[1, 0], headers=False)
    assert plain["result"]["text"] == '"1\n2"\t"x\t""y"""\né\t'
    headed = ask(viewer, "copy", start=1, stop=2, columns=[1], headers=True)
    assert headed["result"]["text"] == "b\né"


def test_a_search_names_row_and_column(show, ask):
    """And how many rows there are."""
    viewer = show(TABLE)
    found = ask(viewer, "find", text="NULL", by=0)["result"]
    while not found["isComplete"]:
        found = ask(viewer, "find", text="NULL", by=0)["result"]
    assert found == {"count": 1, "isComplete": True, "row": 1, "column": 1}
    assert ask(viewer, "find", text="absent", by=0)["result"] == {"count": 0, "isComplete": True}


def test_what_is_marked_is_a_frame(show, ask):
    """In the order of columns that is seen; another view marks nothing."""
    viewer = show(TABLE)
    assert viewer.selected.empty
    ask(viewer, "select", top=0, bottom=1, left=0, right=1, columns=[1, 0])
    assert viewer.selected.columns.tolist() == ["word", "big"]
    assert viewer.selected["word"].tolist() == ["$NaN$", "null"]
    viewer.query = {"sorts": [{"column": "big"}]}
    assert viewer.selected.empty


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_the_frame_has_the_rows_of_the_view_in_its_order(show, tmp_path, kind):
    """With the types of the table."""
    table = TABLE.append_column("wide", pa.array([decimal.Decimal(1)] * 4, pa.decimal256(70, 1)))
    data = table
    if kind == "parquet":
        data = tmp_path / "t.parquet"
        pq.write_table(table, data)
    viewer = show(data, query={"sorts": [{"column": "big", "descending": True}]})
    expected = table.take([0, 2, 3, 1]).to_pandas()
    pd.testing.assert_frame_equal(viewer.frame, expected)
    assert "sort_values" in viewer.to_code()
    assert "ORDER BY" in viewer.to_code("sql")


def test_a_query_that_does_not_fit_is_an_error_and_changes_nothing(show):
    """In Python as in the browser."""
    viewer = show(TABLE)
    with pytest.raises(QueryError, match="no column 'nope'"):
        viewer.query = {"sorts": [{"column": "nope"}]}
    with pytest.raises(QueryError):
        show(TABLE, query={"sorts": [{"column": 99}]})
    assert viewer.query.is_whole


def test_renderers_are_chosen_by_name(show):
    """The table is the usual one."""
    assert isinstance(show(TABLE), Viewer)
    assert isinstance(show(TABLE, renderer="table"), Viewer)
    assert show(TABLE, renderer="ipydatagrid").grid.rows_shown == 4
    with pytest.raises(ArgumentError, match="no renderer 'canvas'"):
        view(TABLE, renderer="canvas")
    with pytest.raises(ArgumentError, match="query="):
        view(TABLE, renderer="ipydatagrid", query={})


def test_a_file_that_changed_says_so_and_is_read_again(show, ask, tmp_path, monkeypatch):
    """The query stays where it still fits."""
    monkeypatch.setattr("datagen_nb.ui.viewer.CHECK_SECONDS", 0.01)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": [3, 1]}), path)
    viewer = show(path, query={"sorts": [{"column": "n"}]})
    pq.write_table(pa.table({"n": [9, 5, 7]}), tmp_path / "new")
    (tmp_path / "new").replace(path)
    assert until(viewer, lambda snapshot: snapshot["stale"])["stale"].startswith("t.parquet has")
    ask(viewer, "reload")
    assert (viewer.snapshot["stale"], viewer.snapshot["totalRows"]) == ("", 3)
    assert rows(ask, viewer, 0, 3, [0])["cells"] == [["5", "7", "9"]]


class Counted:
    """A source that counts the rows it was asked for."""

    def __init__(self, rows):
        self.schema = pa.schema({"n": pa.int64()})
        self.num_rows = rows
        self.asked = 0

    def read(self, start, stop):
        stop = min(stop, self.num_rows)
        self.asked += max(stop - start, 0)
        return pa.table({"n": np.arange(start, max(start, stop))})


@pytest.fixture
def held(monkeypatch):
    """While this event is not set, no file is read to its end."""
    go = threading.Event()
    hear = Conversion._hear

    def wait(self, message):
        if "first" not in message:
            assert go.wait(DEADLINE)
        hear(self, message)

    monkeypatch.setattr(Conversion, "_hear", wait)
    yield go
    go.set()


def large_csv(tmp_path, last=""):
    path = tmp_path / "t.csv"
    path.write_text("n,s\n" + "".join(f"{n},word {n % 7}\n" for n in range(300_000)) + last)
    return path


def test_a_text_file_shows_its_first_rows_while_it_is_read(show, ask, held, tmp_path):
    """The query that was set meanwhile is that of all rows; what needs all waits for them."""
    viewer = show(large_csv(tmp_path))
    snapshot = viewer.snapshot
    assert (snapshot["isPartial"], snapshot["isReading"], viewer.is_final) == (True, True, False)
    assert repr(viewer).startswith(f"<Table of first {snapshot['totalRows']:,} rows: n, s")
    viewer.query = {"filter": {"kind": "compare", "column": "n", "operator": "<", "value": "9"}}
    assert rows(ask, viewer, columns=[0])["numbers"] == [0, 1, 2, 3]
    epoch = viewer.snapshot["epoch"]
    held.set()
    assert viewer.frame["n"].tolist() == list(range(9))
    snapshot = viewer.snapshot
    assert (snapshot["totalRows"], snapshot["rows"], snapshot["epoch"]) == (300_000, 9, epoch + 1)
    assert (snapshot["isPartial"], snapshot["isReading"]) == (False, False)
    until(viewer, lambda _: viewer.is_final)


def test_an_export_has_all_rows_of_a_file(show, ask, held, tmp_path):
    """Though the first ones were shown when it was asked for."""
    viewer = show(large_csv(tmp_path))
    held.set()
    assert viewer.export(tmp_path / "out.parquet") == tmp_path / "out.parquet"
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 300_000


def test_a_text_file_that_breaks_says_where_beside_its_first_rows(show, ask, held, tmp_path):
    """It is read again when it was corrected."""
    path = large_csv(tmp_path, "1,2,3\n")
    viewer = show(path)
    held.set()
    snapshot = until(viewer, lambda snapshot: snapshot["stale"])
    assert "line 300,002 has 3 fields" in snapshot["stale"]
    assert (snapshot["isPartial"], snapshot["isReading"]) == (True, False)
    with pytest.raises(InputError, match="ragged"):
        _ = viewer.frame
    path.write_text("n,s\n1,x\n")
    assert ask(viewer, "reload") == {"result": None}
    assert (viewer.snapshot["totalRows"], viewer.snapshot["stale"]) == (1, "")


def test_a_large_source_is_read_by_windows_alone(show, ask):
    """Ten million rows cost what is in view."""
    source = Counted(10_000_000)
    viewer = show(source)
    assert rows(ask, viewer, 9_999_990, 10_000_050, [0])["cells"][0][-1] == "9999999"
    viewer._repr_mimebundle_()
    assert source.asked < 200


def test_a_saved_notebook_shows_the_first_rows(show):
    """As a table in HTML, as one stable line in text; markup in the data is text."""
    viewer = show(pa.table({"<b>": ["<i>", None, *map(str, range(20))]}))
    data, _ = viewer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "&lt;i&gt;" in data["text/html"]
    assert "<i>" not in data["text/html"]
    assert data["text/plain"] == "Table of 22 rows: <b>"


@pytest.mark.parametrize("cell", ["1", "<&>" * 400])
def test_a_saved_table_is_small_and_says_what_it_leaves_out(show, cell):
    """However wide it is, and whatever its cells hold."""
    viewer = show(pa.table({f"c{i}": [cell] * 30 for i in range(1_000)}))
    data, _ = viewer._repr_mimebundle_()
    assert "of 30 rows x 20 of 1,000 columns" in data["text/html"]
    assert len(data["text/html"]) < 30_000


def columns(ask, viewer):
    return ask(viewer, "columns")["result"]["columns"]


def test_a_table_without_rows_or_columns_is_shown(show, ask):
    """Nothing is a table too."""
    assert rows(ask, show(pa.table({"n": pa.array([], pa.int64())})), 0, 0, [0])["numbers"] == []
    assert columns(ask, show(pa.table({}))) == []


def test_widths_follow_the_first_and_the_last_rows(show, ask):
    """The key of the last row can be read."""
    (_, _, short), (_, _, long) = (
        columns(ask, show(pa.table({"n": [1] * 100 + [last]})))[0] for last in (1, 10**15)
    )
    assert long > short + 40


def test_a_name_cannot_turn_the_text_around_it(show, ask):
    """Marks of direction and control characters are shown as escapes."""
    viewer = show(pa.table({"\u202egnp": [1], "x" * 300: [1]}))
    assert [name for name, *_ in columns(ask, viewer)] == ["\\u202egnp", "x" * 200 + "…"]


WIDE = pa.table({f"column{place}": range(50) for place in range(10_000)})


def test_columns_are_sent_once_and_small(show, ask):
    """Ten thousand of them; a snapshot and a window have none of it, whatever the query."""
    viewer = show(WIDE)
    assert len(json.dumps(ask(viewer, "columns"))) < 300_000
    ask(viewer, "query", filter=None, sorts=[{"column": 9_999, "descending": True}], search="")
    assert viewer.snapshot["columnCount"] == 10_000
    assert len(json.dumps(viewer.snapshot)) < 1_000
    window = rows(ask, viewer, 0, 20, range(5_000, 5_010))
    assert window["cells"][0][0] == "49"
    assert len(json.dumps(window)) < 4_000


def test_a_table_that_is_read_again_has_other_columns(show, ask, tmp_path):
    """The number of the schema says that they have to be asked for."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": [1]}), path)
    viewer = show(path)
    pq.write_table(pa.table({"m": [1], "k": [2]}), tmp_path / "new")
    (tmp_path / "new").replace(path)
    ask(viewer, "reload")
    assert (viewer.snapshot["schema"], viewer.snapshot["columnCount"]) == (1, 2)
    assert [name for name, *_ in columns(ask, viewer)] == ["m", "k"]


def test_the_tools_are_a_module_of_their_own(show, ask):
    """It imports from the viewer's, which the browser names."""
    text = gzip.decompress(base64.b64decode(ask(show(TABLE), "tools")["result"])).decode()
    assert 'from"datagen:host"' in text


def test_a_job_is_shown_by_its_result(client):
    """`job.view()` is `dg.view(job)`."""
    job = client.submit(pd.DataFrame({"a": range(9)}), rows=50)
    for viewer in (dg.view(job), job.view(), job.result().view()):
        assert viewer.snapshot["totalRows"] == 50
        viewer.close()


def test_charts_of_a_job_have_its_input_beside_its_rows(client, ask, tmp_path):
    """With the same query, where it can be read; without it as soon as it cannot."""
    path = tmp_path / "real.parquet"
    made = client.submit(pd.DataFrame({"a": range(9)}), rows=50).result()
    pq.write_table(made.to_arrow().slice(0, 9), path)
    data = client.submit(path, rows=50).result()
    assert (data.input_path(), made.input_path()) == (str(path), None)
    name = data.schema.names[0]
    with closing(data.view()) as viewer:
        counts = ask(viewer, "chart", epoch=0, x=0)["result"]["series"]
        assert [sum(map(sum, series)) for series in counts] == [50, 9]
        tables = {one["table"] for one in viewer.chart(name).spec["data"]["values"]}
        assert tables == {"synthetic", "real"}
        viewer.query = {"filter": {"kind": "is_null", "column": name}}
        assert {one["rows"] for one in viewer.chart(name).spec["data"]["values"]} <= {0}
    with closing(made.view()) as viewer:
        assert len(ask(viewer, "chart", epoch=0, x=0)["result"]["series"]) == 1
    path.write_bytes(b"PAR1 no more")
    with closing(data.view()) as viewer:
        assert len(ask(viewer, "chart", epoch=0, x=0)["result"]["series"]) == 1


@pytest.fixture
def client():
    with dg.connect("mock", speed=1_000) as connected:
        yield connected


def test_the_view_is_exported_beside_the_notebook(show, ask, tmp_path, monkeypatch):
    """Under a name that no file has, with its progress; the path is the answer."""
    monkeypatch.chdir(tmp_path)
    viewer = show(TABLE, query={"sorts": [{"column": "big"}]})
    for name in ("table-view.csv", "table-view-1.csv"):
        result = ask(viewer, "export", format="csv", defuse=False)["result"]
        assert result == {"rows": 4, "path": str(tmp_path / name)}
        assert ask.events.get()[0] == {"event": "export", "rows": 4}
    assert (tmp_path / name).read_text().splitlines()[1].startswith("7,")
    assert viewer.export("out.parquet") == tmp_path / "out.parquet"
    assert ask(viewer, "cancel_export") == {"result": None}
    assert "not one of a viewer" in ask(viewer, "export", format="xls")["error"]
