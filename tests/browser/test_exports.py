"""What is kept of a notebook that is executed, saved and exported: the last state."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from tests.browser.conftest import DATA
from tests.browser.lab import expect, free_port, new_page, wait_for
from tests.deadline import DEADLINE

SOURCES = [
    """
import datagen_nb as dg
client = dg.connect("mock", speed=20)
job = client.submit("data/diamonds.parquet", rows=1_000, name="kept")
job
""",
    "dg.history(client)",
    "data = job.result()",
    """
slow = dg.connect("mock", scenario="slow", speed=1)
going = slow.submit("data/diamonds.parquet", rows=1_000_000, name="going")
going
""",
    "len(data)",
]
AGE = re.compile(r"as of \d\d:\d\d, \d{1,2} \w{3} \d{4}")


def written(folder):
    """A notebook that was not executed yet, beside its data."""
    shutil.copytree(DATA, folder / "data")
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[nbformat.v4.new_code_cell(source.strip()) for source in SOURCES],
    )
    path = folder / "kept.ipynb"
    nbformat.write(notebook, path)
    return path


def run(module, *arguments, folder):
    """A module's command, as a person starts it."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


def by_papermill(path):
    pytest.importorskip("papermill", reason="no papermill: python -m pip install papermill")
    run("papermill", path, path.with_stem("executed"), folder=path.parent)


def by_nbconvert(path):
    run("nbconvert", "--execute", "--to", "notebook", "--output", "executed", path,
        folder=path.parent)  # fmt: skip


def by_quarto(path):
    """As Quarto does it: nbclient, the widgets' state embedded."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, resources={"metadata": {"path": path.parent}}, store_widget_state=True
    ).execute()
    nbformat.write(notebook, path.with_stem("executed"))


def outputs(notebook, place):
    return [output["data"] for output in notebook.cells[place].outputs if "data" in output]


@pytest.fixture(scope="module", params=[by_papermill, by_nbconvert, by_quarto])
def executed(request, tmp_path_factory, running_lab):
    path = written(tmp_path_factory.mktemp("kept"))
    request.param(path)
    return path.with_stem("executed")


def test_an_executed_notebook_keeps_the_last_state_without_a_view(executed):
    """Whatever shows it later has HTML and text, and nothing that is to be loaded."""
    notebook = nbformat.read(executed, as_version=4)
    [card], [history], [going] = (outputs(notebook, place) for place in (0, 1, 3))
    assert card["text/plain"] == "Job kept: completed, 1,000 rows"
    assert "Completed" in card["text/html"]
    assert not AGE.search(card["text/html"])  # it is final
    assert "Completed" in history["text/html"]
    assert "Running" in going["text/html"]
    assert AGE.search(going["text/html"])
    assert AGE.search(history["text/html"])
    assert {kind for shown in (card, history, going) for kind in shown} == {
        "text/plain",
        "text/html",
    }


@contextmanager
def offline(lab, path):
    """A page in a browser that reaches nothing."""
    page = new_page(lab.browser, offline=True, viewport={"width": 1000, "height": 1400})
    try:
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        yield page
    finally:
        page.context.close()


def test_an_executed_notebook_is_exported_as_a_page_that_shows_it_offline(executed, lab):
    """With nbconvert's defaults, in a browser that reaches nothing."""
    run("nbconvert", "--to", "html", executed, folder=executed.parent)
    with offline(lab, executed.with_suffix(".html")) as page:
        cells = page.locator(".jp-CodeCell")
        expect(cells.nth(0).get_by_text("Completed")).to_be_visible()
        expect(cells.nth(1).get_by_text("Completed")).to_be_visible()
        expect(cells.nth(3).get_by_text("Running")).to_be_visible()
        expect(cells.nth(3).get_by_text(AGE)).to_be_visible()
        page.screenshot(path=f"screenshots/export-{executed.parent.name}.png", full_page=True)


SAVE = "() => window.jupyterapp.shell.currentWidget.context.save().then(() => null)"
KEPT = """
() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model
  .cells.get(0).outputs.toJSON()).includes('Completed')
"""
STATE = "application/vnd.jupyter.widget-state+json"
LIVE = """
import datagen_nb as dg
client = dg.connect("mock", speed=20)
job = client.submit("data/diamonds.parquet", rows=1_000, name="live")
job
"""
GOING = """
slow = dg.connect("mock", scenario="slow", speed=1)
going = slow.submit("data/diamonds.parquet", rows=1_000_000, name="going")
going
"""


