"""The card and the grid as a person in JupyterLab meets them."""

import re

import pytest

from tests.browser.lab import Computing, expect

CONNECT = """
import datagen_nb as dg
client = dg.connect("mock", scenario="{scenario}", speed={speed})
job = client.submit("data/diamonds.parquet", rows=1_000_000)
job
"""


def mock(scenario: str, speed: float) -> str:
    return CONNECT.format(scenario=scenario, speed=speed)


def test_a_card_moves_while_another_cell_computes(lab):
    """Progress does not wait for the kernel."""
    computing = Computing(lab.work)
    notebook = lab.open(mock("slow", 20), computing.source)
    notebook.run(0)
    bar = notebook.cell(0).get_by_role("progressbar")
    expect(bar).to_be_visible()
    notebook.run(1, wait=False)
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    before = int(bar.get_attribute("aria-valuenow"))
    notebook.page.wait_for_function(
        "before => [...document.querySelectorAll('[role=progressbar]')]"
        ".some(bar => Number(bar.getAttribute('aria-valuenow')) > before + 5)",
        arg=before,
    )
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    computing.end()
    expect(notebook.cell(1)).to_contain_text("computed")
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize(
    "work", ["await asyncio.sleep(0.1)", "time.sleep(0.1)"], ids=["awaits", "blocks"]
)
def test_a_button_acts_while_a_cell_runs(lab, work):
    """The notebook's own loop has nothing to do with it, and ipykernel 7 reads on a thread."""
    computing = Computing(lab.work, work)
    notebook = lab.open(mock("slow", 1), computing.source)
    notebook.run(0)
    card = notebook.cell(0)
    notebook.run(1, wait=False)
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_role("status")).to_have_text("Paused")
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    computing.end()
    expect(notebook.cell(1)).to_contain_text("computed")
    assert (notebook.errors, notebook.outside) == ([], [])


LOCAL = """
import datagen_nb as dg
client = dg.connect()
job = client.submit("data/diamonds.parquet", rows=50_000_000)
job
"""


@pytest.mark.parametrize("first", [mock("slow", 1), LOCAL], ids=["mock", "local"])
@pytest.mark.parametrize("call", ["job.result()", "job.wait()", "list(job.updates())"])
def test_cancel_acts_while_a_plain_call_waits(lab, first, call):
    """README's own cells; what the cell prints then is still its own, and the next cell runs."""
    notebook = lab.open(first, waiting(call), "'the next cell'")
    notebook.run(0)
    card = notebook.cell(0)
    expect(card.get_by_role("status")).to_have_text("Running")
    notebook.run(1, wait=False)
    notebook.run(2, wait=False)
    expect(notebook.cell(1)).to_contain_text("waiting")
    card.get_by_role("button", name="Cancel").click()
    card.get_by_role("button", name="Yes, cancel").click()
    expect(card.get_by_role("status")).to_have_text("Cancelled")
    expect(notebook.cell(1)).to_contain_text("ended by cancelled")
    expect(notebook.cell(2)).to_contain_text("the next cell")
    assert (notebook.errors, notebook.outside) == ([], [])


def waiting(call: str) -> str:
    """A cell that waits for the job, and says how that ended."""
    return (
        "print('waiting', flush=True)\n"
        f"try:\n    {call}\nexcept dg.errors.JobCancelled:\n    pass\n"
        "print('ended by', job.status.status.value)"
    )


def test_cancel_asks_and_then_cancels(lab):
    """The button does what it says, and the Python object knows."""
    notebook = lab.open(mock("slow", 1), "print(job.status.status.value)")
    notebook.run(0)
    card = notebook.cell(0)
    card.get_by_role("button", name="Cancel").click()
    card.get_by_role("button", name="Yes, cancel").click()
    expect(card.get_by_role("status")).to_have_text("Cancelled")
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("cancelled")


