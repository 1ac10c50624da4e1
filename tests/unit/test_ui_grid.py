"""The grid's Python side: what it answers to the browser, and what of ipydatagrid it leans on."""

import inspect
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ipydatagrid import DataGrid, StreamingDataGrid

from datagen_nb.ui import grid as grids
from datagen_nb.ui.grid import grid_view
from tests.deadline import DEADLINE


@pytest.fixture
def answers(monkeypatch):
    """What grids send to the browser."""
    sent = Sent()
    monkeypatch.setattr(
        StreamingDataGrid, "send", lambda self, content, buffers=None: sent.add(content)
    )
    return sent


class Sent:
    """Messages, and waiting for one."""

    def __init__(self):
        self.messages = []
        self._changed = threading.Condition()

    def add(self, message):
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def next(self, kind):
        """The next message of a kind; those before it are forgotten."""
        with self._changed:
            of_kind = lambda: [one for one in self.messages if one["event_type"] == kind]  # noqa: E731
            assert self._changed.wait_for(of_kind, DEADLINE), self.messages
            found = of_kind()[0]
            del self.messages[: self.messages.index(found) + 1]
            return found


@pytest.fixture
def view():
    """Opens grids; closes them."""
    opened = []

    def make(data):
        opened.append(grid_view(data))
        return opened[-1]

    yield make
    for viewer in opened:
        viewer.close()


def receive(viewer, **data):
    viewer.grid._handle_msg({"content": {"data": data}, "buffers": []})


def ask(viewer, **content):
    receive(viewer, method="custom", content=content)


def window(viewer, answers, r1, r2, c1, c2):
    ask(viewer, type="data-request", r1=r1, r2=r2, c1=c1, c2=c2)
    return answers.next("data-reply")


def cells(viewer, answers, column="c0", last=9):
    reply = window(viewer, answers, 0, last, 0, 99)
    return reply["value"]["data"][column]


def arrange(viewer, answers, *transforms):
    """Choose in the headers' menus, and wait until the rows are there."""
    answers.messages.clear()
    receive(viewer, method="update", state={"_transforms": list(transforms)}, buffer_paths=[])
    answers.next("tick")


def line_of(viewer, text):
    """Wait until the line below the grid says something."""
    noticed = threading.Event()

    def look(_change=None):
        if text in viewer._line.value:
            noticed.set()

    viewer._line.observe(look, "value")
    look()
    assert noticed.wait(DEADLINE), viewer._line.value
    return viewer._line.value


def sort(column, *, desc=False):
    return {"type": "sort", "column": column, "columnIndex": 1, "desc": desc}


def keep(column, operator, value=None):
    return {"type": "filter", "column": column, "operator": operator, "value": value}


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


def test_a_window_holds_exact_texts_of_the_columns_that_are_seen(view, answers):
    """And no others, however many there are."""
    viewer = view(pa.table({"big": [2**53 + 1, None], "word": ["$NaN$", "null"], "n": [1, 2]}))
    reply = window(viewer, answers, 0, 5, 0, 1)
    data = reply["value"]["data"]
    assert data["c0"] == ["9007199254740993", None]
    assert data["c1"] == ["$NaN$", "null"]
    assert list(data) == ["#", "c0", "c1", grids.GUID]
    assert (reply["r1"], reply["r2"], reply["c1"], reply["c2"]) == (0, 1, 0, 1)


def test_no_handler_stumbles_over_a_request(view, answers, caplog):
    """ipydatagrid's own handler raises on each; in a kernel that is a traceback a scroll."""
    viewer = view(pa.table({"n": [1]}))
    window(viewer, answers, 0, 0, 0, 0)
    ask(viewer, type="unique-values-request", column="c0")
    answers.next("unique-values-reply")
    assert caplog.records == []


def test_a_window_is_clamped_to_the_rows_there_are(view, answers):
    """Whatever a browser asks for; rows that are not there get no answer."""
    viewer = view(pa.table({"n": range(10)}))
    assert window(viewer, answers, -3, 2, 0, 99)["value"]["data"]["c0"] == ["0", "1", "2"]
    assert window(viewer, answers, 8, 50, 0, 0)["value"]["data"]["c0"] == ["8", "9"]
    ask(viewer, type="data-request", r1=50, r2=60, c1=0, c2=0)
    assert window(viewer, answers, 0, 0, 0, 0)["r2"] == 0


def test_no_request_gets_a_whole_table(view, answers):
    """A thousand rows of some hundred columns at most."""
    viewer = view(pa.table({f"n{place}": range(2_000) for place in range(600)}))
    data = window(viewer, answers, 0, 10**9, 0, 10**9)["value"]["data"]
    assert (len(data["c0"]), len(data)) == (1_000, 500 + 2)


def test_sorting_moves_rows_and_keeps_their_numbers(view, answers):
    """The header of a row says where it stands in the table."""
    viewer = view(pa.table({"n": [2, 30, 1]}))
    arrange(viewer, answers, sort("c0", desc=True))
    data = window(viewer, answers, 0, 9, 0, 0)["value"]["data"]
    assert (data["c0"], data["#"]) == (["30", "2", "1"], ["2", "1", "3"])
    line_of(viewer, "sorted by n ↓")
    arrange(viewer, answers)
    assert cells(viewer, answers) == ["2", "30", "1"]


