"""The studio and its dashboard as a person in JupyterLab meets them."""

import re

import pytest

from tests.browser.lab import expect, walk

OPEN = """
import os
import datagen_nb as dg
from datagen_nb.core.errors import DatagenError
os.environ["DATAGEN_COOLDOWN_PERIOD"] = "5"
client = dg.connect(home="studio-{theme}")
table = "data/diamonds.parquet"
for n in range(4):
    client.submit(table, rows=1_000 * (n + 1), name=f"diamonds {{n}}", tags=["nightly"]).wait()
bad = client.submit(table, rows=5, name="bad", parameters={{"columns": {{"cut": "datetime"}}}})
try:
    bad.wait()
except DatagenError as error:
    print(error.code)
client.webhooks.create(dg.WebhookConfig(url="https://hooks.example.com/x", events=["job.failed"]))
studio = dg.studio(client)
studio
"""


HEALTH = re.compile("Healthy|Degraded")
"""A machine that is busy with other tests answers late."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_studio_is_walked_through(lab, theme):
    """Tab by tab; jobs that end meanwhile appear in all of them."""
    notebook = lab.open(
        OPEN.format(theme=theme),
        'studio.wizard.use("data/diamonds.parquet"); studio.wizard.update(rows=3_000)',
        "print(studio.tab)",
        "studio.wizard.submit().wait().status",
        'client.submit(table, rows=90_000_000, name="too many").cancel().status',
    )
    notebook.theme(theme)
    notebook.run(0)
    cell = notebook.cell(0)
    expect(cell.get_by_role("region", name="Wizard")).to_be_visible()
    notebook.run(1)
    notebook.screenshot(f"studio-wizard-{theme}.png")

    wizard = cell.get_by_role("region", name="Wizard")
    walk(wizard)
    expect(wizard.get_by_role("row", name=re.compile("^new")).first).to_be_visible()
    notebook.screenshot(f"studio-review-{theme}.png", of=cell.locator(".jp-OutputArea-output").last)

    cell.get_by_role("tab", name="Dashboard").click()
    dashboard = cell.get_by_role("region", name="Dashboard")
    expect(dashboard).to_contain_text("4completed, 10,000 rows")
    notebook.run(4)
    expect(dashboard.get_by_role("meter", name="Cooldown")).to_be_visible()
    expect(dashboard.get_by_role("meter", name="Slots")).to_have_attribute("aria-valuemax", "5")
    expect(dashboard).to_contain_text(HEALTH)
    expect(dashboard).to_contain_text("hooks.example.com")
    notebook.screenshot(f"studio-dashboard-{theme}.png")
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text("dashboard")

    bar = dashboard.get_by_role("button", name=re.compile("^diamonds 2: Completed, 3,000 rows"))
    bar.focus()
    notebook.page.keyboard.press("Enter")
    expect(cell.get_by_role("region", name="Job diamonds 2")).to_be_visible()
    expect(dashboard.get_by_role("meter", name="Cooldown")).to_have_count(0)
    notebook.run(3)
    expect(dashboard).to_contain_text("5completed")

    cell.get_by_role("tab", name="History").click()
    history = cell.get_by_role("region", name="History")
    expect(history.get_by_role("button", name="Completed 5")).to_be_visible()
    expect(history.get_by_role("row", name=re.compile("too many"))).to_contain_text("Cancelled")
    notebook.screenshot(f"studio-history-{theme}.png")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_dashboard_at_320_pixels(lab):
    """Nothing is cut off, nothing scrolls sideways; an empty one says so."""
    notebook = lab.open(
        'import datagen_nb as dg\nclient = dg.connect("mock")\ndg.dashboard(client)', width=440
    )
    notebook.theme("light")
    notebook.run(0)
    dashboard = notebook.cell(0).get_by_role("region", name="Dashboard")
    expect(dashboard).to_contain_text("There is nothing to delete.")
    notebook.screenshot("dashboard-narrow.png")
    assert dashboard.bounding_box()["width"] <= 340
    assert dashboard.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    dashboard.get_by_label("Period").select_option("7")
    expect(dashboard.get_by_label("Period")).to_have_value("7")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_dashboard_whose_kernel_is_gone_says_so(lab):
    """And keeps what it showed."""
    notebook = lab.open('import datagen_nb as dg\ndg.dashboard(dg.connect("mock"))')
    notebook.run(0)
    dashboard = notebook.cell(0).get_by_role("region", name="Dashboard")
    expect(dashboard).to_contain_text(HEALTH)
    notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => null)"
    )
    expect(dashboard.get_by_role("alert")).to_contain_text("Not connected")
    expect(dashboard).to_contain_text(HEALTH)
