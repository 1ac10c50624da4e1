"""What a notebook keeps of the widgets when it is saved with them."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

from tests.deadline import DEADLINE

MAX_BYTES = 50_000

SOURCE = """
import datagen_nb as dg
client = dg.connect("mock", speed=1000)
job = client.submit({table!r}, rows=1_000)
job.wait()
{shown}
"""


def saved(folder, shown):
    table = folder / "people.csv"
    table.write_text("a,b\n" + "1,x\n2,y\n" * 50)
    source = SOURCE.format(table=str(table), shown=shown)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    seconds = int(DEADLINE)
    NotebookClient(
        notebook, timeout=seconds, startup_timeout=seconds, store_widget_state=True
    ).execute()
    return notebook


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["wizard", "history", "dashboard"])
def test_a_widget_adds_less_than_50_kb(tmp_path, name):
    """With its module, its state and its still form; a second one adds little more."""
    bare = len(nbformat.writes(saved(tmp_path, "None")))
    with_one = saved(tmp_path, f"dg.{name}(client)")
    assert "widgets" in with_one.metadata
    grown = len(nbformat.writes(with_one)) - bare
    assert grown < MAX_BYTES
    twice = f"from IPython.display import display\ndisplay(dg.{name}(client), dg.{name}(client))"
    assert len(nbformat.writes(saved(tmp_path, twice))) - bare < grown + 15_000


@pytest.mark.timeout(400)
def test_a_card_adds_less_than_50_kb(tmp_path):
    """With its module, its state and its still form."""
    bare = len(nbformat.writes(saved(tmp_path, "None")))
    assert len(nbformat.writes(saved(tmp_path, "job"))) - bare < MAX_BYTES


AGE = re.compile(r"as of \d\d:\d\d, \d{1,2} \w{3} \d{4}")


def executed(folder, *sources):
    """A notebook after a run without a browser; what each cell keeps."""
    (folder / "people.csv").write_text("a,b\n" + "1,x\n2,y\n" * 50)
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(
        notebook,
        timeout=60,
        startup_timeout=300,
        resources={"metadata": {"path": folder}},
        allow_errors=True,
    ).execute()
    return [[out["data"] for out in cell.outputs if "data" in out] for cell in notebook.cells]


BEGUN = """
import datagen_nb as dg
client = dg.connect("mock", {how})
job = client.submit("people.csv", rows=1_000)
"""


@pytest.mark.timeout(400)
@pytest.mark.parametrize("shown", ["job", "job.card()", 'job.card("html")', 'job.card("text")'])
def test_a_card_shown_before_the_end_keeps_the_end(tmp_path, shown):
    """It is written where the card is, when the cell that waited for it is over."""
    begun = BEGUN.format(how="speed=20") + shown
    [card], *_ = executed(tmp_path, begun, "job.wait();", "1 + 1")
    assert card["text/plain"] == "Job people: completed, 1,000 rows"
    assert "as of" not in card.get("text/html", "")
    assert not any("widget-view" in kind for kind in card)


@pytest.mark.timeout(400)
def test_a_cell_that_fails_leaves_the_last_state_too(tmp_path):
    """A run that stops half-way is looked at most."""
    begun = BEGUN.format(how='scenario="slow", speed=1') + "job"
    [card], *_ = executed(tmp_path, begun, "job.cancel(); 1 / 0")
    assert card["text/plain"] == "Job people: cancelled, 1,000 rows"


@pytest.mark.timeout(400)
def test_what_may_have_changed_since_says_how_old_it_is(tmp_path):
    """A form that stands still and names no time would be believed for ever."""
    begun = BEGUN.format(how='scenario="slow", speed=1') + "job"
    shown = ["dg.history(client)", "dg.dashboard(client)", "dg.studio(client)"]
    for [kept] in executed(tmp_path, begun, *shown):
        assert AGE.search(kept["text/html"])
        assert not any("widget-view" in kind for kind in kept)


@pytest.mark.timeout(400)
def test_a_widget_is_shown_where_a_browser_is_said_to_be(tmp_path, monkeypatch):
    """For a host that allows no input, and yet is looked at."""
    monkeypatch.setenv("DATAGEN_DISPLAY", "widget")
    begun = BEGUN.format(how='scenario="slow", speed=1') + "job"
    [[card]] = executed(tmp_path, begun)
    assert any("widget-view" in kind for kind in card)
