"""Sorting and filtering as a person does it: by the menus of the grid's headers."""

from tests.browser.lab import expect

GRID = """place => {
    const within = widget => [...(widget.children?.() ?? [])].map(find).find(Boolean);
    const find = widget => widget.dataModel && widget.viewport ? widget : within(widget);
    return find(window.jupyterapp.shell.currentWidget.content.widgets[place]);
}"""
HEADER = f"""([place, column]) => {{
    const grid = ({GRID})(place);
    const box = grid.viewport.node.getBoundingClientRect();
    const right = grid.columnOffset('body', column) + grid.columnSize('body', column);
    return [box.x + grid.headerWidth + right - grid.scrollX - 8, box.y + grid.headerHeight - 8];
}}"""
COLUMN = f"""([place, column, rows]) => {{
    const model = ({GRID})(place).dataModel;
    const count = Math.min(rows, model.rowCount('body'));
    return Array.from({{length: count}}, (_, row) => model.data('body', row, column));
}}"""

TABLE = """
import pyarrow as pa
import datagen_nb as dg
table = pa.table({"n": [2, 30, 1, None, 2**60], **{f"wide{i}": [i] * 5 for i in range(12)},
                  "cut": ["Ideal", "Good", "Ideal", "Fair", None]})
dg.view(table, renderer="ipydatagrid")
"""


def choose(notebook, column: int, item: str) -> None:
    """Open the menu of a column's header and take an item."""
    notebook.page.mouse.click(*notebook.page.evaluate(HEADER, [0, column]))
    notebook.page.locator(".lm-Menu-itemLabel", has_text=item).click()


def expect_column(notebook, column: int, values: list) -> None:
    """Wait until the grid holds these values, and no others."""
    notebook.page.wait_for_function(
        f"([place, column, rows, values]) => JSON.stringify(({COLUMN})([place, column, rows]))"
        " === JSON.stringify(values)",
        arg=[0, column, 99, values],
    )


def test_a_header_sorts_the_rows(lab):
    """As numbers, missing values last, and the line below says so."""
    notebook = lab.open(TABLE)
    notebook.run(0)
    expect_column(notebook, 0, ["2", "30", "1", None, str(2**60)])
    choose(notebook, 0, "Sort Descending")
    expect_column(notebook, 0, [str(2**60), "30", "2", "1", None])
    expect(notebook.cell(0).get_by_role("status")).to_contain_text("sorted by n ↓")
    choose(notebook, 0, "No Sort")
    expect_column(notebook, 0, ["2", "30", "1", None, str(2**60)])
    assert (notebook.errors, notebook.outside) == ([], [])


BACKGROUND = f"""() => {{
    const [red, green, blue] = ({GRID})(0).style.backgroundColor.match(/\\d+/g).map(Number);
    return red + green + blue > 384 ? 'light' : 'dark';
}}"""


def test_an_open_grid_follows_the_theme(lab):
    """It was painted in the colours of the one before."""
    notebook = lab.open(TABLE)
    notebook.run(0)
    expect_column(notebook, 0, ["2", "30", "1", None, str(2**60)])
    for theme in ("dark", "light"):
        notebook.theme(theme)
        notebook.page.wait_for_function(f"theme => ({BACKGROUND})() === theme", arg=theme)
        notebook.screenshot(f"grid-turned-{theme}.png")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_filter_shortens_the_grid(lab):
    """SelectedSource from the values there are, on a column that had to be scrolled to."""
    notebook = lab.open(TABLE)
    notebook.run(0)
    expect_column(notebook, 0, ["2", "30", "1", None, str(2**60)])
    notebook.page.evaluate(f"() => ({GRID})(0).scrollTo(10_000, 0)")
    expect_column(notebook, 13, ["Ideal", "Good", "Ideal", "Fair", None])
    choose(notebook, 13, "Filter by condition")
    dialog = notebook.page.locator(".ipydatagrid-filterMenu")
    dialog.locator("select").select_option("=")
    dialog.locator("input[type=text]:visible").last.fill("Ideal")
    dialog.get_by_role("button", name="Apply").click()
    expect(notebook.cell(0).get_by_role("status")).to_contain_text("2 of 5 rows")
    notebook.page.evaluate(f"() => ({GRID})(0).scrollTo(10_000, 0)")
    expect_column(notebook, 13, ["Ideal", "Ideal"])
    expect(notebook.cell(0).get_by_role("status")).to_contain_text("where cut is Ideal")
    notebook.screenshot("grid-filtered.png")
    notebook.cell(0).get_by_role("button", name="Clear").click()
    expect(notebook.cell(0).get_by_role("status")).to_contain_text("exact values")
    notebook.page.evaluate(f"() => ({GRID})(0).scrollTo(10_000, 0)")
    expect_column(notebook, 13, ["Ideal", "Good", "Ideal", "Fair", None])
    expect(notebook.cell(0).get_by_role("button", name="Clear")).to_be_hidden()
    assert (notebook.errors, notebook.outside) == ([], [])


def test_millions_of_rows_are_sorted(lab):
    """There is no number of rows beyond which the header does nothing."""
    notebook = lab.open(
        "import numpy as np, pyarrow as pa, datagen_nb as dg\n"
        "dg.view(pa.table({'n': np.arange(3_000_000)}), renderer='ipydatagrid')"
    )
    notebook.run(0)
    notebook.page.wait_for_function(f"() => ({GRID})(0).dataModel.data('body', 0, 0) === '0'")
    choose(notebook, 0, "Sort Descending")
    expect(notebook.cell(0).get_by_role("status")).to_contain_text("sorted by n ↓")
    notebook.page.wait_for_function(f"() => ({GRID})(0).dataModel.data('body', 0, 0) === '2999999'")
    notebook.page.evaluate(f"() => ({GRID})(0).scrollTo(0, 24 * 2_000_000)")
    notebook.page.wait_for_function(
        f"() => ({GRID})(0).dataModel.data('body', 2_000_000, 0) === '999999'"
    )
    assert (notebook.errors, notebook.outside) == ([], [])


def test_columns_that_are_not_seen_keep_their_menus(lab):
    """A reply holds the columns that are seen; the others are there all the same."""
    notebook = lab.open(TABLE)
    notebook.run(0)
    expect_column(notebook, 0, ["2", "30", "1", None, str(2**60)])
    notebook.page.evaluate(f"() => ({GRID})(0).scrollTo(10_000, 0)")
    expect_column(notebook, 13, ["Ideal", "Good", "Ideal", "Fair", None])
    choose(notebook, 13, "Sort Ascending")
    expect(notebook.cell(0).get_by_role("status")).to_contain_text("sorted by cut ↑")
    expect_column(notebook, 0, [None, "30", "2", "1", str(2**60)])
    assert (notebook.errors, notebook.outside) == ([], [])
