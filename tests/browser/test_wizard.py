"""The wizard as a person in JupyterLab meets it: from a table to a result, and what goes wrong."""

import hashlib
import re
import time
from pathlib import Path

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
    expect(wizard).to_contain_text(re.compile(r"[\d,]+ rows × 10 columns"))
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

    cut = wizard.get_by_label("Kind of cut")
    expect(cut).to_have_value("categorical")
    expect(wizard.get_by_role("img", name=re.compile("Most often Ideal"))).to_be_visible()
    notebook.screenshot(f"wizard-columns-{theme}.png")
    wizard.get_by_label("Kind of clarity").select_option("text")
    wizard.get_by_role("button", name="Next").click()

    wizard.get_by_label("Format").select_option("csv")
    wizard.get_by_label("Tags").fill("demo, first")
    notebook.screenshot(f"wizard-output-{theme}.png")
    wizard.get_by_role("button", name="Next").click()

    expect(
        wizard.get_by_role("heading", name="2,000 rows like data/diamonds.parquet")
    ).to_be_focused()
    expect(wizard).to_contain_text("starts at once")
    expect(wizard.get_by_role("row", name=re.compile("^new")).first).to_be_visible()
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


DROPPED = """
() => {
    const held = new DataTransfer();
    const text = 'a,b\\n' + Array.from({length: 500}, (_, n) => `${n},${n % 7}`).join('\\n');
    held.items.add(new File([text], 'dropped.csv', {type: 'text/csv'}));
    return held;
}
"""


def test_a_file_is_dropped(lab):
    """It is looked at, and the notebook around it takes no notice."""
    notebook = lab.open(OPEN.format(target=LOCAL))
    notebook.run(0)
    wizard = notebook.cell(0).get_by_role("region", name="Wizard")
    place = wizard.get_by_text("Drop a file")
    held = notebook.page.evaluate_handle(DROPPED)
    place.dispatch_event("dragover", {"dataTransfer": held})
    expect(wizard.locator(".dg-over")).to_be_visible()
    place.dispatch_event("drop", {"dataTransfer": held})
    expect(wizard).to_contain_text("dropped.csv500 rows × 2 columns")
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.parametrize("way", ["cancelled", "reloaded"])
def test_an_upload_goes_on_where_it_broke_off(lab, tmp_path, way):
    """Chunk by chunk, with progress; what has arrived is not sent again, though the page is new."""
    path = tmp_path / f"{way}.csv"
    with path.open("w") as file:
        file.write(f"{way},y\n")
        file.writelines(f"{n},{n % 101}\n" for n in range(3_000_000))
    notebook = lab.open(OPEN.format(target=LOCAL))
    sent = []
    notebook.page.on(
        "websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(len(frame)))
    )
    notebook.reload()
    notebook.run(0)
    wizard = notebook.cell(0).get_by_role("region", name="Wizard")
    wizard.get_by_label("Choose a file").set_input_files(path)
    bar = wizard.get_by_role("progressbar", name=f"Sending {way}.csv")
    expect(bar).to_be_visible()
    expect(wizard).to_contain_text(re.compile(r"\d MB of \d+ MB · .*/s"))
    if way == "cancelled":
        notebook.screenshot("wizard-sending.png")
        wizard.get_by_role("button", name="Cancel").click()
    else:
        notebook.reload()
    expect(bar).to_have_count(0)
    before = sum(sent)
    wizard.get_by_label("Choose a file").set_input_files(path)
    expect(wizard).to_contain_text(f"{way}.csvabout 3,")
    expect(wizard).to_contain_text("rows × 2 columns")
    assert sum(sent) - before < path.stat().st_size - (1 << 20)
    assert (notebook.errors, notebook.outside) == ([], [])


