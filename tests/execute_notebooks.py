"""Execute the notebooks and keep their outputs, without widget state, in place or in a folder.

Run as ``python tests/execute_notebooks.py [FOLDER]``.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SOURCE = Path(__file__).parents[1] / "notebooks"
VIEW = "application/vnd.jupyter.widget-view+json"


def execute(path: Path, target: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, resources={"metadata": {"path": SOURCE}}, store_widget_state=False
    ).execute()
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(VIEW, None)
    nbformat.write(notebook, target / path.name)
    print(f"executed {target / path.name}")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    target.mkdir(parents=True, exist_ok=True)
    for notebook in sorted(SOURCE.glob("*.ipynb")):
        execute(notebook, target)
