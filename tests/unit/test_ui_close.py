"""What is closed is gone: a kernel keeps every model until then, and some keep a table."""

import gc
import threading
import weakref

import pyarrow as pa
import pytest
from ipywidgets.widgets import widget as models

import datagen_nb as dg
from datagen_nb.ui.modules import ModuleHolder
from tests.deadline import DEADLINE


def open_models():
    """Every model that the kernel keeps, but for the modules that all cards share."""
    kept = models._instances if hasattr(models, "_instances") else models.Widget.widgets
    return {name for name, model in kept.items() if not isinstance(model, ModuleHolder)}


@pytest.fixture
def client():
    with dg.connect("mock", speed=1_000) as connected:
        yield connected


@pytest.mark.parametrize("widget", ["card", "history", "dashboard", "wizard", "studio"])
def test_a_closed_widget_leaves_no_model(client, table, ask, widget):
    """Nor does what it has opened below, or the card of a rerun."""
    job = client.submit(table, rows=10).wait()
    before = open_models()
    opened = job.card() if widget == "card" else getattr(dg, widget)(client)
    assert open_models() > before
    if widget == "card":
        for action in ("view", "report", "rerun", "view"):
            assert ask(opened, action) == {"result": None}
        assert len(opened.children) == 3
    opened.close()
    assert open_models() == before
    opened.close()


@pytest.mark.parametrize("arranged", [False, True])
def test_a_closed_grid_lets_go_of_its_rows(arranged):
    """Though something still refers to it, as the notebook's Out does."""
    before = open_models()
    table = pa.table({"a": range(1_000), "b": [str(n) for n in range(1_000)]})
    rows = weakref.ref(table)
    viewer = dg.view(table, renderer="ipydatagrid")
    del table
    if arranged:
        is_sorted = threading.Event()
        viewer._line.observe(lambda _change: is_sorted.set(), "value")
        viewer.grid._transforms = [{"type": "sort", "column": "c0", "desc": True}]
        assert is_sorted.wait(DEADLINE)
    assert rows() is not None
    viewer.close()
    gc.collect()
    assert rows() is None
    assert open_models() == before
    viewer.close()
    assert repr(viewer)


@pytest.mark.parametrize("sorted", [False, True])
def test_a_closed_viewer_lets_go_of_its_rows(sorted):
    """And of its file of rows that were stored."""
    before = open_models()
    table = pa.table({"a": range(1_000), "b": [str(n) for n in range(1_000)]})
    rows = weakref.ref(table)
    viewer = dg.view(table)
    del table
    folder = viewer.shown.engine.folder
    if sorted:
        viewer.query = {"sorts": [{"column": "a", "descending": True}]}
    assert rows() is not None
    viewer.close()
    gc.collect()
    assert rows() is None
    assert not folder.exists()
    assert open_models() == before
    viewer.close()
    assert repr(viewer)


def test_a_download_goes_with_its_card(client, table, ask):
    """The file that was made for the browser."""
    card = client.submit(table, rows=10).wait().card()
    assert ask(card, "download", file="result")["result"]["size"] > 0
    folder = card._files["result"].parent
    assert folder.is_dir()
    card.close()
    del card
    gc.collect()
    assert not folder.exists()
