"""The grid's Python side: what it answers to the browser, and what of ipydatagrid it leans on."""

import inspect

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ipydatagrid import DataGrid, StreamingDataGrid

from datagen_nb.tables.source import Filter
from datagen_nb.ui import arranged
from datagen_nb.ui import grid as grids
from datagen_nb.ui.grid import grid_view as view


@pytest.fixture
def answers(monkeypatch):
    """What grids send to the browser."""
    sent = []
    monkeypatch.setattr(
        StreamingDataGrid, "send", lambda self, content, buffers=None: sent.append(content)
    )
    return sent


def ask(viewer, **content):
    data = {"method": "custom", "content": content}
    viewer.grid._handle_msg({"content": {"data": data}, "buffers": []})


def window(viewer, answers, r1, r2, c1, c2):
    answers.clear()
    ask(viewer, type="data-request", r1=r1, r2=r2, c1=c1, c2=c2)
    return answers[-1] if answers else None


def sort(column, *, desc=False):
    return {"type": "sort", "column": column, "columnIndex": 1, "desc": desc}


def test_ipydatagrid_has_the_private_names_we_override():
    """They are private there: this fails when a release changes them."""
    parameters = list(inspect.signature(StreamingDataGrid._handle_comm_msg).parameters)
    assert parameters == ["self", "_", "content", "_buffs"]
    names = StreamingDataGrid.class_trait_names()
    assert {"_transforms", "_row_count", "_data", "column_widths", "renderers"} <= set(names)
    for name in ("_on_transforms_changed", "_validate_transforms", "_validate_data", "tick"):
        assert hasattr(StreamingDataGrid, name)
    source = inspect.getsource(StreamingDataGrid._handle_comm_msg)
    for word in ("data-request", "data-reply", "unique-values-request", "unique-values-reply"):
        assert word in source
    assert isinstance(inspect.getattr_static(DataGrid, "data"), property)
    assert hasattr(DataGrid, "_DataGrid__handle_custom_msg")


def test_a_window_holds_exact_texts_for_the_columns_asked(answers):
    """Every column has a place in the reply; those not asked for are empty."""
    viewer = view(pa.table({"big": [2**53 + 1, None], "word": ["$NaN$", "null"], "n": [1, 2]}))
    reply = window(viewer, answers, 0, 5, 0, 1)
    data = reply["value"]["data"]
    assert data["c0"] == ["9007199254740993", None]
    assert data["c1"] == ["$NaN$", "null"]
    assert data["c2"] == []
    assert (reply["r1"], reply["r2"], reply["c1"], reply["c2"]) == (0, 1, 0, 1)


def test_no_handler_stumbles_over_a_request(answers, caplog):
    """ipydatagrid's own handler raises on each; in a kernel that is a traceback a scroll."""
    viewer = view(pa.table({"n": [1]}))
    window(viewer, answers, 0, 0, 0, 0)
    ask(viewer, type="unique-values-request", column="c0")
    assert caplog.records == []


def test_a_window_is_clamped_to_the_rows_there_are(answers):
    """Whatever a browser asks for."""
    viewer = view(pa.table({"n": range(10)}))
    assert window(viewer, answers, -3, 2, 0, 99)["value"]["data"]["c0"] == ["0", "1", "2"]
    assert window(viewer, answers, 8, 50, 0, 0)["value"]["data"]["c0"] == ["8", "9"]
    assert window(viewer, answers, 50, 60, 0, 0) is None


def test_sorting_moves_rows_and_keeps_their_numbers(answers):
    """The header of a row says where it stands in the table."""
    viewer = view(pa.table({"n": [2, 30, 1]}))
    viewer.grid._transforms = [sort("c0", desc=True)]
    data = window(viewer, answers, 0, 9, 0, 0)["value"]["data"]
    assert (data["c0"], data["#"]) == (["30", "2", "1"], ["2", "1", "3"])
    assert "sorted by n ↓" in viewer._line.value
    viewer.grid._transforms = []
    assert window(viewer, answers, 0, 9, 0, 0)["value"]["data"]["c0"] == ["2", "30", "1"]


def test_filtering_changes_the_count_and_says_so(answers):
    """The grid's length follows, and the browser forgets the rows it kept."""
    viewer = view(pa.table({"n": range(100)}))
    before = viewer.grid._data["schema"]["arranged"]
    viewer.grid._transforms = [
        {"type": "filter", "column": "c0", "operator": "<", "value": "10"}, sort("c0", desc=True)
    ]  # fmt: skip
    assert viewer.grid._row_count == 10
    assert viewer.grid._data["schema"]["arranged"] > before
    assert "10 of 100 rows" in viewer._line.value
    assert "where n &lt; 10" in viewer._line.value
    assert window(viewer, answers, 0, 1, 0, 0)["value"]["data"]["c0"] == ["9", "8"]
    assert viewer._clear.layout.display is None
    viewer._clear.click()
    assert viewer.grid._row_count == 100
    assert viewer._clear.layout.display == "none"


