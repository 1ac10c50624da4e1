"""The history as a person in JupyterLab meets it: live, filtered, sorted, acted on, very long."""

import json
import re
import sqlite3

import pytest

from tests.browser.lab import expect

JOBS = """
import datagen_nb as dg
client = dg.connect("mock", scenario="{scenario}", speed={speed})
client.set_max_waiting(100)
for n in range({number}):
    tags = ["demo"] * (n % 2)
    client.submit("data/diamonds.parquet", rows=1_000 * (n + 1), name=f"job {{n}}", tags=tags)
history = dg.history(client)
history
"""


def jobs(scenario="succeeds", speed=1000, number=4):
    return JOBS.format(scenario=scenario, speed=speed, number=number)


ALL_KINDS = """
import datagen_nb as dg
from datagen_nb.core.errors import DatagenError
client = dg.connect(home="kinds-{theme}")
table = "data/diamonds.parquet"
client.set_retention_days(3)
done = client.submit(table, rows=2_000, name="diamonds", tags=["demo", "first"])
done.wait()
done.annotate(note="the one for the review")
bad = client.submit(table, rows=5, name="bad", parameters={{"columns": {{"cut": "datetime"}}}})
try:
    bad.wait()
except DatagenError as error:
    print(error.code)
big = client.submit(table, rows=90_000_000, name="big")
held = client.submit(table, rows=80_000_000, name="held")
held.pause()
history = dg.history(client)
history
"""


def rows(history):
    return history.get_by_role("row")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_jobs_of_all_kinds_stand_in_the_table(lab, theme):
    """Status by shape, colour and word; what matters now beside it; two themes."""
    notebook = lab.open(
        ALL_KINDS.format(theme=theme),
        "big.cancel(); held.cancel(); client.set_retention_days(None)",
    )
    notebook.theme(theme)
    notebook.run(0)
    history = notebook.cell(0).get_by_role("region", name="History")
    expect(history.get_by_role("row", name=re.compile("diamonds"))).to_contain_text("Completed")
    expect(history.get_by_role("row", name=re.compile("held"))).to_contain_text("Paused")
    expect(history.get_by_role("row", name=re.compile("big"))).to_contain_text(re.compile(r"\d+ %"))
    notebook.screenshot(f"history-{theme}.png")
    notebook.run(1)
    expect(history.get_by_role("row", name=re.compile("big"))).to_contain_text("Cancelled")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_sorting_searching_and_states(lab):
    """By the headers, the search and the chips; the counts tell how many there are."""
    notebook = lab.open(jobs(), "history.frame()['name'].tolist(), history.status")
    notebook.run(0)
    history = notebook.cell(0).get_by_role("region", name="History")
    expect(history.get_by_role("button", name="Completed 4")).to_be_visible()
    expect(rows(history).nth(1)).to_contain_text("job 3")
    by_rows = history.get_by_role("button", name="Rows")
    by_rows.click()
    expect(history.get_by_role("columnheader", name="Rows")).to_have_attribute(
        "aria-sort", "descending"
    )
    by_rows.click()
    expect(rows(history).nth(1)).to_contain_text("job 0")
    history.get_by_label("Search jobs").fill("demo")
    expect(rows(history)).to_have_count(3)
    history.get_by_role("button", name="Completed 2").click()
    expect(history).to_contain_text("1–2 of 2")
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("(['job 1', 'job 3'], ('completed',))")
    history.get_by_label("Search jobs").fill("nothing like it")
    expect(history).to_contain_text("No job matches")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_many_are_marked_cancelled_and_deleted_with_the_keyboard(lab):
    """Asked first, with how many; what is marked is a frame in Python."""
    notebook = lab.open(jobs("slow", 1, 4), "sorted(history.selection()['name'])")
    notebook.run(0)
    history = notebook.cell(0).get_by_role("region", name="History")
    keys = notebook.page.keyboard
    history.get_by_label("Select job 3").focus()
    keys.press("Space")
    history.get_by_label("Select job 1").focus()
    keys.press("Space")
    expect(history).to_contain_text("2 selected")
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("['job 1', 'job 3']")
    history.get_by_role("button", name="Cancel").last.focus()
    keys.press("Enter")
    expect(history.get_by_role("button", name="Keep")).to_be_focused()
    keys.press("Shift+Tab")
    keys.press("Enter")
    expect(history).to_contain_text("2 cancelled.")
    expect(history).to_be_focused()
    expect(history.get_by_role("row", name=re.compile("job 3"))).to_contain_text("Cancelled")
    history.get_by_role("button", name="Delete").click()
    history.get_by_role("button", name="Yes, delete").click()
    expect(history.get_by_role("row", name=re.compile("job 3"))).to_have_count(0)
    expect(history.get_by_role("button", name="All 2")).to_be_visible()
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_row_opens_its_card_its_rows_and_its_note(lab):
    """From the menu at its end."""
    notebook = lab.open(jobs(number=1))
    notebook.run(0)
    cell = notebook.cell(0)
    history = cell.get_by_role("region", name="History")
    expect(history.get_by_role("row", name=re.compile("job 0"))).to_contain_text("Completed")
    menu = history.get_by_role("button", name="Actions for job 0")
    menu.click()
    notebook.screenshot("history-menu.png")
    history.get_by_role("button", name="Tags and note …").click()
    note = history.get_by_role("textbox", name="Note")
    expect(note).to_be_enabled()
    note.fill("for <b>Ann</b>")
    notebook.screenshot("history-edit.png")
    note.press("Enter")
    expect(history.get_by_role("img", name="Note: for <b>Ann</b>")).to_be_visible()
    history.get_by_role("button", name="job 0", exact=True).click()
    expect(cell.get_by_role("region", name="Job job 0")).to_be_visible()
    menu.click()
    history.get_by_role("button", name="View its rows").click()
    expect(cell).to_contain_text("1,000 rows x 5 columns")
    menu.click()
    history.get_by_role("button", name="Report on its quality").click()
    expect(cell.get_by_role("group", name="Quality report")).to_contain_text("Privacy")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_columns_are_chosen_and_resized(lab):
    """By pointer and by keyboard; the browser remembers."""
    notebook = lab.open(jobs(number=1))
    notebook.run(0)
    history = notebook.cell(0).get_by_role("region", name="History")
    history.get_by_role("button", name="Columns").click()
    history.get_by_label("Id", exact=True).check()
    notebook.page.keyboard.press("Escape")
    expect(history.get_by_role("columnheader", name="Id", exact=True)).to_be_visible()
    grip = history.get_by_role("separator", name="Width of Name")
    head = history.get_by_role("columnheader", name="Name", exact=True)
    before = round(head.bounding_box()["width"])
    grip.focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(grip).to_have_attribute("aria-valuenow", str(before + 16))
    box = grip.bounding_box()
    notebook.page.mouse.move(box["x"] + 3, box["y"] + 5)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 103, box["y"] + 5)
    notebook.page.mouse.up()
    expect(grip).to_have_attribute("aria-valuenow", str(before + 116))
    assert abs(head.bounding_box()["width"] - before - 116) <= 1
    assert (notebook.errors, notebook.outside) == ([], [])


