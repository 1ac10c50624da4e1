"""The page of a report in a browser by itself: in both themes, on wide and on narrow screens."""

import pytest
from playwright.sync_api import sync_playwright

from datagen_nb.ui.report import ReportView
from tests.browser.lab import ARGUMENTS, CHROMIUM
from tests.browser.test_accessible import AXE
from tests.unit.test_ui_report import report


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_axe_finds_nothing_in_the_page_of_a_report(browser, tmp_path, scheme, width):
    """And nothing but tables is scrolled sideways."""
    path = ReportView(report()).to_html(tmp_path / "report.html")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(path.as_uri())
    page.add_script_tag(path=AXE)
    found = page.evaluate("async () => (await axe.run()).violations")
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