@pytest.mark.gigabyte
@pytest.mark.timeout(900)
def test_a_gigabyte_arrives_whole(lab, tmp_path):
    """Its digest is that of the file, and nothing of it stays in the kernel's memory."""
    path = tmp_path / "vast.csv"
    block = "".join(f"{n},{n % 101},{n * 7919 % 1000003}\n" for n in range(70_000)).encode()
    with path.open("wb") as file:
        file.write(b"x,y,z\n")
        while file.tell() < 1 << 30:
            file.write(block)
    notebook = lab.open(
        OPEN.format(target=LOCAL),
        "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)",
    )
    notebook.run(0)
    wizard = notebook.cell(0).get_by_role("region", name="Wizard")
    began = time.perf_counter()
    wizard.get_by_label("Choose a file").set_input_files(path)
    expect(wizard.get_by_role("progressbar")).to_be_visible()
    expect(wizard).to_contain_text(re.compile(r"vast\.csvabout [\d,]+ rows"), timeout=800_000)
    took = time.perf_counter() - began
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    arrived = Path(lab.work.parent / "home" / "buckets" / "local" / "inputs" / f"{digest}.csv")
    assert arrived.stat().st_size == path.stat().st_size
    notebook.run(1)
    assert int(notebook.cell(1).inner_text().strip()) < 600
    print(f"1 GiB in {took:.0f} s, its digest included")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_the_keyboard_alone_completes_the_wizard(lab):
    """Tab, type, Enter; the focus is always somewhere that one sees."""
    notebook = lab.open(OPEN.format(target=MOCK))
    notebook.run(0)
    cell = notebook.cell(0)
    wizard = cell.get_by_role("region", name="Wizard")
    keys = notebook.page.keyboard
    frame = wizard.get_by_role("button", name="prices 200 × 2")
    expect(frame).to_be_visible()
    wizard.get_by_role("button", name="Data").focus()
    for _ in range(12):
        if frame.evaluate("button => button === document.activeElement"):
            break
        keys.press("Tab")
    expect(frame).to_be_focused()
    keys.press("Enter")
    expect(wizard).to_contain_text("prices200 rows × 2 columns")

    def on(title):
        for _ in range(12):
            keys.press("Tab")
            at = notebook.page.evaluate("document.activeElement.textContent")
            if at in ("Next", "Submit"):
                break
        keys.press("Enter")
        expect(wizard.get_by_role("heading", name=title)).to_be_focused()

    on("How many rows?")
    keys.press("Tab")
    expect(wizard.get_by_label("Rows to make")).to_be_focused()
    keys.press("Control+a")
    keys.type("70")
    keys.press("Enter")
    expect(wizard.get_by_role("heading", name="What kind is each column?")).to_be_focused()
    on("What becomes of the result?")
    on("70 rows like prices")
    for _ in range(12):
        keys.press("Tab")
        if notebook.page.evaluate("document.activeElement.textContent") == "Submit":
            break
    keys.press("Enter")
    card = cell.get_by_role("region", name="Job prices")
    expect(card.get_by_role("status").first).to_have_text("Completed")
    assert (notebook.errors, notebook.outside) == ([], [])


HOSTILE = """
import datagen_nb as dg, pandas as pd
client = dg.connect({target})
odd = pd.DataFrame({{
    "<img src=x onerror=document.title='owned'>": [1, 2] * 50,
    "\\x1b[31mred\\x1b[0m": ["<script>document.title='owned'</script>"] * 100,
    "\\u202etxt.exe": ["\\u202eabc", "d"] * 50,
    "w" * 10_000: range(100),
}})
wizard = dg.wizard(client)
wizard.use(odd)
wizard.update(rows=5, name="<b>bold</b>\\u202e" + "n" * 150)
wizard
"""


