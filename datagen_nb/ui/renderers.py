"""``dg.view``: which widget shows a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from datagen_nb.client.sync import Job
from datagen_nb.core.errors import ArgumentError
from datagen_nb.tables.view.query import Query
from datagen_nb.ui.viewer import Viewer

Renderer = Literal["auto", "table", "ipydatagrid"]


def view(
    data: Any,
    *,
    query: Query | Mapping[str, Any] | None = None,
    renderer: Renderer = "auto",
) -> Any:
    """Show rows of a table of any size.

    Args:
        data: A frame of pandas or polars, a pyarrow Table, a path to a CSV, JSON, JSON Lines or
            Parquet file, several paths of Parquet files with one schema, a ``gs://`` path (of a
            Parquet object only what is seen is read, until it is sorted or filtered), a
            ``Dataset``, or a ``Job``, which is waited for.
        query: What is shown at first: a filter, sorts, a search and formats, as ``viewer.query``
            gives it.
        renderer: ``table``, our own table, which has search, filters and charts of columns;
            ``ipydatagrid``, the grid of that name; ``auto`` takes ``table``.

    Raises:
        InputError: The file cannot be read.
        NotFound: There is no such object.
        StorageError: A bucket cannot be used.
        ArgumentTypeError: It is none of these.
        ArgumentError: There is no such renderer, or it takes no query.
        QueryError: A column or a value of the query does not fit.

    Example:
        ```python
        dg.view("customers.csv", query={"sorts": [{"column": "age"}]})
        ```
    """
    if renderer not in ("auto", "table", "ipydatagrid"):
        raise ArgumentError(
            f"There is no renderer {renderer!r}. Renderers are auto, table and ipydatagrid."
        )
    rows = data.result() if isinstance(data, Job) else data
    if renderer == "ipydatagrid":
        if query is not None:
            raise ArgumentError("query= needs the renderer 'table'. Leave one of the two out.")
        from datagen_nb.ui.grid import grid_view

        return grid_view(rows)
    return Viewer(rows, query)