def test_a_notebook_saved_in_a_browser_keeps_how_the_job_ended(lab):
    """The output is written anew once, and the card in it is still alive."""
    notebook = lab.open(LIVE, "data = job.result()")
    notebook.run_all()
    card = notebook.cell(0).get_by_role("region", name="Job live")
    expect(card.get_by_role("status").first).to_have_text("Completed")
    notebook.page.wait_for_function(KEPT)
    expect(card).to_have_count(1)
    card.get_by_role("button", name="View").click()
    expect(notebook.cell(0).get_by_role("grid")).to_be_visible()
    notebook.page.evaluate(SAVE)
    path = max(lab.work.glob("test-*.ipynb"), key=lambda one: one.stat().st_mtime_ns)
    [kept] = outputs(nbformat.read(path, as_version=4), 0)
    assert kept["text/plain"] == "Job live: completed, 1,000 rows"
    assert "application/vnd.jupyter.widget-view+json" in kept
    assert (notebook.errors, notebook.outside) == ([], [])


def with_state(lab):
    """A notebook that JupyterLab saved with the state of its widgets."""
    notebook = lab.open(LIVE, "job.wait();", GOING)
    notebook.run_all()
    for place, words in ((0, "Completed"), (2, "Running")):
        expect(notebook.cell(place).get_by_role("status").first).to_have_text(words)
    notebook.page.wait_for_function(KEPT)
    manager = "@jupyter-widgets/jupyterlab-manager"
    notebook.page.evaluate(f"() => window.jupyterapp.commands.execute('{manager}:saveWidgetState')")
    notebook.page.evaluate(SAVE)
    path = max(lab.work.glob("test-*.ipynb"), key=lambda one: one.stat().st_mtime_ns)
    return nbformat.read(path, as_version=4)


def test_widgets_restored_from_a_saved_state_stand_still(lab):
    """No clock counts on, no button is offered that has no effect, and the age is shown."""
    saved = with_state(lab)
    lab.tidy()
    if STATE not in saved.metadata.get("widgets", {}):
        pytest.fail(f"the state was not saved: {json.dumps(saved.metadata)[:300]}")
    # With a kernel of its own, which knows nothing of them.
    opened = lab.open_node(saved, is_fresh=True)
    ended, going = (
        opened.page.get_by_role("region", name=f"Job {name}") for name in ("live", "going")
    )
    expect(ended.first.get_by_role("status").first).to_have_text("Completed")
    expect(ended.get_by_role("button")).to_have_count(0)
    expect(going.get_by_role("status").first).to_have_text("Last seen running")
    expect(opened.page.get_by_text(AGE)).to_be_visible()
    before = going.inner_text()
    opened.page.wait_for_timeout(2_500)  # longer than a second of its clock
    assert going.inner_text() == before
    opened.screenshot("restored-state.png")


def test_a_notebook_saved_with_state_is_exported_without_it_as_the_readme_says(lab, tmp_path):
    """nbconvert prefers saved widgets, which are blank offline, until the state is left out."""
    path = tmp_path / "saved.ipynb"
    nbformat.write(with_state(lab), path)
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [arguments] = re.findall(r"`jupyter nbconvert (.*?)`", readme)
    run("nbconvert", *arguments.split(), path, folder=tmp_path)
    with offline(lab, path.with_suffix(".html")) as page:
        cells = page.locator(".jp-CodeCell")
        expect(cells.nth(0).get_by_text("Completed")).to_be_visible()
        expect(cells.nth(2).get_by_text(AGE)).to_be_visible()
        page.screenshot(path="screenshots/export-saved-state.png", full_page=True)


@contextmanager
def voila(path, log):
    """Voila's server for one notebook; its address."""
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "voila", path.name, "--no-browser",
               f"--port={address.rpartition(':')[2]}", "--Voila.ip=127.0.0.1"]  # fmt: skip
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=path.parent, stdout=out, stderr=out)
    try:
        wait_for(f"{address}/api/kernels", server, log)
        yield address
    finally:
        server.terminate()
        server.wait(DEADLINE)


def test_voila_shows_live_widgets(lab, tmp_path):
    """It allows no input, as what has no browser; but its browser comes later."""
    pytest.importorskip("voila", reason="no Voila: python -m pip install voila")
    path = written(tmp_path)
    with voila(path, tmp_path / "voila.log") as address:
        page = new_page(lab.browser, viewport={"width": 1000, "height": 1400})
        try:
            page.goto(address, wait_until="domcontentloaded")
            ended = page.get_by_role("region", name="Job kept")
            expect(ended.get_by_role("status").first).to_have_text("Completed")
            going = page.get_by_role("region", name="Job going")
            going.get_by_role("button", name="Pause").click()
            expect(going.get_by_role("status").first).to_have_text("Paused")
            page.screenshot(path="screenshots/voila.png", full_page=True)
        finally:
            page.context.close()
