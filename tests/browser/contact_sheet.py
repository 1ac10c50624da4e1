"""Every widget in every state, light, dark and narrow, as pictures to be looked at.

Run as ``python -m tests.browser.contact_sheet``, with the names of sheets for some alone. What is
shown are real panels over real services: the local one fits the diamonds, the mock stands still
where a state would pass.
"""

import html
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from playwright.sync_api import Browser, Locator, expect, sync_playwright

import datagen_nb as dg
from datagen_nb.core.errors import DatagenError
from tests.browser.bare import Bare
from tests.browser.lab import ARGUMENTS, CHROMIUM, new_page
from tests.conftest import DIAMONDS

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "screenshots"
PICTURE = ROOT / "notebooks" / "images" / "studio.png"

LOOKS = {"light": ("light", 900), "dark": ("dark", 900), "narrow": ("light", 344)}
"""Theme, and width in px; the last leaves a widget 320."""

PICTURED = ("review", "running", "completed")

TIMEOUT_MS = 60_000


@dataclass
class Shown:
    """One state of a widget.

    Attributes:
        widget: Its sheet.
        caption: The state, in words.
        panel: The widget.
        prepare: What a reader does, or what happens, until it is in this state.
    """

    widget: str
    caption: str
    panel: Any
    prepare: Callable[[Locator, Bare, int], None] = lambda shown, bare, place: None


def press(*names: str) -> Callable[[Locator, Bare, int], None]:
    """Press buttons one after the other."""

    def pressed(shown: Locator, bare: Bare, place: int) -> None:
        for name in names:
            shown.get_by_role("button", name=name).first.click()

    return pressed


def lose(shown: Locator, bare: Bare, place: int) -> None:
    """The kernel no longer answers."""
    bare.silence(place)
    expect(shown.get_by_role("alert").first).to_contain_text("Not connected", timeout=TIMEOUT_MS)


