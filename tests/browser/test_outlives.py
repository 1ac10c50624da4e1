"""What widgets outlive: a reload, a second view, a kernel that stops, a service that dies."""

import json
import os
import re
import signal
from pathlib import Path

import nbformat
import pytest

from datagen_nb.api.process.home import Home
from tests.browser.lab import expect, new_page

ALL = """
import os
import datagen_nb as dg
client = dg.connect("mock", scenario="slow", speed=1)
job = client.submit("data/diamonds.parquet", rows=1_000_000, name="seen")
wizard, history, dashboard = dg.wizard(client), dg.history(client), dg.dashboard(client)
wizard.use("data/diamonds.parquet")
with open("kernel.pid", "w") as file:
    file.write(str(os.getpid()))
"""

SHOWN = ["job", "wizard", "history", "dashboard"]


def widgets(notebook):
    """The four of them, in the cells after the first."""
    return (
        notebook.cell(1).get_by_role("region", name="Job seen"),
        notebook.cell(2).get_by_role("region", name="Wizard"),
        notebook.cell(3).get_by_role("region", name="History"),
        notebook.cell(4).get_by_role("region", name="Dashboard"),
    )


def expect_all_alive(notebook):
    """Each follows what happens, and each answers."""
    card, wizard, history, dashboard = widgets(notebook)
    expect(card.get_by_role("status").first).to_have_text("Running")
    card.get_by_role("button", name="Logs").click()
    expect(card.get_by_role("log")).to_be_visible()
    wizard.get_by_role("button", name="Next").click()
    expect(wizard.get_by_role("heading", name="How many rows?")).to_be_visible()
    history.get_by_role("button", name="Running 1").click()
    expect(history.get_by_role("button", name="Running 1")).to_have_attribute(
        "aria-pressed", "true"
    )
    dashboard.get_by_label("Period").select_option("7")
    expect(dashboard.get_by_label("Period")).to_have_value("7")
    expect(notebook.page.locator(".dg-lost")).to_have_count(0)


def test_every_widget_is_there_after_a_reload(lab):
    """As it stood, and alive."""
    notebook = lab.open(ALL, *SHOWN)
    notebook.run_all()
    _, wizard, _, _ = widgets(notebook)
    expect(wizard).to_contain_text("53,940 rows × 10 columns")
    notebook.reload()
    expect(wizard).to_contain_text("53,940 rows × 10 columns")
    expect_all_alive(notebook)
    assert (notebook.errors, notebook.outside) == ([], [])


def test_two_views_of_one_widget_are_one(lab):
    """What is done in the first is seen in the second."""
    notebook = lab.open(ALL, "wizard", "wizard", "history", "history")
    notebook.run_all()
    first, second = (notebook.cell(n).get_by_role("region", name="Wizard") for n in (1, 2))
    first.get_by_role("button", name="Next").click()
    rows = second.get_by_label("Rows to make")
    expect(rows).to_have_value("53,940")
    rows.fill("77")
    expect(first.get_by_label("Rows to make")).to_have_value("77")
    one, other = (notebook.cell(n).get_by_role("region", name="History") for n in (3, 4))
    one.get_by_label("Select seen").check()
    expect(other.get_by_label("Select seen")).to_be_checked()
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_kernel_that_stood_still_comes_back_by_itself(lab):
    """While it does not answer every widget says so; then each goes on as if nothing had been."""
    notebook = lab.open(ALL, *SHOWN)
    notebook.run_all()
    card, wizard, history, dashboard = widgets(notebook)
    expect(card.get_by_role("status").first).to_have_text("Running")
    kernel = int((lab.work / "kernel.pid").read_text())
    os.kill(kernel, signal.SIGSTOP)
    try:
        for widget in (card, wizard, history, dashboard):
            expect(widget.get_by_text(re.compile("Not connected"))).to_be_visible()
        expect(card.get_by_role("status").first).to_have_text("Last seen running")
        notebook.screenshot("kernel-lost-light.png")
    finally:
        os.kill(kernel, signal.SIGCONT)
    expect(notebook.page.get_by_text(re.compile("Not connected"))).to_have_count(0)
    expect_all_alive(notebook)
    assert (notebook.errors, notebook.outside) == ([], [])


