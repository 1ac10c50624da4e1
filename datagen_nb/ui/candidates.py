"""Tables that lie at hand: frames of the notebook, files beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datagen_nb.core.formats import format_of

MOST = 50
DEEPEST = 2
"""Folders below the notebook's own."""


def candidates() -> dict[str, Any]:
    """The frames of the notebook and the files beside it."""
    return {"frames": frames(namespace()), "files": files(Path.cwd())}


def namespace() -> Mapping[str, Any]:
    """The names of the notebook; none where there is no notebook."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return {} if shell is None else dict(shell.user_ns)


def frames(names: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Frames and tables by name: their shapes, and the bytes that they take in memory."""
    found: list[dict[str, Any]] = []
    for name, value in names.items():
        if not name.startswith("_") and is_frame(value):
            rows, columns = value.shape
            size = value.memory_usage(deep=False).sum() if hasattr(value, "iloc") else value.nbytes
            found.append({"name": name, "rows": rows, "columns": columns, "size": int(size)})
    return sorted(found, key=lambda one: str(one["name"]))[:MOST]


def is_frame(value: Any) -> bool:
    """Whether it is a pandas DataFrame or a pyarrow Table; loads neither library."""
    pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    return (pandas is not None and isinstance(value, pandas.DataFrame)) or (
        arrow is not None and isinstance(value, arrow.Table)
    )


def files(folder: Path) -> list[dict[str, Any]]:
    """Files in and below a folder whose names say that they are tables."""
    found: list[dict[str, Any]] = []
    for place, below, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        below[:] = sorted(one for one in below if one[0] not in "._") if depth < DEEPEST else []
        for name in sorted(names):
            path = Path(place) / name
            is_table = format_of(name) is not None and not name.endswith(".txt")  # often no table
            if is_table and not name.startswith(".") and path.is_file():
                found.append({"path": str(path.relative_to(folder)), "size": path.stat().st_size})
                if len(found) >= MOST:
                    return found
    return found
