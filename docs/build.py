"""Build the documentation: the guide pages of this directory, and the reference from docstrings.

Run as ``python docs/build.py [DIRECTORY]``; by default it writes to ``build/docs``.
"""

import re
import sys
from pathlib import Path

import pdoc
import pdoc.render

import datagen_nb

HERE = Path(__file__).parent

PAGES = {
    "index": "Start",
    "command-line": "The command line",
    "operations": "Running a service",
    "settings": "Settings",
    "proxies": "Behind a proxy",
    "google-cloud": "Google Cloud",
    "deployment": "Deployment",
    "rules": "Rules and conditions",
    "report": "The report",
    "models": "Models",
    "tables": "Several tables",
    "schema": "Rows without a table",
    "privacy": "Differential privacy",
    "pipeline": "A pipeline elsewhere",
    "scale": "Past one machine",
}
"""Guide pages in their order, with the names that they have in the navigation."""

MODULES = (
    "datagen_nb",
    "datagen_nb.client.sync",
    "datagen_nb.client.history",
    "datagen_nb.client.loaded_model",
    "datagen_nb.client.models",
    "datagen_nb.client.schema",
    "datagen_nb.client.parameters",
    "datagen_nb.core.alerts",
    "datagen_nb.core.config",
    "datagen_nb.core.distribution",
    "datagen_nb.core.errors",
    "datagen_nb.core.estimates",
    "datagen_nb.core.inspection",
    "datagen_nb.core.limits",
    "datagen_nb.core.manifest",
    "datagen_nb.core.messages",
    "datagen_nb.core.ports",
    "datagen_nb.core.result",
    "datagen_nb.core.schedules",
    "datagen_nb.core.status",
    "datagen_nb.core.store",
    "datagen_nb.core.templates",
    "datagen_nb.core.tracebacks",
    "datagen_nb.core.uploads",
    "datagen_nb.core.webhooks",
    "datagen_nb.service.settings",
)
"""What a user calls and is given, and the ports that an adapter keeps."""


def build(target: Path) -> None:
    """Write all pages below a directory."""
    pdoc.render.configure(
        docformat="google",
        include_undocumented=False,
        show_source=False,
        template_directory=HERE / "templates",
    )
    for name in datagen_nb.__all__:
        getattr(datagen_nb, name)  # fetched when first used, and documented only when fetched
    pdoc.pdoc(*MODULES, output_directory=target / "api")
    template = pdoc.render.env.get_template("page.html.jinja2")
    for name, title in PAGES.items():
        text = (HERE / f"{name}.md").read_text("utf-8")
        body = pdoc.render.to_html(re.sub(r"(\]\([a-z-]+)\.md", r"\1.html", text))
        page = template.render(body=body, title=title, pages=PAGES)
        (target / f"{name}.html").write_text(page, "utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "build" / "docs")
    build(target)
    print(f"built {target / 'index.html'}")
