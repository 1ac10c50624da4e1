"""Colab's line of versions (ipywidgets 7, Notebook 6) in a real browser.

Its environment is ``.venv-colab``, made by ``make test``; Colab's own page cannot be had here.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from tests.browser.conftest import DATA
from tests.browser.lab import ARGUMENTS, CHROMIUM, Computing, expect, new_page, wait_for
from tests.browser.test_card import mock, waiting
from tests.deadline import DEADLINE

PYTHON = Path(__file__).parents[2] / ".venv-colab" / "bin" / "python"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="no .venv-colab: make .venv-colab/.test"
)

# Extensions load beside the page: without its own, anywidget's module is looked for elsewhere.
READY = """() => {
    const kernel = window.Jupyter?.notebook?.kernel;
    return kernel?.is_connected() && kernel.widget_manager && !Jupyter.notebook.kernel_busy
        && window.require.s.contexts._.config.map?.['*']?.anywidget;
}"""
# ipywidgets 7 looks for widgets of a kernel that was there before, warns that there are none, and
# then shows each widget of the page anew: one that a cell shows meanwhile is lost.
RESTORED = "() => Jupyter.notebook.kernel.widget_manager._get_comm_info().then(() => null)"


@pytest.fixture(scope="module")
def classic(tmp_path_factory):
    """Opens a notebook of cells in the classic page."""
    root = tmp_path_factory.mktemp("classic")
    work = root / "work"
    shutil.copytree(DATA, work / "data")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        PYTHON, "-m", "notebook", "--no-browser", "--allow-root", "--NotebookApp.token=",
        "--NotebookApp.ip=127.0.0.1", f"--NotebookApp.port={port}",
        "--NotebookApp.port_retries=0", f"--NotebookApp.notebook_dir={work}",
    ]  # fmt: skip
    private = {
        name: str(root / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "DATAGEN_HOME")
    }
    with (root / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **private}, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status", server, root / "server.log")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)

            def opened(*sources):
                cells = [nbformat.v4.new_code_cell(source) for source in sources]
                name = f"test-{time.monotonic_ns()}.ipynb"
                kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
                nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), work / name)
                page = new_page(browser, viewport={"width": 1100, "height": 900})
                with page.expect_console_message(lambda line: "fallback to fetching" in line.text):
                    page.goto(f"http://127.0.0.1:{port}/notebooks/{name}")
                page.wait_for_function(READY)
                page.evaluate(RESTORED)
                return page

            yield opened
            browser.close()
    finally:
        server.terminate()
        server.wait(DEADLINE)


def run(page, place):
    page.evaluate("place => Jupyter.notebook.get_cell(place).execute()", place)


def output(page, place):
    return page.locator(".cell").nth(place).locator(".output_wrapper")


def test_a_card_is_shown_moves_and_cancels(classic, tmp_path):
    """With ipywidgets 7, while another cell computes."""
    computing = Computing(tmp_path)
    page = classic(mock("slow", 5), computing.source)
    run(page, 0)
    card = output(page, 0)
    bar = card.get_by_role("progressbar")
    expect(bar).to_be_visible()
    before = int(bar.get_attribute("aria-valuenow"))
    run(page, 1)
    page.wait_for_function(
        "before => Jupyter.notebook.kernel_busy && "
        "[...document.querySelectorAll('.dg-card [role=progressbar]')]"
        ".some(bar => Number(bar.getAttribute('aria-valuenow')) > before + 5)",
        arg=before,
    )
    computing.end()
    card.get_by_role("button", name="Cancel").click()
    card.get_by_role("button", name="Yes, cancel").click()
    expect(card.get_by_role("status")).to_have_text("Cancelled")
    page.screenshot(path="screenshots/colab-line-card.png")


@pytest.mark.parametrize("call", ["job.result()", "job.wait()", "list(job.updates())"])
def test_cancel_acts_while_a_plain_call_waits(classic, call):
    """ipykernel 6 reads on the thread that runs cells; the call that waits there reads for it."""
    page = classic(mock("slow", 1), waiting(call), "'the next cell'")
    run(page, 0)
    card = output(page, 0)
    expect(card.get_by_role("status")).to_have_text("Running")
    run(page, 1)
    run(page, 2)
    expect(output(page, 1)).to_contain_text("waiting")
    card.get_by_role("button", name="Cancel").click()
    card.get_by_role("button", name="Yes, cancel").click()
    expect(card.get_by_role("status")).to_have_text("Cancelled")
    expect(output(page, 1)).to_contain_text("ended by cancelled")
    expect(output(page, 2)).to_contain_text("the next cell")


def test_a_press_while_the_kernel_computes_says_that_it_is_busy(classic, tmp_path):
    """And is done when the cell ends."""
    computing = Computing(tmp_path)
    page = classic(mock("slow", 1), computing.source)
    run(page, 0)
    card = output(page, 0)
    expect(card.get_by_role("status")).to_have_text("Running")
    run(page, 1)
    page.wait_for_function("() => Jupyter.notebook.kernel_busy")
    card.get_by_role("button", name="Pause").click()
    busy = "The kernel is busy: this happens when the cell ends; interrupt the cell to do it now."
    expect(card.get_by_role("alert")).to_have_text(busy)
    page.screenshot(path="screenshots/colab-line-busy.png")
    computing.end()
    expect(card.get_by_role("status")).to_have_text("Paused")
    expect(card.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("mode", ["html", "text"])
def test_a_card_without_widgets_moves(classic, tmp_path, mode):
    """Colab's default, updated while a cell computes."""
    computing = Computing(tmp_path)
    shown = mock("slow", 20).replace("\njob\n", f"\njob.card('{mode}')\n")
    page = classic(shown, computing.source)
    run(page, 0)
    card = output(page, 0)
    expect(card).to_contain_text("of 1,000,000 rows")
    run(page, 1)
    page.wait_for_function("() => Jupyter.notebook.kernel_busy")
    expect(card).to_contain_text("rows/s")
    assert page.evaluate("() => Jupyter.notebook.kernel_busy")
    computing.end()


def test_the_studio_is_shown(classic):
    """Wizard, history and dashboard, in a tab of ipywidgets 7."""
    page = classic(
        "import datagen_nb as dg\nclient = dg.connect('mock', speed=1000)\n"
        "client.submit('data/diamonds.parquet', rows=1_000, name='seen').wait()\n"
        "studio = dg.studio(client)\nstudio"
    )
    run(page, 0)
    shown = output(page, 0)
    expect(shown.get_by_role("button", name="Next")).to_be_visible()
    shown.get_by_text("History", exact=True).click()
    row = shown.get_by_role("row").filter(has_text="seen")
    expect(row).to_contain_text("Completed")
    page.screenshot(path="screenshots/colab-line-studio.png")
    shown.get_by_text("Dashboard", exact=True).click()
    expect(shown.get_by_role("region", name="Dashboard")).to_be_visible()