@pytest.mark.parametrize("width", [1100, 420])
def test_hostile_names_are_text(lab, width):
    """Markup, escapes, marks that turn the writing round, names that never end; wide and narrow."""
    notebook = lab.open(HOSTILE.format(target=LOCAL), width=width)
    notebook.run(0)
    wizard = notebook.cell(0).get_by_role("region", name="Wizard")
    wizard.get_by_role("button", name="Columns").click()
    expect(wizard.get_by_text("<img src=x").first).to_be_visible()
    notebook.screenshot(f"wizard-hostile-columns-{width}.png")
    wizard.get_by_role("button", name="Review").click()
    expect(wizard.get_by_role("row", name=re.compile("^new")).first).to_be_visible()
    notebook.screenshot(f"wizard-hostile-review-{width}.png")
    assert wizard.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert notebook.page.title() != "owned"
    assert notebook.page.locator(".dg-wizard img, .dg-wizard script").count() == 0
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_narrow_wizard_has_its_steps_in_a_row(lab):
    """320 px: nothing is cut off, every step can be used."""
    notebook = lab.open(OPEN.format(target=LOCAL), width=480)
    notebook.run(0)
    wizard = notebook.cell(0).get_by_role("region", name="Wizard")
    wizard.get_by_role("button", name="prices 200 × 2").click()
    expect(wizard).to_contain_text("200 rows × 2 columns")
    notebook.screenshot("wizard-narrow-data.png")
    for step in ("Make", "Columns", "Output", "Review"):
        wizard.get_by_role("button", name=step).click()
        expect(wizard.get_by_role("form", name=step)).to_be_visible()
        notebook.screenshot(f"wizard-narrow-{step.lower()}.png")
        assert wizard.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert (notebook.errors, notebook.outside) == ([], [])


def test_a_wizard_whose_kernel_is_gone_says_so(lab):
    """And what to do; nothing can be pressed."""
    notebook = lab.open(OPEN.format(target=MOCK))
    notebook.run(0)
    wizard = notebook.cell(0).get_by_role("region", name="Wizard")
    expect(wizard.get_by_role("button", name="Refresh")).to_be_enabled()
    notebook.restart_kernel()
    expect(wizard.get_by_role("alert")).to_contain_text("Not connected")
    expect(wizard.get_by_role("button", name="Refresh")).to_be_disabled()


REFUSED = """
import datagen_nb as dg
client = dg.connect("mock", scenario="{scenario}", speed=1)
client.set_max_waiting(0)
jobs = [client.submit("data/diamonds.parquet", rows=10, name=f"busy {{n}}") for n in range({busy})]
wizard = dg.wizard(client)
wizard.use("data/diamonds.parquet")
wizard.step = "review"
wizard
"""


def test_limits_are_reported_before_and_a_refusal_after_the_submit(lab):
    """All slots taken and no queue: why, and what to do."""
    notebook = lab.open(REFUSED.format(scenario="slow", busy=5))
    notebook.run(0)
    wizard = notebook.cell(0).get_by_role("region", name="Wizard")
    expect(wizard).to_contain_text("5 jobs run (at most 5)")
    wizard.get_by_role("button", name="Submit").click()
    expect(wizard.get_by_role("alert")).to_contain_text("cancel one")
    notebook.screenshot("wizard-refused.png")


def test_a_failure_is_edited_and_run_again(lab):
    """From the card of what failed into a wizard with its configuration."""
    notebook = lab.open(
        "import datagen_nb as dg\nclient = dg.connect()\n"
        "open('ragged.csv', 'w').write('a,b\\n' + '1,2\\n' * 50 + '1,2,3\\n' + '1,2\\n' * 50)\n"
        "job = client.submit('ragged.csv', rows=10)\njob"
    )
    notebook.run(0)
    cell = notebook.cell(0)
    card = cell.get_by_role("region", name="Job ragged").first
    card.get_by_role("button", name="Edit and rerun").click()
    wizard = cell.get_by_role("region", name="Wizard")
    expect(wizard.get_by_role("alert")).to_be_visible()
    notebook.screenshot("wizard-edit.png")
    wizard.get_by_label("Invalid lines").select_option("skip")
    expect(wizard).to_contain_text("rows × 2 columns")
    wizard.get_by_role("button", name="Review").click()
    wizard.get_by_role("button", name="Submit").click()
    again = cell.get_by_role("region", name="Job ragged").nth(1)
    expect(again.get_by_role("status").first).to_have_text("Completed")
    assert (notebook.errors, notebook.outside) == ([], [])
