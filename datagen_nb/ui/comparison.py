"""``dg.compare``: two tables beside each other, and how their columns differ."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets

from datagen_nb.client.portal import portal
from datagen_nb.client.sync import Job
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.inert import inert
from datagen_nb.tables.view.connection import Superseded
from datagen_nb.tables.view.difference import Difference, difference
from datagen_nb.tables.view.query import Query
from datagen_nb.ui.snapshots import ComparedColumn, ComparisonSnapshot
from datagen_nb.ui.static_html import comparison_html, comparison_text
from datagen_nb.ui.viewer import Viewer
from datagen_nb.ui.viewer_beside import Table
from datagen_nb.ui.viewer_chart import Chart
from datagen_nb.ui.viewer_columns import MAX_NAME_LENGTH
from datagen_nb.ui.widget import WidgetBase, run_in_thread

if TYPE_CHECKING:
    import pandas as pd

MAX_COMPARED = 200
"""Columns whose differences are counted."""

CLASS = "datagen-comparison"
"""Of the box around both tables; ``widgets/src/comparison.tsx`` scrolls them together."""


class Compared:
    """The synthetic table of a comparison, beside the real one."""

    names = ("real", "synthetic")

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def tables(self, _own: Table, _columns: Sequence[str]) -> Sequence[Table]:
        return [(self._viewer.shown.engine, self._viewer.query)]

    def close(self) -> None:
        pass


class Comparison(WidgetBase):
    """Shows two tables with one query, scrolled together, and how their columns differ.

    Attributes:
        real: The viewer at the left.
        synthetic: The viewer at the right.
    """

    def __init__(
        self, real: Any, synthetic: Any, query: Query | Mapping[str, Any] | None = None
    ) -> None:
        self._differences: tuple[Difference, ...] = ()
        self._left_out = 0
        self._trouble = ""
        self._is_due, self._is_counted = asyncio.Event(), asyncio.Event()
        self._is_due.set()
        self.real = Viewer(real, query)
        try:
            self.synthetic = Viewer(synthetic, query)
        except BaseException:
            self.real.close()
            raise
        super().__init__("comparison", portal(), self._described())
        self.add_class(CLASS)
        self.set_below(ipywidgets.HBox([self.real, self.synthetic]))
        self.real.beside = Compared(self.synthetic)
        for viewer, other in ((self.real, self.synthetic), (self.synthetic, self.real)):
            viewer.layout = ipywidgets.Layout(width="50%", min_width="0")
            viewer.view_model.observe(partial(self._follow, viewer, other), "snapshot")
        self.start_task(self._count())

    @property
    def differences(self) -> pd.DataFrame:
        """How the columns differ among the rows that are shown, the most different first.

        A row for each column that both tables have: ``nulls_real``, ``nulls_synthetic`` (shares),
        ``distinct_real``, ``distinct_synthetic`` (about), and ``distance``: the share of rows by
        which the distributions differ, 0 to 1, over some 20 ranges of numbers and times, else over
        values; missing where values are too many to count, or of another type.
        """
        import pandas as pd

        self._portal.call(self._counted())
        names = ("column", "nulls_real", "nulls_synthetic", "distinct_real", "distinct_synthetic")
        rows = [(one.column, *one.nulls, *one.distinct, one.distance) for one in self._differences]
        return pd.DataFrame(rows, columns=[*names, "distance"])

    def chart(self, x: str, y: str | None = None) -> Chart:
        """Both tables in one chart, as shares of their rows; see ``Viewer.chart``.

        Raises:
            QueryError: A table has no such column, or its values cannot be counted.
        """
        return self.real.chart(x, y)

    async def _counted(self) -> None:
        await self._is_counted.wait()

    def _described(self) -> dict[str, Any]:
        columns = [
            ComparedColumn(
                name=inert(one.column, longest=MAX_NAME_LENGTH),
                nulls=one.nulls,
                distinct=one.distinct,
                distance=one.distance,
            )
            for one in self._differences
        ]
        return ComparisonSnapshot(
            titles=(self.real.snapshot["title"], self.synthetic.snapshot["title"]),
            columns=tuple(columns),
            left_out=self._left_out,
            is_counting=not self._is_counted.is_set(),
            trouble=self._trouble,
        ).to_wire()

    def _follow(self, viewer: Viewer, other: Viewer, _change: Any) -> None:
        self._is_counted.clear()
        self._portal.start(self._link(viewer, other))

    async def _link(self, viewer: Viewer, other: Viewer) -> None:
        """Show what one viewer shows in the other one; count anew."""
        self._trouble = ""
        try:
            query = viewer.query.named(viewer.shown.engine.schema)
            if query.resolve(other.shown.engine.schema) != other.query:
                await other.change(query)
        except Superseded:
            pass  # a newer query is on its way
        except DatagenError as error:
            title = other.snapshot["title"]
            self._trouble = f"Table {title} does not show the same rows: {error.message}"
        self._is_due.set()
        self.set_snapshot(self._described())

    async def _count(self) -> None:
        """Count differences whenever other rows are shown."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            tables = [(one.shown.engine, one.shown.view) for one in (self.real, self.synthetic)]
            schemas = [engine.schema for engine, _ in tables]
            common = [name for name in schemas[0].names if name in set(schemas[1].names)]
            found = []
            for name in common[:MAX_COMPARED]:
                with suppress(DatagenError):  # of a type that cannot be counted, or shown no more
                    found.append(await run_in_thread(partial(difference, name, tables)))
                if self._is_due.is_set():
                    break
            if self._is_due.is_set():
                continue
            self._differences = tuple(sorted(found, key=_closeness))
            columns = {name for schema in schemas for name in schema.names}
            self._left_out = len(columns) - len(found)
            self._is_counted.set()
            self.set_snapshot(self._described())

    @property
    def is_final(self) -> bool:
        """Whether the differences are those of the rows that are shown."""
        return self._is_counted.is_set()

    def static_repr(self) -> tuple[str, str]:
        """How the columns differ."""
        if self.comm is None:
            return "Comparison, closed", ""
        return comparison_text(self.snapshot), comparison_html(self.snapshot)


def compare(
    real: Any, synthetic: Any, *, query: Query | Mapping[str, Any] | None = None
) -> Comparison:
    """Show two tables beside each other, and how their columns differ.

    Both show the same query, also when it is changed in one of them, and scroll together. Where
    boxes of widgets are not shown, as in marimo, show ``comparison.real`` and
    ``comparison.synthetic`` yourself.

    Args:
        real: What ``dg.view`` takes.
        synthetic: The same; a ``Job`` is waited for.
        query: What both show at first.

    Raises:
        InputError: A file cannot be read.
        ArgumentTypeError: One is no table.
        QueryError: A column or a value of the query does not fit.

    Example:
        ```python
        comparison = dg.compare("customers.parquet", job)
        comparison.differences
        ```
    """
    one, other = (
        table.result() if isinstance(table, Job) else table for table in (real, synthetic)
    )
    return Comparison(one, other, query)


def _closeness(one: Difference) -> float:
    """The most different first, those that are not measured last."""
    return 1.0 if one.distance is None else -one.distance
