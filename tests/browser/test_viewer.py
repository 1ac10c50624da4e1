"""Our own table as a person uses it: what is painted is what Arrow has, at any place."""

import re

import numpy as np
import pyarrow.compute as pc
import pytest

from datagen_nb.tables.cells import as_text
from tests.browser.lab import expect
from tests.browser.test_accessible import serious

ROWS = 1_000_000
SOURCE = """
import decimal, numpy as np, pyarrow as pa, pyarrow.parquet as pq, datagen_nb as dg
random = np.random.default_rng(7)
rows = %d
numbers = random.integers(-2**62, 2**62, rows)
prices = random.uniform(0, 1000, rows)
table = pa.table({
    "id": pa.array(np.arange(rows)),
    "big": pa.array(numbers, mask=random.random(rows) < .1),
    "price": prices,
    "at": pa.array(random.integers(0, 2**50, rows), pa.timestamp("us", "Europe/Berlin")),
    "word": np.array(["Ideal", "Good", "", "<b>x</b>", "null"])[random.integers(0, 5, rows)],
    "day": pa.array(random.integers(0, 20_000, rows).astype("int32"), pa.date32()),
})
pq.write_table(table, "viewed.parquet", row_group_size=200_000)
viewer = dg.view("viewed.parquet")
viewer
"""

CELLS = """grid => Object.fromEntries([...grid.querySelectorAll('[role=row]')].slice(1).map(row => [
    Number(row.getAttribute('aria-rowindex')) - 2,
    [...row.querySelectorAll('[role=gridcell]')]
        .sort((one, other) => one.ariaColIndex - other.ariaColIndex).map(cell => cell.textContent),
]))"""


def painted(grid):
    """The rows on the screen, by their place in the view."""
    return {int(row): texts for row, texts in grid.evaluate(CELLS).items()}


def expect_rows(grid, start, texts):
    """Wait until these rows are painted, cell for cell."""
    rows = {str(start + place): row for place, row in enumerate(texts)}
    grid.page.wait_for_function(
        f"([grid, rows]) => {{ const painted = ({CELLS})(grid); return Object.entries(rows)"
        ".every(([row, texts]) => JSON.stringify(painted[row]) === JSON.stringify(texts)); }",
        arg=[grid.element_handle(), rows],
    )


def texts_of(table, rows):
    """What Arrow has there, as the cells show it."""
    columns = [as_text(column).to_pylist() for column in table.take(list(rows)).columns]
    return [
        ["null" if cell is None else cell for cell in row] for row in zip(*columns, strict=True)
    ]


@pytest.fixture(scope="module")
def table():
    names = {"random": np.random.default_rng(7)}
    code = (SOURCE % ROWS).split("pq.write_table")[0].replace("datagen_nb as dg", "sys")
    exec(code, names)
    return names["table"]


@pytest.fixture
def opened(lab):
    """A notebook with the viewer, and its grid."""
    notebook = lab.open(SOURCE % ROWS, "viewer.query", "viewer.selected")
    notebook.run(0)
    grid = notebook.cell(0).get_by_role("grid")
    expect(grid.get_by_role("gridcell").first).to_be_visible()
    return notebook, grid


def status(notebook):
    return notebook.cell(0).get_by_role("status").last


