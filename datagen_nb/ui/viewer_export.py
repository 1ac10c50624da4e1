"""The export that a viewer's browser side asks for: a file beside the notebook."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from datagen_nb.tables.view.export import export
from datagen_nb.ui.viewer_requests import ExportRequest
from datagen_nb.ui.viewer_shown import Shown
from datagen_nb.ui.viewer_static import is_named, title_of


def export_beside(
    shown: Shown, data: Any, wanted: ExportRequest, progress: Callable[[int], None]
) -> dict[str, Any]:
    """Write a view into the working directory, under a name that is free.

    Args:
        shown: Whose rows.
        data: What is viewed; the file is called after it.
        wanted: How they are written.
        progress: Called with how many rows are written.

    Raises:
        DatagenError: As ``export``.
    """
    path = export(
        shown.engine,
        shown.view,
        _free_name(data, wanted.format),
        overwrite=False,
        defuse=wanted.defuse,
        progress=progress,
    )
    return {"path": str(path), "rows": shown.view.num_rows}


def _free_name(data: Any, format: str) -> Path:
    """A name in the working directory that no file has, after the file that is viewed."""
    stem = Path(title_of(data)).stem if is_named(data) else "table"
    names = (f"{stem}-view{f'-{place}' if place else ''}.{format}" for place in count())
    return next(path for path in map(Path, names) if not path.exists())
