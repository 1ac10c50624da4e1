"""All screenshots of the browser tests on one page, to be looked at; and the picture of the README.

Run as ``python -m tests.browser.contact_sheet`` after the browser tests.
"""

import html
import shutil
from itertools import groupby
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.lab import ARGUMENTS, CHROMIUM

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "screenshots"
SHEET = "contact-sheet.png"
NARROW = ("narrow", "420", "440")
PICTURE = "studio-review-light.png"

STYLE = """
body { margin: 24px; background: #777; font: 14px system-ui, sans-serif; color: #fff }
section { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start }
figure { margin: 0 } figcaption { padding: 2px 0 } img { width: 420px; background: #fff }
img.narrow { width: 200px }
"""


def page(names: list[str]) -> str:
    """The sheet: a part for each widget."""
    parts = []
    for widget, shown in groupby(names, key=lambda name: name.split("-")[0]):
        figures = "".join(
            f'<figure><img class="{"narrow" if any(mark in name for mark in NARROW) else ""}" '
            f'src="{html.escape(name)}"><figcaption>{html.escape(name)}</figcaption></figure>'
            for name in shown
        )
        parts.append(f"<h2>{html.escape(widget)}</h2><section>{figures}</section>")
    return f"<!doctype html><title>Screenshots</title><style>{STYLE}</style>{''.join(parts)}"


def main() -> None:
    names = sorted(file.name for file in SCREENSHOTS.glob("*.png") if file.name != SHEET)
    index = SCREENSHOTS / "index.html"
    index.write_text(page(names), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        sheet = browser.new_page(viewport={"width": 1800, "height": 1000})
        sheet.goto(index.as_uri())
        sheet.screenshot(path=SCREENSHOTS / SHEET, full_page=True)
        browser.close()
    shutil.copy(SCREENSHOTS / PICTURE, ROOT / "notebooks" / "images" / "studio.png")
    print(f"{len(names)} screenshots on {SCREENSHOTS / SHEET}")


if __name__ == "__main__":
    main()