def test_cells_at_random_places_are_those_of_arrow(opened, table):
    """By the scroll bar, by the keyboard, and at both ends."""
    notebook, grid = opened
    expect_rows(grid, 0, texts_of(table, range(10)))
    expect(status(notebook)).to_have_text("1,000,000 rows x 6 columns")
    scroller = grid.locator(".dgv-scroller")
    for share in [0.37, 0.91, 0.02, 0.655]:
        scroller.evaluate("(one, share) => { one.scrollTop = one.scrollHeight * share; }", share)
        notebook.page.wait_for_function(
            f"([grid, least]) => {{ const rows = Object.keys(({CELLS})(grid)).map(Number);"
            " return Math.abs(Math.min(...rows) - least) < 2_000; }",
            arg=[grid.element_handle(), int(ROWS * share)],
        )
        first = min(painted(grid))
        expect_rows(grid, first, texts_of(table, range(first, first + 10)))
    grid.press("Control+ArrowDown")  # End would go to the last column, too
    expect_rows(grid, ROWS - 5, texts_of(table, range(ROWS - 5, ROWS)))
    grid.press("Control+Home")
    expect_rows(grid, 0, texts_of(table, range(5)))
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_header_sorts_and_a_menu_filters(opened, table, theme):
    """The kernel has the same query, and the headers say how the rows are sorted."""
    notebook, grid = opened
    notebook.theme(theme)
    header = grid.get_by_role("columnheader", name=re.compile("big"))
    header.locator(".dgv-name").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect_rows(grid, 0, texts_of(table.sort_by("big"), range(8)))
    header.locator(".dgv-name").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    word = grid.get_by_role("columnheader", name=re.compile("word"))
    word.get_by_role("button").click()
    notebook.page.get_by_role("checkbox", name=re.compile("Ideal")).check()
    notebook.page.get_by_role("button", name="Show 1").click()
    kept = table.filter(pc.equal(table["word"], "Ideal"))
    expect(status(notebook)).to_have_text(f"{kept.num_rows:,} of 1,000,000 rows x 6 columns")
    expect_rows(grid, 0, texts_of(kept.sort_by([("big", "descending")]), range(8)))
    notebook.page.keyboard.press("Escape")
    notebook.screenshot(f"viewer-{theme}.png", of=notebook.cell(0))
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("OneOf")
    notebook.cell(0).get_by_role("button", name="Clear all").click()
    expect_rows(grid, 0, texts_of(table, range(5)))
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_search_goes_to_its_matches(opened, table):
    """The number of rows that match, and the next one."""
    notebook, grid = opened
    box = notebook.cell(0).get_by_role("searchbox", name="Search the table")
    texts = as_text(table["price"]).to_pylist()
    sought = texts[654_321][:9]
    box.fill(sought)
    expect(notebook.cell(0).get_by_text(re.compile(r"^1 match$"))).to_be_visible()
    expect_rows(grid, 654_321, texts_of(table, [654_321]))
    box.fill("no such text")
    expect(notebook.cell(0).get_by_text("No match")).to_be_visible()
    assert (notebook.errors, notebook.outside) == ([], [])


def test_marked_cells_are_copied_and_are_a_frame(opened, table):
    """By the keyboard, as in a spreadsheet."""
    notebook, grid = opened
    expect_rows(grid, 0, texts_of(table, range(5)))
    grid.focus()
    for key in ["ArrowDown", "Control+Home", "ArrowRight", "Shift+ArrowDown", "Shift+ArrowRight"]:
        grid.press(key)
    grid.press("Control+c")
    expect(status(notebook)).to_contain_text("4 cells copied")
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text("price")
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_viewer(lab, theme):
    """A search, a filter and a cell open; the menus too."""
    notebook = lab.open(
        "import datagen_nb as dg\ndg.view('data/diamonds.parquet', query={'filter': "
        "{'kind': 'one_of', 'column': 'cut', 'values': ['Ideal']}, 'sorts': [{'column': 'x'}]})"
    )
    notebook.theme(theme)
    notebook.run(0)
    cell = notebook.cell(0)
    grid = cell.get_by_role("grid")
    expect(grid.get_by_role("gridcell").first).to_be_visible()
    cell.get_by_role("searchbox", name="Search the table").fill("SI2")
    expect(cell.get_by_role("button", name="Next match")).to_be_visible()
    grid.press("Enter")
    expect(cell.get_by_role("complementary")).to_be_visible()
    assert serious(notebook.page) == []
    for name in ("Columns", "Export", "cut"):
        place = cell if name != "cut" else grid.get_by_role("columnheader", name=re.compile("cut"))
        place.get_by_role("button", name=re.compile(name)).first.click()
        assert serious(notebook.page) == []
        notebook.page.keyboard.press("Escape")
    notebook.screenshot(f"viewer-open-{theme}.png", of=cell)


def order(grid):
    """Names of the columns, as they stand."""
    headers = grid.get_by_role("columnheader").all()[1:]
    places = [
        (header.bounding_box()["x"], header.locator(".dgv-label").inner_text())
        for header in headers
    ]
    return [name for _, name in sorted(places)]