def test_the_keyboard_alone_cancels(lab):
    """From button to button; where one stands is seen, and Escape keeps the job."""
    notebook = lab.open(mock("slow", 1))
    notebook.run(0)
    card = notebook.cell(0)
    keys = notebook.page.keyboard
    cancel = card.get_by_role("button", name="Cancel")
    card.get_by_role("button", name="Pause").focus()
    for _ in range(4):
        keys.press("Tab")
    expect(cancel).to_be_focused()
    assert cancel.evaluate("node => parseFloat(getComputedStyle(node).outlineWidth)") >= 2
    keep = card.get_by_role("button", name="Keep")
    keys.press("Enter")
    expect(keep).to_be_focused()
    keys.press("Escape")
    expect(cancel).to_be_focused()
    keys.press("Enter")
    expect(keep).to_be_focused()
    keys.press("Shift+Tab")
    expect(card.get_by_role("button", name="Yes, cancel")).to_be_focused()
    keys.press("Enter")
    expect(card.get_by_role("status")).to_have_text("Cancelled")
    expect(notebook.page.locator(":focus")).to_have_attribute("aria-label", "Job diamonds")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_pause_and_resume_work_from_the_card(lab):
    """A paused job shows how long it can be resumed, and goes on."""
    notebook = lab.open(mock("slow", 100))
    notebook.run(0)
    card = notebook.cell(0)
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_role("status")).to_have_text("Paused")
    expect(card).to_contain_text("can be resumed for")
    card.get_by_role("button", name="Resume").click()
    expect(card.get_by_role("status")).to_have_text("Completed")


def test_a_completed_card_shows_its_rows_its_log_and_gives_the_file(lab):
    """View, Logs and Download, each from the card."""
    notebook = lab.open(mock("succeeds", 1_000).replace("1_000_000", "5_000"))
    notebook.run(0)
    card = notebook.cell(0)
    expect(card.get_by_role("status")).to_have_text("Completed")
    card.get_by_role("button", name="View").click()
    expect(card).to_contain_text("5,000 rows x 5 columns")
    expect(card.get_by_role("gridcell").nth(40)).to_have_text(re.compile("."))
    card.get_by_role("button", name="Logs").click()
    expect(card.get_by_role("log")).to_contain_text("generate")
    with notebook.page.expect_download() as download:
        card.get_by_role("button", name="Download").click()
    import pyarrow.parquet as pq

    assert download.value.suggested_filename == "diamonds-synthetic.parquet"
    assert pq.read_table(download.value.path()).num_rows == 5_000
    notebook.screenshot("card-completed-light.png")
    card.get_by_role("button", name="Hide").click()
    expect(card.get_by_role("grid")).to_have_count(0)
    card.get_by_role("button", name="Report").click()
    expect(card.get_by_role("group", name="Quality report")).to_contain_text("Privacy")
    with notebook.page.expect_download() as download:
        card.get_by_role("link", name="Save as a page").click()
    assert download.value.suggested_filename == "diamonds-report.html"
    assert download.value.path().read_text().startswith("<!DOCTYPE html>")
    card.get_by_role("button", name="Details").click()
    expect(card).to_contain_text("data/diamonds.parquet")
    notebook.screenshot("card-report-light.png")
    notebook.theme("dark")
    notebook.screenshot("card-report-dark.png")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_completed_card_gives_the_model(lab):
    """Of a job that keeps one; the file makes rows."""
    notebook = lab.open(LOCAL.replace("50_000_000", "5_000"))
    notebook.run(0)
    card = notebook.cell(0)
    expect(card.get_by_role("status")).to_have_text("Completed")
    with notebook.page.expect_download() as download:
        card.get_by_role("button", name="Download model", exact=True).click()
    import datagen_nb as dg

    assert download.value.suggested_filename == "diamonds.model"
    assert len(dg.load_model(download.value.path()).sample(10)) == 10
    expect(card).to_contain_text("Downloaded diamonds.model")
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_job_that_ends_out_of_sight_is_reported_in_the_page(lab, theme):
    """Once, with the way back to its card."""
    notebook = lab.open(mock("slow", 100), "for n in range(200):\n    print(n)", "job.resume()")
    notebook.theme(theme)
    notebook.run(0)
    card = notebook.cell(0).get_by_role("region", name="Job diamonds")
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_role("status")).to_have_text("Paused")
    card.get_by_role("button", name="Notifications").click()
    expect(card.get_by_label("a note in this page")).to_be_checked()
    expect(card.get_by_label("a sound")).not_to_be_checked()
    notebook.screenshot(f"card-notify-{theme}.png")
    notebook.page.keyboard.press("Escape")
    notebook.run(1)
    notebook.cell(1).get_by_text("199").scroll_into_view_if_needed()
    expect(card).not_to_be_in_viewport()
    notebook.run(2, wait=False)
    toast = notebook.page.locator(".dg-toast")
    expect(toast).to_have_count(1)
    expect(toast).to_contain_text("Completeddiamonds")
    notebook.screenshot(f"toast-{theme}.png")
    toast.get_by_role("button", name="Show").click()
    expect(card).to_be_in_viewport()
    expect(toast).to_have_count(0)
    assert (notebook.errors, notebook.outside) == ([], [])


