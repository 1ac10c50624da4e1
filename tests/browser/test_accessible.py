"""What axe finds wrong with the widgets, and whether text can be more than text in them."""

from contextlib import ExitStack
from pathlib import Path

import pytest

import datagen_nb as dg
from tests.browser.bare import Bare
from tests.browser.lab import expect, new_page, walk
from tests.conftest import DIAMONDS

AXE = Path(__file__).parents[2] / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
    const found = await axe.run({include: [['.dg']]}, {resultTypes: ['violations']});
    return found.violations
        .filter(one => ['serious', 'critical'].includes(one.impact))
        .map(one => `${one.id}: ${one.help}: ${one.nodes.map(node => node.html).join(' | ')}`);
}"""

EVERY_CARD = """
import datagen_nb as dg
from IPython.display import display
table = "data/diamonds.parquet"
for scenario in ["succeeds", "fails_at_stage", "slow"]:
    client = dg.connect("mock", scenario=scenario, speed=1000 if scenario != "slow" else 1)
    job = client.submit(table, rows=1_000, name=scenario, tags=["demo"])
    display(job)
job.pause()
"""

STUDIO = """
import datagen_nb as dg
client = dg.connect(home="axe-{theme}")
table = "data/diamonds.parquet"
client.submit(table, rows=500, name="done", tags=["demo"]).wait()
client.set_retention_days(3)
gone = client.submit(table, rows=90_000_000, name="gone")
gone.cancel()
studio = dg.studio(client)
studio.wizard.use(table)
studio.wizard.update(rows=500)
studio
"""


def serious(page):
    """What axe finds serious or critical in the widgets of a page."""
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=AXE)
    return page.evaluate(RUN_AXE)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_cards(lab, theme):
    """Running or paused, completed, failed; its menu and its question open."""
    notebook = lab.open(EVERY_CARD)
    notebook.theme(theme)
    notebook.run(0)
    cell = notebook.cell(0)
    expect(cell.get_by_role("status").first).to_have_text("Completed")
    expect(cell.get_by_role("status").nth(1)).to_contain_text("Failed")
    expect(cell.get_by_role("status").nth(2)).to_contain_text("Paused")
    assert serious(notebook.page) == []
    cell.get_by_role("button", name="Cancel").last.click()
    assert serious(notebook.page) == []
    cell.get_by_role("button", name="Keep").click()
    cell.get_by_role("button", name="Logs").first.click()
    cell.get_by_role("button", name="Notifications").last.click()
    assert serious(notebook.page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_studio(lab, theme):
    """Every step, the table with its menus, the dashboard with a cooldown."""
    notebook = lab.open(STUDIO.format(theme=theme))
    notebook.theme(theme)
    notebook.run(0)
    cell = notebook.cell(0)
    wizard = cell.get_by_role("region", name="Wizard")
    found = {}
    for step in ["Data", "Make", "Columns", "Output", "Review"]:
        if step != "Data":
            walk(wizard, step)
        if step == "Review":
            expect(wizard.get_by_role("row").nth(2)).to_be_visible()
        found[step] = serious(notebook.page)
    cell.get_by_role("tab", name="History").click()
    history = cell.get_by_role("region", name="History")
    history.get_by_label("Select done").check()
    history.get_by_role("button", name="Delete").click()
    found["history"] = serious(notebook.page)
    history.get_by_role("button", name="Keep").click()
    history.get_by_role("button", name="Actions for done").click()
    found["menu"] = serious(notebook.page)
    cell.get_by_role("tab", name="Dashboard").click()
    expect(cell.get_by_role("region", name="Dashboard")).to_contain_text("completed")
    found["dashboard"] = serious(notebook.page)
    assert {place: faults for place, faults in found.items() if faults} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_no_page_gives_colours(lab, scheme):
    """With our own, as in marimo; each widget, and a card in each colour."""
    page = new_page(lab.browser, viewport={"width": 1000, "height": 1400})
    bare = Bare(page, scheme, jupyter=False)
    with ExitStack() as stack:

        def mock(scenario, speed):
            return stack.enter_context(dg.connect("mock", scenario=scenario, speed=speed))

        client = mock("slow", 1)
        running, paused = (client.submit(DIAMONDS, rows=1_000, name=f"job {n}") for n in range(2))
        paused.pause()
        failed = mock("times_out", 1_000).submit(DIAMONDS, rows=10)
        next(status for status in failed.updates() if status.status.is_terminal)
        wizard = dg.wizard(client, running)
        for panel in (
            *(job.card("widget") for job in (running, paused, failed)),
            *(wizard, dg.history(client), dg.dashboard(client)),
        ):
            expect(bare.show(panel).locator(".dg").first).to_be_visible()
        page.screenshot(path=f"screenshots/own-colours-{scheme}.png", full_page=True)
        assert serious(page) == []
        bare.leave()
    assert bare.errors == []


HOSTILE = '<img src=x onerror="window.pwned=1">\x1b[31mred\u202egnp.exe\u2066'

NAMES = f"""
import datagen_nb as dg
import pandas as pd
from IPython.display import display
client = dg.connect(home="hostile-home")
hostile = {HOSTILE!r}
frame = pd.DataFrame({{hostile: ["a", "b"] * 50, "long " + "x" * 10_000: range(100)}})
good = client.submit(frame, rows=50, name=(hostile + "y" * 200)[:190], tags=[hostile[:40]])
good.wait()
good.annotate(note=hostile * 5)
bad = client.submit(frame, rows=50, name="bad", parameters={{"columns": {{hostile: "datetime"}}}})
try:
    bad.wait()
except dg.errors.DatagenError as error:
    print(error.code)
display(good, bad)
display(dg.studio(client, good))
"""


def test_text_stays_text(lab):
    """Markup, ANSI, marks that turn the writing around, and ten thousand characters."""
    notebook = lab.open(NAMES)
    notebook.run(0)
    cell = notebook.cell(0)
    expect(cell.get_by_role("status").first).to_have_text("Completed")
    for button in cell.get_by_role("button", name="Logs").all():
        button.click()
    for tab in ["History", "Dashboard", "Wizard"]:
        cell.get_by_role("tab", name=tab).click()
    wizard = cell.get_by_role("region", name="Wizard")
    expect(wizard.get_by_role("button", name="Next")).to_be_enabled()
    walk(wizard)
    cell.get_by_role("tab", name="History").click()
    history = cell.get_by_role("region", name="History")
    history.get_by_role("row").nth(2).get_by_role("button").first.click()
    notebook.screenshot("hostile-light.png")
    assert notebook.page.evaluate("() => window.pwned") is None
    assert cell.locator("img").count() == 0
    for widget in cell.locator(".dg").all():
        assert widget.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize("width", [3840, 440])
def test_every_width_is_used_well(lab, width):
    """From 320 px beside JupyterLab's bars to 4K: no sideways scrolling, no endless lines."""
    notebook = lab.open(STUDIO.format(theme=width), width=width, height=1400)
    notebook.page.emulate_media(reduced_motion="reduce")
    notebook.run(0)
    cell = notebook.cell(0)
    for tab in ["Dashboard", "History", "Wizard"]:
        cell.get_by_role("tab", name=tab).click()
        shown = cell.locator(".dg:visible").first
        expect(shown).to_be_visible()
        assert shown.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), tab
        assert shown.bounding_box()["width"] <= 1080
        notebook.screenshot(f"studio-{tab.lower()}-{width}.png")
    moving = "() => document.getAnimations().filter(one => one.effect.target.closest('.dg')).length"
    assert notebook.page.evaluate(moving) == 0
