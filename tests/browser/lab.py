"""A real JupyterLab, or Notebook 7, in a real Chromium, with nothing reachable but itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.deadline import DEADLINE

TIMEOUT_MS = DEADLINE * 1000
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
READY = """() => {
    const shown = window.jupyterapp?.shell?.currentWidget;
    return shown?.sessionContext?.session?.kernel?.status === 'idle'
        && shown?.content?.widgets?.length > 0;
}"""
# With subshells a kernel can say "idle" while a cell runs, so the prompts are asked too.
IDLE = """() => {
    const shown = window.jupyterapp.shell.currentWidget;
    const busy = [...shown.node.querySelectorAll('.jp-InputPrompt')]
        .some(prompt => prompt.textContent.includes('[*]'));
    return !busy && shown.sessionContext.session.kernel.status === 'idle';
}"""
RUN = """([place, wait]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = place;
    notebook.deselectAll();
    const done = window.jupyterapp.commands.execute('notebook:run-cell');
    return wait ? done.then(() => null) : null;
}"""

OPEN = """path => {
    const open = window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'});
    return open.then(() => null);
}"""
# Whether the page is again as it was: a dialog or a toast that is left asks for a new one.
EMPTY = """() => {
    for (const opened of [...window.jupyterapp.shell.widgets('main')]) opened.dispose();
    localStorage.clear();
    return !document.querySelector('.jp-Dialog, .dg-toast');
}"""

LAB_PATH = "doc/tree"
LAB = ["jupyterlab", "--LabApp.expose_app_in_browser=True"]
NOTEBOOK = ["notebook", "--JupyterNotebookApp.expose_app_in_browser=True"]


@contextlib.contextmanager
def jupyterlab(
    root: Path, *, dark: bool = False, app: Sequence[str] = LAB, path: str = LAB_PATH
) -> Iterator[Lab]:
    """A server whose notebooks lie in ``root / "work"``, and a browser for it.

    Args:
        root: Its directory.
        dark: Its theme.
        app: What is started, with its own arguments.
        path: Where a notebook is opened.
    """
    private = root / "private"
    (root / "work").mkdir(exist_ok=True)
    theme = {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}
    for name, value in {**SETTINGS, "apputils-extension/themes": theme}.items():
        file = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    port = free_port()
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "IPYTHONDIR": str(private / "ipython"),
    }
    command = [
        sys.executable, "-m", *app, "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={root / 'work'}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with (root / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status", server, root / "server.log")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield Lab(root / "work", port, browser, path)
            browser.close()
    finally:
        server.terminate()
        server.wait(DEADLINE)


def free_port() -> int:
    """A port of this machine that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server that was just started answers."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return  # a refusal is an answer
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"It did not start:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.1)


class Lab:
    """A running server and its browser.

    JupyterLab takes ten seconds of a processor to load, so a page in which nothing is open any more
    opens the next notebook. Notebook 7 has a page for each.
    """

    def __init__(self, work: Path, port: int, browser: Browser, path: str) -> None:
        self.work = work
        self.path = path
        self.port = port
        self.browser = browser
        self._opened: list[Notebook] = []
        self._empty: Notebook | None = None

    def open(self, *sources: str, width: int = 1100, height: int = 900) -> Notebook:
        """A new notebook with these code cells, its kernel idle."""
        notebook = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            cells=[nbformat.v4.new_code_cell(source) for source in sources],
        )
        return self.open_node(notebook, width=width, height=height)

    def open_node(
        self,
        notebook: nbformat.NotebookNode,
        *,
        width: int = 1100,
        height: int = 900,
        is_fresh: bool = False,
    ) -> Notebook:
        """A notebook as it is, in a page that is loaded for it if that is to be fresh."""
        name = f"test-{time.monotonic_ns()}.ipynb"
        nbformat.write(notebook, self.work / name)
        if self._empty is not None and not is_fresh:
            opened, self._empty = self._empty, None
            opened.errors.clear()
            opened.outside.clear()
            opened.page.set_viewport_size({"width": width, "height": height})
            opened.page.evaluate(OPEN, name)
        else:
            page = new_page(self.browser, viewport={"width": width, "height": height})
            opened = Notebook(page, self.port)
            page.goto(f"http://127.0.0.1:{self.port}/{self.path}/{name}")
        self._opened.append(opened)
        opened.wait_ready()
        return opened

    def tidy(self) -> None:
        """Close what was opened, kernels too: they and their pages would go on working."""
        for opened in self._opened:
            if self._empty is None and self._can_be_emptied(opened.page):
                self._empty = opened
            else:
                opened.page.context.close()
        self._opened.clear()
        for context in self.browser.contexts:
            if self._empty is None or context != self._empty.page.context:
                context.close()
        server = f"http://127.0.0.1:{self.port}/api/kernels"
        with urllib.request.urlopen(server, timeout=DEADLINE) as answer:
            kernels = json.load(answer)
        for kernel in kernels:
            end = urllib.request.Request(f"{server}/{kernel['id']}", method="DELETE")
            with urllib.request.urlopen(end, timeout=DEADLINE):
                pass

    def _can_be_emptied(self, page: Page) -> bool:
        if self.path != LAB_PATH or page.is_closed():
            return False
        page.mouse.move(0, 0)
        page.emulate_media(reduced_motion="null")
        return bool(page.evaluate(EMPTY))


