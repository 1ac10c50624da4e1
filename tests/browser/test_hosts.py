"""Where cards are shown apart from JupyterLab: as HTML, as text, in a bare page."""

import re

import pytest

import datagen_nb as dg
from tests.browser.bare import Bare
from tests.browser.lab import Computing, expect, new_page

UPDATED = """
import datagen_nb as dg
client = dg.connect("mock", scenario="slow", speed=20)
job = client.submit("data/diamonds.parquet", rows=1_000_000)
job.card("{mode}")
"""


@pytest.mark.parametrize("mode", ["html", "text"])
def test_a_card_without_widgets_moves_while_another_cell_computes(lab, mode):
    """Updated where it stands, from the client's own thread."""
    computing = Computing(lab.work)
    notebook = lab.open(UPDATED.format(mode=mode), computing.source, "status = job.cancel()")
    if mode == "html":
        notebook.theme("dark")
    notebook.run(0)
    card = notebook.cell(0)
    expect(card).to_contain_text("of 1,000,000 rows")
    notebook.run(1, wait=False)
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    before = card.inner_text()
    expect(card).not_to_have_text(before)
    expect(card).to_contain_text("rows/s")
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    notebook.screenshot(f"card-{mode}.png")
    computing.end()
    notebook.wait_idle()
    notebook.run(2)
    expect(card).to_contain_text(re.compile("cancelled", re.IGNORECASE))
    expect(card).not_to_contain_text("as of")
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("a,b\n1,x\n2,y\n3,z\n")
    return path


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        ("card", "button", "Pause"),
        ("wizard", "button", "Next"),
        ("history", "searchbox", "Search"),
        ("dashboard", "region", "Dashboard"),
    ],
)
def test_a_host_that_only_knows_anywidgets_shows_every_module(lab, table, name, role, words):
    """No widget manager, no models to find by name: the loader asks for the code."""
    bare = Bare(new_page(lab.browser))
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000)
        widget = job.card() if name == "card" else getattr(dg, name)(client)
        shown = bare.show(widget)
        expect(shown.get_by_role(role, name=re.compile(words)).first).to_be_visible()
        assert bare.asked()[0] == "module"
        widget.close()
    bare.leave()
    assert bare.errors == []


def test_a_card_in_a_bare_page_follows_its_model(lab, table):
    """A changed snapshot is painted, a button is a message."""
    bare = Bare(new_page(lab.browser))
    with dg.connect("mock", scenario="slow", speed=1) as client:
        card = client.submit(table, rows=1_000).card()
        shown = bare.show(card)
        shown.get_by_role("button", name="Pause").click()
        expect(shown.get_by_role("status").first).to_be_visible()
        assert bare.asked() == ["module", "pause"]
        now = card.snapshot
        newer = {**now, "seq": now["seq"] + 1, "status": {**now["status"], "status": "paused"}}
        bare.tell(0, snapshot=newer)
        expect(shown.get_by_role("status").first).to_have_text("Paused")


def test_a_page_that_missed_a_snapshot_asks_for_it(lab, table):
    """A server drops what is too much, a connection breaks: the next heartbeat reveals it."""
    bare = Bare(new_page(lab.browser))
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000)
        history = dg.history(client)
        shown = bare.show(history)
        expect(shown.get_by_role("row").nth(1)).to_contain_text("people")
        job.annotate(name="renamed")
        history.filter(text="renamed")
        bare.tell(0, heartbeat={**history.view_model.heartbeat, "seq": history.snapshot["seq"]})
        expect(shown.get_by_role("row").nth(1)).to_contain_text("renamed")
        assert "resync" in bare.asked()