def test_columns_are_moved_in_their_panel(opened):
    """By drag, down and up; the rows follow."""
    notebook, grid = opened
    notebook.cell(0).get_by_role("button", name="Columns").click()
    listed = notebook.page.get_by_role("list", name="Columns").get_by_role("listitem")
    listed.filter(has_text="id").first.drag_to(listed.filter(has_text="price"))
    expect(listed.nth(2)).to_contain_text("id")
    listed.filter(has_text="day").drag_to(listed.nth(0))
    expect(listed.nth(0)).to_contain_text("day")
    notebook.page.keyboard.press("Escape")
    assert order(grid)[:4] == ["day", "big", "price", "id"]
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_histogram_filters_by_brushing(opened, table):
    """From one bar to another, of the rows that other filters keep."""
    notebook, grid = opened
    histogram = grid.get_by_role("columnheader", name=re.compile("id")).get_by_role("img")
    expect(histogram).to_be_visible()
    box = histogram.bounding_box()
    step = box["width"] / 20
    notebook.page.mouse.move(box["x"] + 2.5 * step, box["y"] + 10)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 4.5 * step, box["y"] + 10, steps=3)
    notebook.page.mouse.up()
    expect(status(notebook)).to_have_text("150,000 of 1,000,000 rows x 6 columns")
    expect_rows(grid, 0, texts_of(table, [100_000]))
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_menu_formats_a_column_and_draws_it(lab, theme):
    """Cells are written anew, and the query says how; a chart is saved as a picture."""
    notebook = lab.open(
        "import datagen_nb as dg\nviewer = dg.view('data/diamonds.parquet')\nviewer", "viewer.query"
    )
    notebook.theme(theme)
    notebook.run(0)
    cell = notebook.cell(0)
    price = cell.get_by_role("columnheader", name=re.compile("price"))
    price.get_by_role("button").click()
    menu = notebook.page.get_by_role("group", name="Format of price")
    menu.get_by_role("combobox", name="Format", exact=True).select_option("Currency")
    expect(cell.get_by_role("gridcell", name="€326.00").first).to_be_visible()
    menu.get_by_role("combobox", name="Currency", exact=True).select_option("USD")
    menu.get_by_role("combobox", name="Fill", exact=True).select_option("Bars")
    expect(cell.get_by_role("gridcell", name="$326.00").first).to_be_visible()
    expect(cell.locator(".dgv-fill-bar").first).to_be_visible()
    notebook.page.get_by_role("button", name="Chart").click()
    notebook.page.keyboard.press("Escape")
    chart = cell.get_by_role("region", name="Chart")
    chart.get_by_role("combobox", name="And").select_option("cut")
    expect(chart.get_by_role("img", name="Rows by price and cut")).to_be_visible()
    assert serious(notebook.page) == []
    for kind in ("PNG", "SVG"):
        with notebook.page.expect_download() as download:
            chart.get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"chart.{kind.lower()}"
        assert download.value.path().stat().st_size > 1_000
    notebook.screenshot(f"viewer-charted-{theme}.png", of=cell)
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("style='currency'")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_two_tables_scroll_together_and_share_a_filter(lab):
    """And differences are counted anew for the rows that are left."""
    notebook = lab.open(
        "import pandas as pd, datagen_nb as dg\n"
        "words = ['a', 'b', 'c', 'd'] * 5_000\n"
        "real = pd.DataFrame({'id': range(20_000), 'word': words})\n"
        "made = pd.DataFrame({'more': 1, 'word': words[:10_000], 'id': range(10_000)})\n"
        "comparison = dg.compare(real, made)\ncomparison",
        "comparison.synthetic.query",
    )
    notebook.run(0)
    cell = notebook.cell(0)
    left, right = (cell.get_by_role("grid").nth(place) for place in range(2))
    differences = cell.get_by_role("region", name="Differences").get_by_role("status")
    expect_rows(left, 0, [["0", "a"], ["1", "b"]])
    expect_rows(right, 0, [["1", "a", "0"], ["1", "b", "1"]])
    expect(differences).to_contain_text("2 columns")
    expect(differences).to_contain_text("1 not compared")
    left.locator(".dgv-scroller").evaluate("one => { one.scrollTop = 24 * 5_000; }")
    expect_rows(right, 5_001, [["1", "b", "5001"]])
    right.locator(".dgv-scroller").evaluate("one => { one.scrollTop = 24 * 100; }")
    expect_rows(left, 101, [["101", "b"]])
    left.get_by_role("columnheader", name=re.compile("word")).get_by_role("button").click()
    notebook.page.get_by_role("checkbox", name=re.compile("^c")).check()
    notebook.page.get_by_role("button", name="Show 1").click()
    notebook.page.keyboard.press("Escape")
    expect(cell.get_by_text("5,000 of 20,000 rows x 2 columns")).to_be_visible()
    expect(cell.get_by_text("2,500 of 10,000 rows x 3 columns")).to_be_visible()
    expect_rows(right, 101, [["1", "c", "406"]])
    expect_rows(left, 101, [["406", "c"]])
    expect(differences).to_contain_text("2 columns")
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("column=1")
    assert serious(notebook.page) == []
    notebook.screenshot("comparison.png", of=cell)
    assert (notebook.errors, notebook.outside) == ([], [])
