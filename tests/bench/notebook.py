"""Cards in a real notebook: messages, bytes, the kernel's loop, how soon a change is painted.

    python -m tests.bench.notebook

JupyterLab, its kernel and Chromium run on this machine, so they take from one another.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from tests.browser.lab import jupyterlab

DATA = Path(__file__).parents[2] / "notebooks" / "data"
CARDS = 100
SECONDS = 20
MESSAGES_ALLOWED, BYTES_ALLOWED = 1_000, 1_000_000
"""A second, as a Jupyter server is set up."""

CONNECT = """
import asyncio, time
import datagen_nb as dg
from IPython.display import display
client = dg.connect("mock", scenario="slow", speed=0.5)
client.set_max_waiting(100)
late = []
async def lateness():
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.01)
        late.append(time.perf_counter() - before - 0.01)
watching = asyncio.ensure_future(lateness())
"""

SUBMIT = f"""
jobs = [client.submit("data/diamonds.parquet", rows=1_000_000, name=f"job {{n}}")
        for n in range({CARDS})]
for job in jobs[:50]:
    display(job)
"""

CHANGES = """
import threading
changed = {}
late.clear()
def change():
    for job in jobs[60:90]:
        before = time.time()
        job.pause()
        changed[job.id] = (before, time.time())
        time.sleep(0.5)
threading.Thread(target=change).start()
"""

SEEN = """() => {
    window.__seen = {};
    new MutationObserver(() => {
        for (const card of document.querySelectorAll('.dg-card.dg-paused')) {
            const id = card.querySelector('.dg-id').title;
            if (id in window.__seen) continue;
            window.__seen[id] = 0;
            requestAnimationFrame(() => { window.__seen[id] = Date.now() / 1000; });
        }
    }).observe(document.body, {subtree: true, attributes: true, attributeFilter: ['class']});
}"""

TIMES = """
import json
print(json.dumps({"changed": changed, "late": sorted(late)}))
"""


def main() -> None:
    """Measure and print."""
    root = Path(tempfile.mkdtemp(prefix="datagen-bench-"))
    os.environ["DATAGEN_HOME"] = str(root / "home")
    (root / "work").mkdir()
    shutil.copytree(DATA, root / "work" / "data")
    try:
        with jupyterlab(root) as lab:
            frames: list[str | bytes] = []
            notebook = lab.open(
                CONNECT,
                "client.submit('data/diamonds.parquet', rows=1_000)",
                "[job.cancel() for job in client.jobs.running()]\n" + SUBMIT,
                "for job in jobs[50:]:\n    display(job)",
                CHANGES,
                TIMES,
            )
            page = notebook.page
            page.on(
                "websocket",
                lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)),
            )
            notebook.reload()
            notebook.run(0)
            began = time.perf_counter()
            notebook.run(1, wait=False)
            page.locator(".dg-card").first.wait_for()
            print(
                f"first card painted after {time.perf_counter() - began:.2f} s, its cell included"
            )
            notebook.run(2)
            notebook.run(3)
            page.wait_for_function(
                "cards => document.querySelectorAll('.dg-card').length > cards", arg=CARDS
            )
            frames.clear()
            page.wait_for_timeout(SECONDS * 1000)
            messages = len(frames) / SECONDS
            size = sum(map(len, frames)) / SECONDS
            print(
                f"{CARDS} live cards: {messages:.1f} messages/s "
                f"({messages / MESSAGES_ALLOWED:.1%} of what is allowed), "
                f"{size / 1000:.1f} kB/s ({size / BYTES_ALLOWED:.1%})"
            )
            page.evaluate(SEEN)
            notebook.run(4)
            page.wait_for_function(
                "() => Object.values(window.__seen).filter(Boolean).length >= 30", timeout=60_000
            )
            seen = page.evaluate("() => window.__seen")
            notebook.run(5)
            reported = json.loads(notebook.cell(5).locator("pre").inner_text())
            asked = sorted(seen[job] - before for job, (before, _) in reported["changed"].items())
            answered = sorted(seen[job] - after for job, (_, after) in reported["changed"].items())
            print(
                f"change to pixels: p50 {asked[15] * 1000:.0f} ms, p95 {asked[28] * 1000:.0f} ms "
                f"from asking; p95 {answered[28] * 1000:.0f} ms from the service's answer"
            )
            late = reported["late"]
            print(f"the kernel's loop was late by at most {late[-1] * 1000:.0f} ms")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