def new_page(browser: Browser, **options: Any) -> Page:
    """A page that waits as long as a busy machine may need; ``options`` are of its context."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(TIMEOUT_MS)
    return page


def errors_of(page: Page) -> list[str]:
    """What no code of the page catches, from now on.

    anywidget reports a model that takes over 2 s to start, which it does on a busy machine; one
    that never starts shows nothing, and fails the test that looks at it.
    """
    errors: list[str] = []

    def add(error: object) -> None:
        if str(error) != "[anywidget] Failed to initialize model.":
            errors.append(str(error))

    page.on("pageerror", add)
    return errors


class Notebook:
    """A notebook in a page."""

    def __init__(self, page: Page, port: int) -> None:
        self.page = page
        self.errors = errors_of(page)
        self.outside: list[str] = []
        inside = re.compile(rf"(https?|ws)://127\.0\.0\.1:{port}/|data:|blob:")
        page.on(
            "request",
            lambda request: inside.match(request.url) or self.outside.append(request.url),
        )

    def wait_ready(self) -> None:
        self.page.wait_for_function(READY)

    def run(self, place: int, *, wait: bool = True) -> None:
        """Run one cell."""
        self.page.evaluate(RUN, [place, wait])
        if wait:
            self.wait_idle()

    def run_all(self) -> None:
        """Run every cell and wait."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.wait_idle()

    def wait_idle(self) -> None:
        self.page.wait_for_function(IDLE)

    def restart_kernel(self) -> None:
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
            ".restart().then(() => null)"
        )
        self.wait_ready()

    def reload(self) -> None:
        """Reload the page; the kernel lives on."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.save().then(() => null)"
        )
        self.page.reload()
        self.wait_ready()

    def theme(self, theme: str) -> None:
        """``light`` or ``dark``; waits until the splash screen of a change is gone.

        While it covers a target, a click retries with a scroll of its own.
        """
        name = f"JupyterLab {theme.capitalize()}"
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name
        )
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-name", name)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def cell(self, place: int):
        """A cell's output."""
        return self.page.locator(".jp-Cell").nth(place).locator(".jp-Cell-outputWrapper")

    def screenshot(self, name: str, *, of: Locator | None = None) -> None:
        """Of the page as it stands, or of one thing on it, whole."""
        folder = Path("screenshots")
        folder.mkdir(exist_ok=True)
        (of or self.page).screenshot(path=folder / name)


class Computing:
    """A cell that computes until it may end, however slow the machine is.

    Args:
        folder: Where a file tells it.
        how: What it does meanwhile.
    """

    def __init__(self, folder: Path, how: str = "pass") -> None:
        self._end_file = folder / f"end-{time.monotonic_ns()}"
        self.source = (
            f"import asyncio, os, time\nend, sign = time.time() + 60, {str(self._end_file)!r}\n"
            f"while not os.path.exists(sign) and time.time() < end: {how}\n'computed'"
        )

    def end(self) -> None:
        self._end_file.touch()


def walk(wizard: Locator, *steps: str) -> None:
    """Go on from step to step, each once it is there: a second click on the same Next is none."""
    for step in steps or ("Make", "Columns", "Output", "Review"):
        wizard.get_by_role("button", name="Next").click()
        expect(wizard.get_by_role("form", name=step)).to_be_visible()


__all__ = [
    "NOTEBOOK",
    "Computing",
    "Lab",
    "Notebook",
    "errors_of",
    "expect",
    "jupyterlab",
    "new_page",
    "wait_for",
    "walk",
]