class Stage:
    """Where states are made: services that end with it, and tables."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.real = self.local("home")
        self.slow = self.mock("slow", 1, cooldown=30)

    def local(self, home: str) -> dg.Client:
        client = self._stack.enter_context(dg.connect(home=self.folder / home))
        self._stack.callback(_stop, self.folder / home)
        return client

    def mock(self, scenario: str, speed: float, *, cooldown: int = 0) -> dg.Client:
        os.environ["DATAGEN_COOLDOWN_PERIOD"] = str(cooldown)
        try:
            return self._stack.enter_context(dg.connect("mock", scenario=scenario, speed=speed))
        finally:
            del os.environ["DATAGEN_COOLDOWN_PERIOD"]

    def ended(self, job: dg.Job) -> dg.Job:
        """The job, whatever became of it."""
        try:
            return job.wait()
        except DatagenError:
            return job

    def table(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


def _stop(home: Path) -> None:
    import asyncio

    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.launch import stop

    asyncio.run(stop(Home.open(home)))


def planes(stage: Stage) -> list[dg.Job]:
    """More jobs than the slow service has slots for, from whichever sheet asks first."""
    if not stage.slow.jobs.list(limit=1):
        for number in range(7):
            stage.slow.submit(DIAMONDS, rows=50_000, name=f"planes {number}")
    return stage.slow.jobs.list(text="planes", sort="created", order="asc")


def cards(stage: Stage) -> Iterator[Shown]:
    """The job card from the queue to its end."""

    def of(caption: str, job: dg.Job, prepare=Shown.prepare) -> Shown:
        card = job.card("widget")
        card.close()  # it follows its job no further, and keeps this state
        return Shown("card", caption, card, prepare)

    busy = stage.local("busy")
    running = busy.submit(DIAMONDS, rows=5_000_000)
    next(status for status in running.updates() if status.progress > 45)
    yield of("running", running)
    yield of("asked whether to cancel", running, press("Cancel"))
    yield of("its log", running, press("Logs"))
    yield of("no answer", running, lose)
    endless = busy.submit(DIAMONDS, rows=300_000_000, timeout=60)
    yield of("longer than its timeout", endless)
    endless.cancel()
    held = stage.mock("slow", 40).submit(DIAMONDS, rows=10_000_000, name="flights")
    next(status for status in held.updates() if status.progress > 60)
    held.pause()
    yield of("paused", held)
    yield of("queued", planes(stage)[-1])
    cooling = stage.mock("slow", 1, cooldown=30)
    gone = cooling.submit(DIAMONDS, rows=100_000)
    next(status for status in gone.updates() if status.attempt)
    gone.cancel()
    yield of("cancelled", gone)
    yield of("queued in a cooldown", cooling.submit(DIAMONDS, rows=1_000))
    done = stage.real.submit(DIAMONDS, rows=100_000, seed=7).wait()
    yield of("completed", done)
    yield of("its details", done, press("Details"))
    dropped = stage.table("customers.csv", "id,town\n" + "1,Bonn\n2,Ulm\n" * 99 + "3,Bern,x\n" * 4)
    skip = {"bad_lines": "skip"}
    yield of(
        "completed, with warnings", stage.real.submit(dropped, rows=99, parameters=skip).wait()
    )
    yield of("failed: a retry will not help", stage.ended(stage.real.submit(dropped, rows=50_000)))
    lost = stage.mock("times_out", 1_000)
    yield of("failed: a retry may help", stage.ended(lost.submit(DIAMONDS, rows=50_000)))
    long = stage.slow.submit(DIAMONDS, rows=1, name="a name " + "that never ends " * 11)
    yield of("a long name", long)


def wizards(stage: Stage) -> Iterator[Shown]:
    """Each step, and what goes wrong in it."""

    def at(
        step: str, caption: str, prepare=Shown.prepare, client=stage.real, **fields: Any
    ) -> Shown:
        wizard = dg.wizard(client)
        while wizard.inspection is None:  # on a busy machine it may take too long
            wizard.use(DIAMONDS)
        wizard.update(**{"rows": 100_000, "seed": 7, **fields})
        wizard.step = step
        return Shown("wizard", caption, wizard, prepare)

    def missing(shown: Locator, bare: Bare, place: int) -> None:
        shown.get_by_label("or a path").fill("data/nothing.csv")
        shown.get_by_role("button", name="Use").click()
        expect(shown).to_contain_text("does not exist")

    def wrong(shown: Locator, bare: Bare, place: int) -> None:
        shown.get_by_label("Rows to make").fill("many")
        expect(shown).to_contain_text("has to be a whole number")

    def open_more(shown: Locator, bare: Bare, place: int) -> None:
        shown.locator("summary").click()

    def previewed(shown: Locator, bare: Bare, place: int) -> None:
        expect(shown.get_by_role("row").nth(5)).to_be_visible(timeout=TIMEOUT_MS)

    yield Shown("wizard", "data: nothing yet", dg.wizard(stage.real))
    yield Shown("wizard", "data: a path that leads nowhere", dg.wizard(stage.real), missing)
    yield at("data", "data: chosen")
    yield at("make", "make", open_more)
    yield at("make", "make: what is typed is wrong", wrong)
    yield at("columns", "columns")
    yield at("output", "output", open_more, tags=["demo"])
    yield at("review", "review", previewed)
    yield at("review", "review: longer than its timeout", previewed, rows=6_000_000_000)
    yield at("review", "review: no room for a job", previewed, client=stage.slow)
    yield at("review", "no answer", lose)


def histories(stage: Stage) -> Iterator[Shown]:
    """Empty, full, narrowed, asked."""
    quick = stage.real
    quick.submit(DIAMONDS, rows=10_000, name="nightly", tags=["demo", "first"]).wait()
    client = stage.slow
    planes(stage)
    client.jobs.last().cancel()
    client.jobs.list(limit=3)[2].pause()
    client.jobs.list(limit=9)[3].annotate(tags=["demo"], note="for the review")

    def filled(text: str):
        def fill(shown: Locator, bare: Bare, place: int) -> None:
            shown.get_by_label("Search jobs").fill(text)
            expect(shown).to_contain_text("No job matches")

        return fill

    def mark(shown: Locator, bare: Bare, place: int) -> None:
        for box in shown.get_by_role("checkbox").all()[1:4]:
            box.check()

    def ask(shown: Locator, bare: Bare, place: int) -> None:
        mark(shown, bare, place)
        shown.get_by_role("button", name="Delete").click()

    yield Shown("history", "no jobs yet", dg.history(stage.mock("succeeds", 1)))
    yield Shown("history", "jobs of a mock", dg.history(client))
    yield Shown("history", "jobs of the local service", dg.history(quick))
    yield Shown("history", "some are selected", dg.history(client), mark)
    yield Shown("history", "asked whether to delete", dg.history(client), ask)
    yield Shown("history", "nothing fits", dg.history(client), filled("nothing like it"))
    yield Shown("history", "no answer", dg.history(client), lose)


def dashboards(stage: Stage) -> Iterator[Shown]:
    """Empty, busy, in trouble."""
    stage.real.webhooks.create(
        dg.WebhookConfig(url="https://hooks.example.com/x", events=["job.failed"])
    )
    planes(stage)
    yield Shown("dashboard", "nothing yet", dg.dashboard(stage.mock("succeeds", 1)))
    yield Shown("dashboard", "the local service", dg.dashboard(stage.real))
    yield Shown("dashboard", "all slots taken, a cooldown", dg.dashboard(stage.slow))
    yield Shown("dashboard", "no answer", dg.dashboard(stage.real), lose)


def viewers(stage: Stage) -> Iterator[Shown]:
    """Whole, filtered, written otherwise, searched, charted, opened, nothing to show."""

    def filled(shown: Locator) -> Locator:
        expect(shown.get_by_role("gridcell").first).not_to_be_empty(timeout=TIMEOUT_MS)
        return shown

    def search(shown: Locator, bare: Bare, place: int) -> None:
        filled(shown).get_by_role("searchbox").first.fill("SI2")
        expect(shown.get_by_role("button", name="Next match")).to_be_visible(timeout=TIMEOUT_MS)

    def open_cell(shown: Locator, bare: Bare, place: int) -> None:
        filled(shown).get_by_role("grid").press("Enter")
        expect(shown.get_by_role("complementary")).to_be_visible(timeout=TIMEOUT_MS)

    def chart(*columns: str) -> Callable[[Locator, Bare, int], None]:
        def charted(shown: Locator, bare: Bare, place: int) -> None:
            header = filled(shown).get_by_role("columnheader", name=columns[0])
            header.get_by_role("button").first.click()
            shown.get_by_role("button", name="Chart").first.click()
            bare.page.keyboard.press("Escape")
            if len(columns) > 1:
                shown.get_by_label("And").select_option(label=columns[1])
            drawn = f"Rows by {' and '.join(columns)}"
            expect(shown.get_by_role("img", name=drawn)).to_be_visible(timeout=TIMEOUT_MS)

        return charted

    chosen = {"kind": "one_of", "column": "cut", "values": ["Ideal", "Premium"]}
    formats = [
        {"column": "price", "style": "currency", "currency": "USD", "decimals": 0, "fill": "bar"},
        {"column": "carat", "decimals": 3, "fill": "scale"},
    ]
    hostile = {
        "<b>name</b>": ["\u202egnp.exe", None, "", "a\nb"],
        "n" * 90: [2**63 - 1, 1, None, -1],
    }
    sorts = [{"column": "price", "descending": True}, {"column": "carat"}]
    yield Shown("viewer", "a table", dg.view(DIAMONDS))
    yield Shown("viewer", "filtered", dg.view(DIAMONDS, query={"filter": chosen, "sorts": sorts}))
    yield Shown("viewer", "formats", dg.view(DIAMONDS, query={"formats": formats, "sorts": sorts}))
    yield Shown("viewer", "searched", dg.view(DIAMONDS), search)
    yield Shown("viewer", "a cell", dg.view(DIAMONDS), open_cell)
    yield Shown("viewer", "a chart", dg.view(DIAMONDS), chart("carat"))
    yield Shown("viewer", "a heat map", dg.view(DIAMONDS), chart("carat", "cut"))
    yield Shown("viewer", "names and cells of any kind", dg.view(pa.table(hostile)))
    yield Shown("viewer", "no rows", dg.view(pa.table({"a": pa.array([], pa.int64())})))


def comparisons(stage: Stage) -> Iterator[Shown]:
    """How columns differ; the tables below it are widgets of their own."""
    made = stage.real.submit(DIAMONDS, rows=10_000, seed=7).wait()
    comparison = dg.compare(DIAMONDS, made)
    assert len(comparison.differences)
    yield Shown("comparison", "differences", comparison)


SHEETS = {
    "card": cards,
    "wizard": wizards,
    "history": histories,
    "dashboard": dashboards,
    "viewer": viewers,
    "comparison": comparisons,
}


@contextmanager
def staged() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Stage(Path(folder), stack)


def still(stage: Stage, all_shown: list[Shown]) -> str:
    """What a notebook without a kernel shows."""
    forms = "".join(
        f"<p>{html.escape(f'{one.widget}: {one.caption}')}</p>{one.panel.static_repr()[1]}"
        for one in all_shown
        if one.prepare is Shown.prepare
    )
    done = stage.real.jobs.list(status="completed", limit=1)[0]
    report = done.report._repr_html_()
    return f"<!doctype html><meta charset='utf-8'>{forms}<p>report</p>{report}"


def main() -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or list(SHEETS)
    with staged() as stage, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        everything = []
        for name in wanted:
            shown = list(SHEETS[name](stage))
            everything += shown
            for look, (theme, width) in LOOKS.items():
                page = new_page(browser, viewport={"width": width, "height": 800})
                sheet(Bare(page, theme), shown)
                page.screenshot(path=SCREENSHOTS / f"sheet-{name}-{look}.png", full_page=True)
                page.close()
        if wanted == list(SHEETS):
            picture(browser, stage, everything)
        browser.close()
    print(f"{len(everything)} states in {len(LOOKS)} looks: {SCREENSHOTS}/sheet-*.png")


def picture(browser: Browser, stage: Stage, everything: list[Shown]) -> None:
    """What the README shows, and everything without a kernel."""
    page = new_page(browser, viewport={"width": 884, "height": 200})
    sheet(
        Bare(page),
        [one for caption in PICTURED for one in everything if one.caption == caption],
    )
    page.add_style_tag(content="figcaption { display: none }")
    page.screenshot(path=PICTURE, full_page=True)
    page.set_content(still(stage, everything))
    page.screenshot(path=SCREENSHOTS / "sheet-still.png", full_page=True)


def sheet(bare: Bare, states: list[Shown]) -> None:
    """All of them on a page, each prepared."""
    for place, state in enumerate(states):
        shown = bare.show(state.panel, state.caption)
        expect(shown.locator(".dg").first).to_be_visible(timeout=TIMEOUT_MS)
        state.prepare(shown, bare, place)
    if bare.errors:
        raise RuntimeError("\n".join(bare.errors))


if __name__ == "__main__":
    main()
