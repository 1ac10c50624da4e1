"""The README: its cells run in their order, anywhere."""

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path

import datagen_nb as dg

ROOT = Path(__file__).parents[2]


def test_the_cells_of_the_readme_run_in_an_empty_folder(tmp_path, monkeypatch):
    """What a new user copies works, with nothing but a file of one's own."""
    monkeypatch.chdir(tmp_path)
    dg.sample_data("diamonds").to_parquet("diamonds.parquet")
    text = (ROOT / "README.md").read_text("utf-8")
    cells = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(cells) > 6
    names: dict[str, object] = {}
    try:
        for cell in cells:
            code = compile(cell, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(eval(code, dict(names)))  # another client, for a loop of one's own
            else:
                eval(code, names)
        assert len(names["data"]) == 100_000
        names["client"].close()
    finally:
        subprocess.run([sys.executable, "-m", "datagen_nb", "stop"], check=True)
