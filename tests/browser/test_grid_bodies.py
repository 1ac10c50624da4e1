"""One suite over both bodies of a view: painted is what Arrow has, and controls do the same.

Of ipydatagrid, which paints on a canvas, the texts are those that its canvas was given.
"""

import re

import numpy as np
import pyarrow.compute as pc
import pytest

from datagen_nb.tables.cells import as_text
from tests.browser.lab import expect

ROWS = 200_000
SOURCE = f"""
import numpy as np, pyarrow as pa
random = np.random.default_rng(7)
rows = {ROWS}
table = pa.table({{
    "big": pa.array(random.integers(-2**62, 2**62, rows), mask=random.random(rows) < .1),
    "at": pa.array(random.integers(0, 2**50, rows), pa.timestamp("us", "Europe/Berlin")),
    "word": np.array(["Ideal", "Good", "", "<b>x</b>", "null"])[random.integers(0, 5, rows)],
}})
"""
SHOW = "import datagen_nb as dg\ndg.view(table, renderer={!r})"

WATCH = """() => {
    const painted = (window.painted = []);
    const {fillText} = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        painted.push(String(text));
        return fillText.call(this, text, ...place);
    };
}"""


class Table:
    """Our own body, of elements."""

    renderer = "table"

    def __init__(self, notebook):
        self._notebook = notebook
        self._grid = notebook.cell(0).get_by_role("grid")

    def shows(self, row, texts):
        """Wait until a row is painted so."""
        line = self._grid.locator(f"[role=row][aria-rowindex='{row + 2}']").get_by_role("gridcell")
        expect(line).to_have_text(texts)

    def go_to(self, row):
        """Scroll until a row is the first one."""
        scroller = self._grid.locator(".dgv-scroller")
        scroller.evaluate("(one, row) => { one.scrollTop = 24 * row; }", row)

    def sort_descending(self, column):
        header = self._grid.get_by_role("columnheader", name=re.compile(column))
        header.get_by_role("button").click()
        self._notebook.page.get_by_role("button", name="Sort descending").click()

    def keep(self, column, value):
        """Show the rows alone that have a value."""
        header = self._grid.get_by_role("columnheader", name=re.compile(column))
        header.get_by_role("button").click()
        form = self._notebook.page.get_by_role("form", name=f"Filter of {column}")
        form.get_by_role("combobox").select_option("=")
        form.get_by_role("textbox", name="Value").fill(value)
        form.get_by_role("button", name="Filter").click()

    def clear(self):
        """Show all rows in their own order."""
        self._notebook.cell(0).get_by_role("button", name="Clear all").click()

    def status(self):
        """The line below the rows."""
        return self._notebook.cell(0).get_by_role("status").last


GRID = """(() => {
    const within = widget => [...(widget.children?.() ?? [])].map(find).find(Boolean);
    const find = widget => widget.dataModel && widget.viewport ? widget : within(widget);
    return find(window.jupyterapp.shell.currentWidget.content.widgets[0]);
})()"""


class DataGrid:
    """The body of ipydatagrid, a canvas."""

    renderer = "ipydatagrid"
    columns = ("big", "at", "word")

    def __init__(self, notebook):
        self._page = notebook.page
        self._cell = notebook.cell(0)

    def shows(self, row, texts):
        """Wait until a row's cells are there and were painted, in their order."""
        self._page.wait_for_function(
            f"""([row, texts]) => {{
                const model = {GRID}?.dataModel;
                if (!model) return false;
                const held = texts.map((_, column) => model.data('body', row, column) ?? 'null');
                const isHeld = JSON.stringify(held) === JSON.stringify(texts);
                return isHeld && texts.every(text => text === '' || painted.includes(text));
            }}""",
            arg=[row, texts],
        )

    def go_to(self, row):
        self._page.evaluate(f"row => {{ painted.length = 0; {GRID}.scrollTo(0, 24 * row); }}", row)

    def _menu(self, column, item):
        place = self.columns.index(column)
        at = self._page.evaluate(
            f"""column => {{
                const grid = {GRID};
                const box = grid.viewport.node.getBoundingClientRect();
                const right = grid.columnOffset('body', column) + grid.columnSize('body', column);
                return [box.x + grid.headerWidth + right - grid.scrollX - 8,
                        box.y + grid.headerHeight - 8];
            }}""",
            place,
        )
        self._page.mouse.click(*at)
        self._page.locator(".lm-Menu-itemLabel", has_text=item).click()

    def sort_descending(self, column):
        self._menu(column, "Sort Descending")

    def keep(self, column, value):
        self._menu(column, "Filter by condition")
        dialog = self._page.locator(".ipydatagrid-filterMenu")
        dialog.locator("select").select_option("=")
        dialog.locator("input[type=text]:visible").last.fill(value)
        dialog.get_by_role("button", name="Apply").click()

    def clear(self):
        self._cell.get_by_role("button", name="Clear").click()

    def status(self):
        return self._cell.get_by_role("status")


@pytest.fixture(scope="module")
def table():
    names = {}
    exec(SOURCE, names)
    return names["table"]


@pytest.fixture(params=[Table, DataGrid])
def body(request, lab):
    notebook = lab.open(SOURCE + SHOW.format(request.param.renderer))
    notebook.page.evaluate(WATCH)
    notebook.run(0)
    yield request.param(notebook)
    assert (notebook.errors, notebook.outside) == ([], [])


def texts_of(table, row):
    """A row as Arrow has it, each cell as text."""
    cells = [as_text(column).to_pylist()[0] for column in table.slice(row, 1).columns]
    return ["null" if cell is None else cell for cell in cells]


def test_painted_texts_are_those_of_arrow_at_random_places(body, table):
    """Exact integers, zones and markup, wherever one scrolls to, and at both ends."""
    body.shows(0, texts_of(table, 0))
    for row in np.random.default_rng(11).integers(0, ROWS - 100, 6).tolist():
        body.go_to(row)
        for place in (row + 1, row + 5):
            body.shows(place, texts_of(table, place))
    body.go_to(ROWS)
    body.shows(ROWS - 1, texts_of(table, ROWS - 1))


def test_controls_select_the_same_rows(body, table):
    """A sort and a filter of the headers' menus, and all rows again."""
    body.shows(1, texts_of(table, 1))
    body.sort_descending("big")
    body.shows(0, texts_of(table.sort_by([("big", "descending")]), 0))
    body.keep("word", "Ideal")
    kept = table.filter(pc.equal(table["word"], "Ideal")).sort_by([("big", "descending")])
    expect(body.status()).to_contain_text(f"{kept.num_rows:,} of {ROWS:,} rows")
    for row in (0, 3):
        body.shows(row, texts_of(kept, row))
    body.clear()
    body.shows(2, texts_of(table, 2))
