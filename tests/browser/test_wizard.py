"""The wizard as a person in JupyterLab meets it: from a table to a result, and what goes wrong."""

import re

import pytest

from tests.browser.lab import expect

OPEN = """
import datagen_nb as dg
import pandas as pd
import pyarrow as pa
client = dg.connect({target})
prices = pd.DataFrame({{"town": ["Bonn", "Ulm", "Bern", "Wien"] * 50,
                       "price": [n % 37 + 0.5 for n in range(200)]}})
arrows = pa.table({{"x": list(range(300))}})
wizard = dg.wizard(client)
wizard
"""

LOCAL, MOCK = "", '"mock", speed=50'


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_from_a_path_to_a_result(lab, theme):
    """Each step, its words, and at the end the rows in a grid."""
    notebook = lab.open(OPEN.format(target=LOCAL), "print(wizard.code())", "wizard.status")
    notebook.theme(theme)
    notebook.run(0)
    cell = notebook.cell(0)
    wizard = cell.get_by_role("region", name="Wizard")
    expect(wizard.get_by_role("button", name="Next")).to_be_disabled()
    expect(wizard.get_by_role("button", name="prices 200 × 2")).to_be_visible()
    notebook.screenshot(f"wizard-data-empty-{theme}.png")
    wizard.get_by_label("or a path").fill("data/diamonds.parquet")
    wizard.get_by_role("button", name="Use").click()
    expect(wizard).to_contain_text(re.compile(r"[\d,]+ rows × 10 columns"), timeout=30_000)
    notebook.screenshot(f"wizard-data-{theme}.png")
    wizard.get_by_role("button", name="Next").click()

    rows = wizard.get_by_label("Rows to make")
    rows.fill("many")
    expect(wizard).to_contain_text("has to be a whole number from 1")
    expect(wizard.get_by_role("button", name="Next")).to_be_disabled()
    notebook.screenshot(f"wizard-make-wrong-{theme}.png")
    rows.fill("2,000")
    wizard.get_by_label("Seed").fill("7")
    expect(wizard.get_by_role("button", name="Next")).to_be_enabled()
    wizard.get_by_role("button", name="Next").click()

    cut = wizard.get_by_label("Learn cut as")
    expect(cut).to_have_value("categorical")
    expect(wizard.get_by_role("img", name=re.compile("Most often Ideal"))).to_be_visible()
    notebook.screenshot(f"wizard-columns-{theme}.png")
    wizard.get_by_label("Learn clarity as").select_option("text")
    wizard.get_by_role("button", name="Next").click()

    wizard.get_by_label("Format").select_option("csv")
    wizard.get_by_label("Tags").fill("demo, first")
    notebook.screenshot(f"wizard-output-{theme}.png")
    wizard.get_by_role("button", name="Next").click()

    expect(
        wizard.get_by_role("heading", name="2,000 rows like data/diamonds.parquet")
    ).to_be_focused()
    expect(wizard).to_contain_text("slot 1 of 5")
    expect(wizard).to_contain_text(re.compile(r"about .* costs nothing"), timeout=30_000)
    expect(wizard.get_by_role("row", name=re.compile("^new")).first).to_be_visible(timeout=30_000)
    expect(wizard.get_by_role("row", name=re.compile("^yours"))).to_have_count(3)
    notebook.screenshot(f"wizard-review-{theme}.png")
    shown = wizard.get_by_label("The same as a cell").locator("pre").inner_text()
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("rows=2_000")
    assert notebook.cell(1).inner_text().split() == shown.split()
    wizard.get_by_role("button", name="Submit").click()
    card = cell.get_by_role("region", name="Job diamonds")
    expect(card.get_by_role("status").first).to_have_text("Completed", timeout=90_000)
    notebook.screenshot(f"wizard-submitted-{theme}.png")
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text("'completed'")
    assert (notebook.errors, notebook.outside) == ([], [])