def test_filtering_changes_the_count_and_says_so(view, answers):
    """The grid's length follows, and the browser forgets the rows it kept."""
    viewer = view(pa.table({"n": range(100)}))
    before = viewer.grid._data["schema"]["arranged"]
    arrange(viewer, answers, keep("c0", "<", "10"), sort("c0", desc=True))
    assert viewer.grid._row_count == 10
    assert viewer.grid._data["schema"]["arranged"] > before
    assert "10 of 100 rows" in line_of(viewer, "where n &lt; 10")
    assert cells(viewer, answers, last=1) == ["9", "8"]
    assert viewer._clear.layout.display is None
    viewer._clear.click()
    answers.next("tick")
    line_of(viewer, "100 rows x 1 columns · exact values")
    assert viewer.grid._row_count == 100
    assert viewer._clear.layout.display == "none"


def test_what_cannot_be_selected_is_reported_and_not_pretended(view, answers):
    """Neither order nor header changes; what was typed is shown, not run."""
    viewer = view(pa.table({"n": [2, 1]}))
    bad = keep("c0", ">", "<img onerror=x>")
    arrange(viewer, answers, bad, sort("c0"))
    line = line_of(viewer, "&lt;img onerror=x&gt;&#x27; is not a number")
    assert "<img" not in line
    assert viewer.grid._transforms == []
    assert cells(viewer, answers) == ["2", "1"]
    arrange(viewer, answers, sort("c0"))
    line_of(viewer, "sorted by n ↑")


def test_millions_of_rows_are_sorted_and_filtered(view, answers, tmp_path):
    """There is no number of rows beyond which they are not; the table is not read into memory."""
    path, rows = tmp_path / "t.parquet", 3_000_000
    pq.write_table(pa.table({"n": np.arange(rows), "word": np.full(rows, "same")}), path)
    viewer = view(path)
    arrange(viewer, answers, sort("c0", desc=True), keep("c0", "<", "2500000"))
    assert cells(viewer, answers, last=1) == ["2,499,999".replace(",", ""), "2499998"]
    reply = window(viewer, answers, 2_000_000, 2_000_001, 0, 0)
    assert reply["value"]["data"]["c0"] == ["499999", "499998"]
    assert viewer.grid.rows_shown == 2_500_000


def test_distinct_values_are_listed_only_when_they_are_few(view, answers, monkeypatch):
    """A cut list would filter away what it does not name."""
    viewer = view(pa.table({"w": ["b", "a", "b", None]}))
    ask(viewer, type="unique-values-request", column="c0")
    few = answers.next("unique-values-reply")["value"]["data"]["c0"]
    assert (few[0], set(few)) == ("b", {"b", "a", None})
    monkeypatch.setattr(grids, "MAX_DISTINCT", 2)
    ask(viewer, type="unique-values-request", column="c0")
    assert answers.next("unique-values-reply")["value"]["data"]["c0"] == []
    line_of(viewer, "too many to list")


def test_names_may_repeat_and_be_the_grids_own(view, answers):
    """Each column keeps its values; the second of a name gets a number."""
    frame = pd.DataFrame([[1, 2, 3]], columns=["x", "x", "ipydguuid"])
    viewer = view(frame)
    shown = [field["name"] for field in viewer.grid._data["schema"]["fields"]]
    assert shown[1:-1] == ["x", "x (2)", "ipydguuid"]
    data = window(viewer, answers, 0, 0, 0, 2)["value"]["data"]
    assert [data[f"c{place}"] for place in range(3)] == [["1"], ["2"], ["3"]]
    assert list(frame.columns) == ["x", "x", "ipydguuid"]


def test_a_table_without_rows_or_columns_is_shown(view):
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


def test_a_large_source_is_read_by_windows_alone(view, answers):
    """Ten million rows cost what is in view."""
    source = Counted(10_000_000)
    viewer = view(source)
    reply = window(viewer, answers, 9_999_990, 10_000_050, 0, 0)
    assert reply["value"]["data"]["c0"][-1] == "9999999"
    viewer._repr_mimebundle_()
    assert source.asked < 200


def test_a_text_file_is_shown_whole(view, answers, tmp_path):
    """Also one of which the first rows are there before the others."""
    path = tmp_path / "t.csv"
    path.write_text("n\n" + "\n".join(map(str, range(200_000))))
    viewer = view(path)
    assert window(viewer, answers, 199_999, 199_999, 0, 0)["value"]["data"]["c0"] == ["199999"]


def test_a_saved_notebook_shows_the_first_rows(view):
    """As a table in HTML, as one stable line in text; markup in the data is text."""
    data, _ = view(pa.table({"<b>": ["<i>", None, *map(str, range(20))]}))._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "&lt;i&gt;" in data["text/html"]
    assert "<i>" not in data["text/html"]
    assert data["text/plain"] == "Table of 22 rows: <b>"


def test_a_wide_table_is_cut_and_says_so(view):
    """A saved notebook does not carry a thousand columns."""
    data, _ = view(pa.table({f"c{i}": [i] for i in range(1_000)}))._repr_mimebundle_()
    assert "1 rows x 20 of 1,000 columns" in data["text/html"]
    assert len(data["text/html"]) < 10_000