LONG = """
import datagen_nb as dg
client = dg.connect(home="long-home")
history = dg.history(client)
history
"""


def fill(path, number):
    """A long history, put straight into the store."""
    with sqlite3.connect(path) as db:
        row = db.execute(
            "SELECT customer, created, fingerprint, status, config FROM jobs"
        ).fetchone()
        customer, created, fingerprint, text, config = row
        status = json.loads(text)
        db.executemany(
            "INSERT INTO jobs (customer, job_id, version, state, created, ended, idempotency_key,"
            " fingerprint, status, config, name, rows, words) VALUES (?,?,0,?,?,?,?,?,?,?,?,?,?)",
            (
                (
                    customer, job_id, status["status"], created, created, job_id, fingerprint,
                    json.dumps({**status, "jobId": job_id, "name": name, "dataSize": n + 1}),
                    config, name, n + 1, name,
                )
                for n in range(number)
                for job_id, name in [(f"j_{n:016d}", f"old {n}")]
            ),
        )  # fmt: skip


def test_a_hundred_thousand_jobs(lab):
    """Paged, sorted and searched without a pause that one notices."""
    notebook = lab.open(
        'import datagen_nb as dg\nclient = dg.connect(home="long-home")\n'
        'client.submit("data/diamonds.parquet", rows=100, name="newest").wait().status',
        LONG,
    )
    notebook.run(0)
    expect(notebook.cell(0)).to_contain_text("completed")
    fill(lab.work / "long-home" / "jobs.sqlite", 100_000)
    notebook.run(1)
    history = notebook.cell(1).get_by_role("region", name="History")
    expect(history).to_contain_text("1–50 of 100,001")
    history.get_by_role("button", name="Next page").click()
    expect(history).to_contain_text("51–100 of 100,001")
    history.get_by_role("button", name="Name").click()
    expect(history).to_contain_text("old 99999")
    history.get_by_label("Search jobs").fill("old 77777")
    expect(history).to_contain_text("1–1 of 1")
    notebook.screenshot("history-long.png")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_narrow_history_can_be_used(lab):
    """320 px: the table scrolls, all else wraps."""
    notebook = lab.open(jobs(), width=480)
    notebook.run(0)
    history = notebook.cell(0).get_by_role("region", name="History")
    expect(history.get_by_role("button", name="Completed 4")).to_be_visible()
    notebook.screenshot("history-narrow.png")
    assert history.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    history.get_by_role("button", name="Actions for job 3").click()
    expect(history.get_by_role("button", name="Run again")).to_be_in_viewport()
    assert (notebook.errors, notebook.outside) == ([], [])
