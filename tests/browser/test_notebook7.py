"""Notebook 7, in a real browser."""

from tests.browser.lab import Computing, expect
from tests.browser.test_card import mock


def opened(notebook7, *sources):
    """A notebook, without the error that Notebook 7.6 itself makes as it loads its settings."""
    notebook = notebook7.open(*sources)
    notebook.errors.clear()
    return notebook


def test_notebook_7_shows_a_card_that_moves_and_cancels(notebook7):
    """As JupyterLab does."""
    computing = Computing(notebook7.work)
    notebook = opened(notebook7, mock("slow", 20), computing.source)
    notebook.run(0)
    card = notebook.cell(0)
    bar = card.get_by_role("progressbar")
    before = int(bar.get_attribute("aria-valuenow"))
    notebook.run(1, wait=False)
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    notebook.page.wait_for_function(
        "before => [...document.querySelectorAll('[role=progressbar]')]"
        ".some(bar => Number(bar.getAttribute('aria-valuenow')) > before + 5)",
        arg=before,
    )
    expect(notebook.page.get_by_text("[*]:")).to_be_visible()
    computing.end()
    card.get_by_role("button", name="Cancel").click()
    card.get_by_role("button", name="Yes, cancel").click()
    expect(card.get_by_role("status")).to_have_text("Cancelled")
    notebook.screenshot("notebook7-card.png")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_notebook_7_shows_the_studio_in_its_theme(notebook7):
    """Light and dark."""
    notebook = opened(
        notebook7,
        "import datagen_nb as dg\nclient = dg.connect('mock', speed=1000)\n"
        "client.submit('data/diamonds.parquet', rows=1_000, name='seen').wait()\n"
        "studio = dg.studio(client)\nstudio",
    )
    notebook.run(0)
    cell = notebook.cell(0)
    for theme in ("light", "dark"):
        notebook.theme(theme)
        cell.get_by_role("tab", name="History").click()
        expect(cell.get_by_role("row").filter(has_text="seen")).to_contain_text("Completed")
        notebook.screenshot(f"notebook7-studio-{theme}.png")
        cell.get_by_role("tab", name="Wizard").click()
        expect(cell.get_by_role("button", name="Next")).to_be_visible()
    assert (notebook.errors, notebook.outside) == ([], [])