LOCAL = """
import datagen_nb as dg
client = dg.connect(home="killed-home")
job = client.submit("data/diamonds.parquet", rows=60_000_000, name="long")
job
"""


def test_a_service_that_is_killed_is_started_again_under_the_card(lab):
    """Its job goes on from its finished parts, and the card with it; the cell is not run again."""
    notebook = lab.open(LOCAL, "dg.history(client)", "job.cancel().status.value")
    notebook.run(0)
    notebook.run(1)
    card = notebook.cell(0).get_by_role("region", name="Job long")
    expect(card).to_contain_text("rows/s")
    pid = _serving(lab.work / "killed-home")
    os.kill(pid, signal.SIGKILL)
    expect(notebook.cell(1).get_by_role("row", name=re.compile("long"))).to_contain_text("Running")
    before = float(card.get_by_role("progressbar").get_attribute("aria-valuenow"))
    notebook.page.wait_for_function(
        "before => Number(document.querySelector('.dg-card [role=progressbar]')"
        ".getAttribute('aria-valuenow')) > before + 2",
        arg=before,
    )
    assert _serving(lab.work / "killed-home") != pid
    notebook.run(2)
    expect(card.get_by_role("status").first).to_have_text("Cancelled")
    assert (notebook.errors, notebook.outside) == ([], [])


def _serving(home: Path) -> int:
    """The process that serves a home."""
    import psutil

    place = str(Home.open(home).path)
    return next(
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "serve" in (command := process.info["cmdline"] or []) and place in command
    )


WITHOUT = """
import datagen_nb as dg
client = dg.connect("mock", speed=1000)
job = client.submit("data/diamonds.parquet", rows=1_000, name="seen").wait()
"""


@pytest.fixture(scope="module")
def saved(running_lab):
    """A notebook that was run and saved as JupyterLab saves it: without the widgets' state."""
    notebook = running_lab.open(WITHOUT, "job", "dg.wizard(client, job)", "dg.history(client)",
                        "dg.dashboard(client)", "dg.studio(client)", "job.result().view()",
                        "job.report")  # fmt: skip
    notebook.run_all()
    notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.save().then(() => null)"
    )
    notebook.page.context.close()
    path = max(running_lab.work.glob("test-*.ipynb"), key=lambda one: one.stat().st_mtime_ns)
    return nbformat.read(path, as_version=4)


STILL = ["Completed", "1,000 rows like", "1 job", "completed in 30 days", "1,000 rows x 5 columns"]


def test_without_a_kernel_the_still_forms_are_shown(lab, saved):
    """In JupyterLab, of a notebook whose kernel is not to be had."""
    alone = nbformat.from_dict(json.loads(nbformat.writes(saved)))
    alone.metadata["kernelspec"] = {"name": "nowhere", "display_name": "Nowhere"}
    nbformat.write(alone, lab.work / "alone.ipynb")
    page = new_page(lab.browser, viewport={"width": 1100, "height": 1800})
    page.goto(f"http://127.0.0.1:{lab.port}/{lab.path}/alone.ipynb")
    for words in STILL:
        expect(page.locator(".jp-OutputArea").get_by_text(words).first).to_be_visible(
            timeout=60_000
        )
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    page.screenshot(path="screenshots/without-kernel.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nbconvert_shows_the_still_forms(lab, saved, scheme):
    """As a page of its own, with nothing loaded from elsewhere for them."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(theme=scheme).from_notebook_node(saved)
    page = new_page(lab.browser, viewport={"width": 1100, "height": 1800})
    page.set_content(body, wait_until="domcontentloaded")
    for words in STILL:
        expect(page.get_by_text(words).first).to_be_visible()
    page.screenshot(path=f"screenshots/nbconvert-{scheme}.png", full_page=True)


def test_a_forge_shows_the_still_forms(lab, saved):
    """Without styles, which GitHub takes out: the words are all there."""
    page = new_page(lab.browser, viewport={"width": 900, "height": 1400})
    outputs = [out for cell in saved.cells for out in cell.get("outputs", []) if "data" in out]
    html = [re.sub(r'\sstyle="[^"]*"', "", out["data"].get("text/html", "")) for out in outputs]
    assert all(html)
    page.set_content("<hr>".join(html))
    for words in STILL:
        expect(page.get_by_text(words).first).to_be_visible()
    page.screenshot(path="screenshots/forge.png", full_page=True)