FAR_MORE = """
import datagen_nb as dg
from IPython.display import display
client = dg.connect("mock", scenario="slow", speed=0.5)
client.set_max_waiting(100)
jobs = [client.submit("data/diamonds.parquet", rows=1_000_000, name=f"job {n}") for n in range(100)]
for job in jobs[:50]:
    display(job)
"""


def test_a_hundred_cards_are_all_painted(lab):
    """The server drops what is too much at once; nothing of theirs is."""
    # JupyterLab folds away what a cell shows beyond fifty things.
    notebook = lab.open(FAR_MORE, "for job in jobs[50:]:\n    display(job)")
    notebook.run(0)
    notebook.run(1)
    expect(notebook.page.locator(".dg-card")).to_have_count(100)
    expect(notebook.page.locator(".dg-card.dg-running")).to_have_count(5)
    expect(notebook.page.locator(".dg-card.dg-lost")).to_have_count(0)
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_failure_says_where_and_why(lab):
    """In words, with what to do."""
    notebook = lab.open(mock("fails_at_stage", 200))
    notebook.run(0)
    card = notebook.cell(0)
    expect(card.get_by_role("status")).to_have_text("Failed in generate")
    expect(card).to_contain_text("Connect with another scenario.")


def test_a_reload_keeps_the_card(lab):
    """The page comes back with the card as it stands."""
    notebook = lab.open(mock("slow", 1))
    notebook.run(0)
    expect(notebook.cell(0).get_by_role("status")).to_have_text("Running")
    notebook.reload()
    expect(notebook.cell(0).get_by_role("status")).to_have_text("Running")
    notebook.cell(0).get_by_role("button", name="Cancel").click()
    notebook.cell(0).get_by_role("button", name="Yes, cancel").click()
    expect(notebook.cell(0).get_by_role("status")).to_have_text("Cancelled")


def test_a_dead_kernel_looks_dead(lab):
    """A card without updates says so."""
    notebook = lab.open(mock("slow", 0.1))
    notebook.run(0)
    expect(notebook.cell(0).get_by_role("status")).to_have_text("Running")
    notebook.restart_kernel()
    expect(notebook.cell(0)).to_contain_text("Not connected")


def test_a_restarted_kernel_finds_its_job_again(lab):
    """The local service kept it; ``client.jobs.last()`` brings the card back."""
    notebook = lab.open(
        "import datagen_nb as dg\nclient = dg.connect()\n"
        "job = client.submit('data/diamonds.parquet', rows=30_000_000, name='long')\njob",
        "import datagen_nb as dg\njob = dg.connect().jobs.last()\njob",
        "job.cancel().status.value",
    )
    notebook.run(0)
    expect(notebook.cell(0).get_by_role("status")).to_have_text("Running")
    notebook.restart_kernel()
    notebook.run(1)
    card = notebook.cell(1)
    expect(card.get_by_role("status")).to_have_text("Running")
    expect(card).to_contain_text("long → 30,000,000 rows")
    notebook.run(2)
    expect(card.get_by_role("status")).to_have_text("Cancelled")
    expect(notebook.cell(2)).to_contain_text("cancelled")


PAINTED = """
() => {
    const texts = window.__painted = new Set();
    const paint = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        texts.add(String(text));
        return paint.call(this, text, ...rest);
    };
}
"""

