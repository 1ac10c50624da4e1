"""What a notebook keeps of the widgets when it is saved with them."""

import json

import nbformat
import pytest
from nbclient import NotebookClient

MOST_BYTES = 50_000

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
    NotebookClient(notebook, timeout=60, store_widget_state=True).execute()
    return notebook


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["wizard", "history", "dashboard"])
def test_a_widget_adds_less_than_50_kb(tmp_path, name):
    """With its module, its state and its still form; a second one adds little more."""
    bare = len(nbformat.writes(saved(tmp_path, "None")))
    with_one = saved(tmp_path, f"dg.{name}(client)")
    assert "widgets" in with_one.metadata
    grown = len(nbformat.writes(with_one)) - bare
    assert grown < MOST_BYTES
    twice = f"from IPython.display import display\ndisplay(dg.{name}(client), dg.{name}(client))"
    assert len(nbformat.writes(saved(tmp_path, twice))) - bare < grown + 15_000


@pytest.mark.timeout(120)
def test_a_card_adds_less_than_50_kb(tmp_path):
    """And no state but what it shows."""
    bare = len(nbformat.writes(saved(tmp_path, "None")))
    made = saved(tmp_path, "job")
    assert len(nbformat.writes(made)) - bare < MOST_BYTES
    assert "people.csv" not in json.dumps(made.metadata["widgets"])
