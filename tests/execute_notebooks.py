"""Execute the notebooks and keep their outputs, without widget state."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.notebook_needs import lacking

SOURCE = Path(__file__).parents[1] / "notebooks"
VIEW = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        resources={"metadata": {"path": SOURCE}},
        store_widget_state=False,
        coalesce_streams=True,
    ).execute()
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(VIEW, None)
    nbformat.write(notebook, path)
    print(f"executed {path}")


if __name__ == "__main__":
    for notebook in sorted(SOURCE.glob("*.ipynb")):
        if lacks := lacking(notebook):
            print(f"skipped {notebook}: it needs {', '.join(lacks)}")
        else:
            execute(notebook)