EXACT = """
import datetime as d
from decimal import Decimal
import pyarrow as pa
import datagen_nb as dg
zone = pa.timestamp("us", tz="Europe/Berlin")
at = d.datetime(2026, 3, 1, 8, 30, 0, 125, d.timezone.utc)
dg.view(pa.table({
    "big": [2**62 + 1, 2**53 + 1, 7],
    "money": [Decimal("1.10"), Decimal("12345678901234567890.12"), Decimal("0.00")],
    "at": pa.array([at, at, at], zone),
    "list": [[1, 2], [], [3]],
    "word": ["a", "", None],
}), renderer="ipydatagrid")
"""


def test_the_grid_paints_exact_values(lab):
    """Big integers, decimals, microseconds, zones, lists and nulls as they are."""
    notebook = lab.open(EXACT)
    notebook.page.evaluate(f"({PAINTED})()")
    notebook.run(0)
    wanted = [
        str(2**62 + 1),
        str(2**53 + 1),
        "12345678901234567890.12",
        "2026-03-01 09:30:00.000125+01:00",
        "[1, 2]",
        "null",
    ]
    notebook.page.wait_for_function(
        "wanted => wanted.every(text => window.__painted.has(text))", arg=wanted
    )
    assert (notebook.errors, notebook.outside) == ([], [])


def test_the_grid_scrolls_far_without_the_whole_table(lab):
    """The last of ten million rows is a jump away, and little travels for it."""
    notebook = lab.open(
        "import pyarrow as pa, numpy as np, datagen_nb as dg\n"
        "viewer = dg.view(pa.table({'n': np.arange(10_000_000)}), renderer='ipydatagrid')\nviewer"
    )
    notebook.page.evaluate(f"({PAINTED})()")
    notebook.run(0)
    expect(notebook.cell(0)).to_contain_text("10,000,000 rows x 1 columns")
    notebook.page.wait_for_function("() => window.__painted.has('3')")
    grid = notebook.cell(0).locator(".lm-DataGrid")
    grid.click(position={"x": 120, "y": 60})
    notebook.page.mouse.wheel(0, 24 * 5_000)
    notebook.page.wait_for_function(
        "() => [...window.__painted].some(text => Number(text) > 4_000)"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_quickstart_runs_and_shows_the_files_values(lab, theme, tmp_path_factory):
    """The shop window, from the first cell to the last, in both themes."""
    from pathlib import Path

    import nbformat
    import pyarrow.parquet as pq

    from tests.browser.conftest import DATA

    quickstart = nbformat.read(DATA.parent / "01-quickstart.ipynb", as_version=4)
    for cell in quickstart.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    notebook = lab.open_node(quickstart, height=3600)
    notebook.theme(theme)
    notebook.run_all()
    states = notebook.page.get_by_role("status").filter(has_text=re.compile("Completed"))
    expect(states).to_have_count(2)
    expect(notebook.page.get_by_text("100,000 rows x 10 columns")).to_be_visible()
    parts = sorted(Path(lab.work.parent / "home").glob("buckets/local/jobs/*/parts/part-00000*"))
    first = pq.read_table(parts[-1]).slice(0, 5).to_pylist()
    wanted = [str(row["price"]) for row in first] + [row["cut"] for row in first]
    notebook.page.wait_for_function(
        "wanted => { const cells = [...document.querySelectorAll('[role=gridcell]')];"
        " return wanted.every(text => cells.some(cell => cell.textContent === text)); }",
        arg=wanted,
    )
    notebook.screenshot(f"quickstart-{theme}.png")
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_job_in_a_cooldown_says_why_it_waits(lab, theme):
    """After a cancellation: for how long, in seconds that count down."""
    notebook = lab.open(
        "import os\nos.environ['DATAGEN_COOLDOWN_PERIOD'] = '30'" + mock("slow", 1),
        "next(one for one in job.updates() if one.attempt)\njob.cancel()\n"
        "again = client.submit('data/diamonds.parquet', rows=1_000)\nagain",
    )
    notebook.theme(theme)
    notebook.run(0)
    notebook.run(1)
    card = notebook.cell(1)
    expect(card.get_by_role("status")).to_have_text("Queued")
    expect(card).to_contain_text(
        re.compile(r"1st in the queue.*starts in \d+ s: a job was cancelled")
    )
    notebook.screenshot(f"cooldown-{theme}.png")
