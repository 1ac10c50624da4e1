"""The viewer in JupyterLab in Chromium: jumps until they are painted, bytes of a sideways scroll.

    python -m tests.bench.viewer_page [rows]

Both bodies jump over `rows` x 20 rows of Parquet; our own is scrolled over 10,000 columns.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Page

from tests.bench.viewer import GROUP, ROWS, WIDE, write
from tests.browser.lab import Lab, jupyterlab

JUMPS = 60
SETTLED_MS = 2_000

SHOW = "import datagen_nb as dg\ndg.view({!r}, renderer={!r})"

GRID = """
    const within = widget => [...(widget.children?.() ?? [])].map(find).find(Boolean);
    const find = widget => widget.dataModel && widget.viewport ? widget : within(widget);
    const grid = find(window.jupyterapp.shell.currentWidget.content.widgets[0]);
"""

PAINTED = """(condition, begin) => new Promise(done => {
    const look = () => condition() ? requestAnimationFrame(() => done(performance.now() - begin))
                                   : requestAnimationFrame(look);
    look();
})"""

JUMP = {
    "table": f"""share => {{
        const scroller = document.querySelector('.dgv-scroller');
        const first = () => document.querySelector('.dgv-body [aria-rowindex]').ariaRowIndex;
        const before = first();
        const begin = performance.now();
        scroller.scrollTop = share * (scroller.scrollHeight - scroller.clientHeight);
        const isPainted = () => first() !== before
            && document.querySelector('.dgv-body .dgv-pending') === null;
        return ({PAINTED})(isPainted, begin);
    }}""",
    "ipydatagrid": f"""share => {{
        {GRID}
        const begin = performance.now();
        grid.scrollTo(0, share * grid.maxScrollY);
        const [row, column] = [grid.rowAt('body', grid.scrollY), 0];
        const last = row + Math.floor(grid.pageHeight / 24) - 1;
        const isPainted = () => [row, last].every(
            one => grid.dataModel.data('body', one, column) !== '...');
        return ({PAINTED})(isPainted, begin);
    }}""",
}
READY = {
    "table": "() => document.querySelector('.dgv-body .dgv-cell:not(.dgv-pending)') !== null",
    "ipydatagrid": f"""() => {{
        {GRID}
        return grid && grid.dataModel.data('body', 0, 0) !== '...';
    }}""",
}


def jumps(lab: Lab, path: Path, renderer: str) -> None:
    """Print how long jumps take to places that were not seen before."""
    notebook = lab.open(SHOW.format(str(path), renderer))
    page = notebook.page
    notebook.run(0)
    page.wait_for_function(READY[renderer])
    page.wait_for_timeout(SETTLED_MS)
    times = []
    for share in np.random.default_rng(5).random(JUMPS).tolist():
        times.append(page.evaluate(JUMP[renderer], share))
        page.wait_for_timeout(100)
    half, most = np.percentile(times, [50, 95])
    print(f"{renderer}: jump to painted p50 {half:.0f} ms, p95 {most:.0f} ms", flush=True)
    lab.tidy()


def received(page: Page) -> list[str | bytes]:
    """The frames of the page's sockets, from now on."""
    frames: list[str | bytes] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)),
    )
    return frames


def sideways(lab: Lab, path: Path) -> None:
    """Print what is sent for a scroll over columns that were not seen before."""
    notebook = lab.open(SHOW.format(str(path), "table"))
    frames = received(notebook.page)
    notebook.reload()
    notebook.run(0)
    notebook.page.wait_for_function(READY["table"])
    notebook.page.wait_for_timeout(SETTLED_MS)
    for share in (0.3, 0.6, 0.9):
        frames.clear()
        notebook.page.evaluate(
            "share => { const one = document.querySelector('.dgv-scroller');"
            " one.scrollLeft = share * one.scrollWidth; }",
            share,
        )
        notebook.page.wait_for_timeout(SETTLED_MS)
        ours = [one for one in frames if _is_ours(one)]
        print(
            f"10 x {WIDE:,}: a sideways scroll sends {sum(map(len, ours)):,} bytes in "
            f"{len(ours)} messages, {sum(map(len, frames)):,} with Jupyter's own",
            flush=True,
        )
    lab.tidy()


def _is_ours(frame: str | bytes) -> bool:
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    return json.dumps("comm_msg") in text.replace(" ", "")


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    root = Path(tempfile.mkdtemp(prefix="datagen-bench-"))
    try:
        with jupyterlab(root) as lab:
            many, wide = root / "many.parquet", root / "wide.parquet"
            write(many, rows, GROUP)
            for renderer in JUMP:
                jumps(lab, many, renderer)
            pq.write_table(pa.table({f"column{place}": range(10) for place in range(WIDE)}), wide)
            sideways(lab, wide)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
