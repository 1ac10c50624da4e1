"""marimo, which knows anywidgets and no other widgets, in a real browser."""

import contextlib
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.lab import ARGUMENTS, CHROMIUM, Computing, errors_of, expect, new_page, wait_for
from tests.conftest import DIAMONDS
from tests.deadline import DEADLINE

NOTEBOOK = f"""
import marimo

app = marimo.App()


@app.cell
def _():
    import datagen_nb as dg
    client = dg.connect("mock", scenario="slow", speed=5)
    job = client.submit({str(DIAMONDS)!r}, rows=1_000_000)
    job
    return client, dg, job


@app.cell
def _(client, dg, job):
    studio = dg.studio(client)
    studio.wizard.use({str(DIAMONDS)!r})
    studio
    return


@app.cell
def _(job):
"""


@contextlib.contextmanager
def marimo(folder: Path, theme: str, last: str):
    """A page of the notebook, ``last`` its last cell, run as an app."""
    (folder / "notebook.py").write_text(NOTEBOOK + indent(last, "    "), encoding="utf-8")
    settings = folder / "config" / "marimo" / "marimo.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'[display]\ntheme = "{theme}"\n', encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "marimo", "--quiet", "run", folder / "notebook.py", "--headless",
        "--no-token", "--host=127.0.0.1", f"--port={port}",
    ]  # fmt: skip
    private = {
        name: str(folder / place)
        for name, place in {
            "XDG_CONFIG_HOME": "config",
            "XDG_STATE_HOME": "state",
            "XDG_CACHE_HOME": "cache",
            "HOME": "home",
        }.items()
    }
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **private}, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/", server, folder / "server.log")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = new_page(browser, viewport={"width": 1100, "height": 1100})
            page.errors, page.outside = errors_of(page), []
            inside = re.compile(rf"(http|ws)://127\.0\.0\.1:{port}/|data:|blob:")
            page.on(
                "request",
                lambda asked: inside.match(asked.url) or page.outside.append(asked.url),
            )
            page.goto(f"http://127.0.0.1:{port}/")
            yield page
            browser.close()
    finally:
        server.terminate()
        server.wait(DEADLINE)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marimo_shows_a_card_that_moves_and_the_studio_in_its_own_tabs(tmp_path, theme):
    """While a cell computes; what would open below is said as a call instead."""
    computing = Computing(tmp_path)
    with marimo(tmp_path, theme, computing.source) as page:
        card = page.get_by_role("region", name="Job diamonds")
        bar = card.get_by_role("progressbar")
        expect(bar).to_be_visible()
        before = int(bar.get_attribute("aria-valuenow"))
        page.wait_for_function(
            "before => [...document.querySelectorAll('marimo-anywidget')]"
            ".map(one => one.shadowRoot?.querySelector('[role=progressbar]'))"
            ".some(bar => Number(bar?.getAttribute('aria-valuenow')) > before)",
            arg=before,
        )
        expect(page.get_by_text("computed")).to_have_count(0)
        computing.end()
        expect(page.get_by_text("computed")).to_be_visible()
        card.get_by_role("button", name="Cancel").click()
        card.get_by_role("button", name="Yes, cancel").click()
        expect(card.get_by_role("status")).to_have_text("Cancelled")

        wizard = page.get_by_role("region", name="Wizard")
        expect(wizard).to_contain_text("53,940 rows × 10 columns")
        page.get_by_role("tab", name="History").click()
        history = page.get_by_role("region", name="History")
        row = history.get_by_role("row").filter(has_text="diamonds")
        expect(row).to_contain_text("Cancelled")
        row.get_by_role("button", name="diamonds", exact=True).click()
        expect(history).to_contain_text(re.compile(r"write client\.jobs\.get\('j_\w+'\)\.card\(\)"))
        page.screenshot(path=f"screenshots/marimo-{theme}.png")
        page.get_by_role("tab", name="Dashboard").click()
        expect(page.get_by_role("region", name="Dashboard")).to_be_visible()
        ground = card.evaluate("node => getComputedStyle(node).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) > 380) == (theme == "light")
        assert (page.errors, page.outside) == ([], [])
