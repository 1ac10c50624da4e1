"""The documentation, built as ``make docs`` builds it: every link inside it leads somewhere."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

import datagen_nb as dg

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """The anchors of a page, and the addresses that it leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        self.links += [found[key] for key in ("href", "src") if found.get(key)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every page by its path."""
    target = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, ROOT / "docs" / "build.py", target], check=True)
    return {path: Page(path.read_text("utf-8")) for path in target.rglob("*.html")}


def test_every_link_leads_to_a_page_and_an_anchor_of_it(pages):
    """Internal ones; what stands elsewhere is not asked."""
    dead = []
    for path, page in pages.items():
        for link in page.links:
            place, anchor = urldefrag(link)
            if urlsplit(place).scheme:
                continue
            target = (path.parent / place).resolve() if place else path
            if target.suffix == ".html" and target in pages:
                if anchor and unquote(anchor) not in pages[target].anchors:
                    dead.append(f"{path.name}: {link}")
            elif not target.is_file():
                dead.append(f"{path.name}: {link}")
    assert dead == []


def test_every_guide_page_is_built(pages):
    """A page that is written is also reachable from the start."""
    start = next(
        page
        for path, page in pages.items()
        if path.name == "index.html" and "api" not in path.parts
    )
    written = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    assert written <= set(start.links)


def test_every_public_name_is_in_the_reference(pages):
    """What can be had from ``dg`` can be read about."""
    page = next(page for path, page in pages.items() if path.name == "datagen_nb.html")
    pages_of_their_own = {"errors", "webhooks", "PARAMETERS"}
    assert set(dg.__all__) - pages_of_their_own - {"__version__"} <= page.anchors