@pytest.mark.parametrize(
    ("operator", "value", "words"),
    [
        ("=", "5", "n is 5"),
        ("in", ["1", None, "3", "4", "5"], "n is 1 or null or 3 or 2 more"),
        ("between", ["1", "9"], "n between 1 and 9"),
        ("notempty", None, "n is not null"),
        (">", "9" * 99, f"n > {'9' * 40}"),
    ],
)
def test_the_line_says_which_condition_filters(operator, value, words):
    """As it would be read aloud, and never at length."""
    assert grids._condition("n", Filter(0, operator, value)) == words


def test_what_cannot_be_arranged_is_reported_and_not_pretended(answers, monkeypatch):
    """Neither order nor header changes."""
    monkeypatch.setattr(arranged, "MAX_ARRANGED_ROWS", 5)
    viewer = view(pa.table({"n": range(6)}))
    viewer.grid._transforms = [sort("c0", desc=True)]
    assert viewer.grid._transforms == []
    assert "work up to 5 rows; this table has 6" in viewer._line.value
    assert window(viewer, answers, 0, 9, 0, 0)["value"]["data"]["c0"][0] == "0"


def test_a_refusal_is_inert_text():
    """What was typed is shown, not run."""
    viewer = view(pa.table({"n": [1]}))
    bad = {"type": "filter", "column": "c0", "operator": ">", "value": "<img onerror=x>"}
    viewer.grid._transforms = [bad]
    assert "&lt;img onerror=x&gt;" in viewer._line.value
    assert "<img" not in viewer._line.value


def test_distinct_values_are_listed_only_when_they_are_few(answers, monkeypatch):
    """A cut list would filter away what it does not name."""
    viewer = view(pa.table({"w": ["b", "a", "b", None]}))
    ask(viewer, type="unique-values-request", column="c0")
    assert answers[-1]["value"]["data"]["c0"] == ["b", "a", None]
    monkeypatch.setattr(grids, "MAX_DISTINCT", 2)
    ask(viewer, type="unique-values-request", column="c0")
    assert answers[-1]["value"]["data"]["c0"] == []
    assert "too many to list" in viewer._line.value


def test_names_may_repeat_and_be_the_grids_own(answers):
    """Each column keeps its values; the second of a name gets a number."""
    frame = pd.DataFrame([[1, 2, 3]], columns=["x", "x", "ipydguuid"])
    viewer = view(frame)
    shown = [field["name"] for field in viewer.grid._data["schema"]["fields"]]
    assert shown[1:-1] == ["x", "x (2)", "ipydguuid"]
    data = window(viewer, answers, 0, 0, 0, 2)["value"]["data"]
    assert [data[f"c{place}"] for place in range(3)] == [["1"], ["2"], ["3"]]
    assert list(frame.columns) == ["x", "x", "ipydguuid"]


def test_a_table_without_rows_or_columns_is_shown():
    """Nothing is a table too."""
    assert "0 rows x 1 columns" in view(pa.table({"n": pa.array([], pa.int64())}))._line.value
    assert "0 rows x 0 columns" in view(pa.table({}))._line.value


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


def test_a_large_source_is_read_by_windows_alone(answers):
    """Ten million rows cost what is in view."""
    source = Counted(10_000_000)
    viewer = view(source)
    reply = window(viewer, answers, 9_999_990, 10_000_050, 0, 0)
    assert reply["value"]["data"]["c0"][-1] == "9999999"
    viewer._repr_mimebundle_()
    assert source.asked < 200


def test_a_saved_notebook_shows_the_first_rows():
    """As a table in HTML, as one stable line in text; markup in the data is text."""
    data, _ = view(pa.table({"<b>": ["<i>", None, *map(str, range(20))]}))._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "&lt;i&gt;" in data["text/html"]
    assert "<i>" not in data["text/html"]
    assert data["text/plain"] == "Table of 22 rows: <b>"


def test_a_wide_table_is_cut_and_says_so():
    """A saved notebook does not carry a thousand columns."""
    data, _ = view(pa.table({f"c{i}": [i] for i in range(1_000)}))._repr_mimebundle_()
    assert "1 rows x 20 of 1,000 columns" in data["text/html"]
    assert len(data["text/html"]) < 10_000
