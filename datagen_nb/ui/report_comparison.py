"""Two reports beside each other: which result is closer to its input, and gives away less."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.result import Report
from datagen_nb.core.summary import Table, framed, table_html
from datagen_nb.ui.report_charts import distribution_chart
from datagen_nb.ui.report_html import CELLS, LEGEND, page, write_page
from datagen_nb.ui.report_verdicts import privacy, quality
from datagen_nb.ui.report_words import percent

if TYPE_CHECKING:
    import pandas as pd

CHARTED = 8
"""Columns whose distributions are drawn: those of both reports whose scores differ most."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of both reports.

    Attributes:
        figure: What it is.
        first: Its value in the first report, ``None`` if it has none.
        second: The same of the second report.
        ideal: What it should be.
    """

    figure: str
    first: float | None
    second: float | None
    ideal: float

    @property
    def better(self) -> str:
        """Which report is closer to what should be, at the precision that is shown."""
        if self.first is None or self.second is None:
            return ""
        far, far_second = (round(abs(value - self.ideal), 3) for value in (self.first, self.second))
        return "" if far == far_second else ("first" if far < far_second else "second")


class ReportComparison:
    """Two reports, figure by figure and column by column."""

    def __init__(self, first: Report, second: Report) -> None:
        self.first = first
        self.second = second

    @property
    def figures(self) -> tuple[Row, ...]:
        """Those of the whole results."""
        return tuple(_figures(self.first, self.second))

    @property
    def columns(self) -> tuple[Row, ...]:
        """Scores of the columns, those that differ most first."""
        one, other = ({c.name: c.score for c in report.columns} for report in self._both)
        rows = [Row(name, one.get(name), other.get(name), 1.0) for name in {**one, **other}]
        return tuple(sorted(rows, key=_gap, reverse=True))

    def frame(self) -> pd.DataFrame:
        """All figures, and then the scores of the columns, as a DataFrame.

        Example:
            ```python
            job.report.compare(other.report).frame()
            ```
        """
        import pandas as pd

        parts = (("result", self.figures), ("column", self.columns))
        rows = [
            (of, row.figure, row.first, row.second, row.better)
            for of, rows in parts
            for row in rows
        ]
        return pd.DataFrame(rows, columns=["of", "figure", "first", "second", "better"])

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        title: str = "Two quality reports",
        overwrite: bool = True,
    ) -> Path:
        """Write the comparison as one page, to be read without a kernel and without a network.

        Args:
            path: Where to.
            title: Its heading.
            overwrite: Whether a file that is there is replaced.

        Raises:
            OutputError: It cannot be written, or is there already and ``overwrite`` is False.

        Example:
            ```python
            job.report.compare(other.report).to_html("both.html")
            ```
        """
        return write_page(path, page(title, "".join(self._parts())), overwrite=overwrite)

    def __repr__(self) -> str:
        lines = [f"{'':40} {'first':>9} {'second':>9}  better"]
        for row in [*self.figures, *self.columns[:CHARTED]]:
            name = inert(row.figure, longest=ONE_LINE)
            lines.append(f"{name:40} {_shown(row.first):>9} {_shown(row.second):>9}  {row.better}")
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        return framed(["<div><b>Two quality reports</b></div>", *self._parts()])

    @property
    def _both(self) -> tuple[Report, Report]:
        return self.first, self.second

    def _parts(self) -> Iterator[str]:
        yield _table("", [*_verdicts(self.first, self.second), *map(_texts, self.figures)])
        yield _table("column", list(map(_texts, self.columns)), most=len(self.columns))
        names = [row.figure for row in self.columns if None not in (row.first, row.second)]
        charts = "".join(chart for name in names[:CHARTED] for chart in self._charts(name))
        if charts:
            yield f"<div>{LEGEND}</div>"
            yield f'<div style="{CELLS};margin:6px 0">{charts}</div>'

    def _charts(self, name: str) -> Iterator[str]:
        for words, report in zip(("first", "second"), self._both, strict=True):
            found = next((c.distribution for c in report.columns if c.name == name), None)
            if found is not None:
                yield (
                    f'<figure style="margin:0;min-width:0"><figcaption><b><bdi>{escape(name)}</bdi>'
                    f"</b>, {words}</figcaption>{distribution_chart(name, found)}</figure>"
                )


def _figures(first: Report, second: Report) -> Iterator[Row]:
    both = (first, second)
    for name, words in (
        ("fidelity", "fidelity"),
        ("column_fidelity", "columns"),
        ("pair_fidelity", "dependence between columns"),
        ("relation_fidelity", "relations"),
        ("dependence_kept", "strength of correlations"),
    ):
        values = [getattr(report, name) for report in both]
        if values != [None, None]:
            yield Row(words, values[0], values[1], 1.0)
    one, other = first.memorisation, second.memorisation
    if one.dcr_share is not None or other.dcr_share is not None:
        closer = "closer to a training row (50 % is ideal)"
        yield Row(closer, one.dcr_share, other.dcr_share, 0.5)
    if one.exact_row_share is not None or other.exact_row_share is not None:
        yield Row("exact copies", one.exact_row_share, other.exact_row_share, 0.0)


def _verdicts(first: Report, second: Report) -> Iterator[tuple[str, ...]]:
    for name, judged in (("quality", quality), ("privacy", privacy)):
        verdicts = [judged(report) for report in (first, second)]
        yield (name, *(f"{verdict.sign} {verdict.words}" for verdict in verdicts), "")


def _texts(row: Row) -> tuple[str, ...]:
    return (row.figure, _shown(row.first), _shown(row.second), row.better)


def _shown(value: float | None) -> str:
    return "" if value is None else percent(value)


def _gap(row: Row) -> float:
    """Columns of one report alone come last."""
    return -1.0 if row.first is None or row.second is None else abs(row.first - row.second)


def _table(name: str, rows: list[tuple[str, ...]], *, most: int = 20) -> str:
    numbers = (False, True, True, False)
    return table_html(Table((name, "first", "second", "better"), rows, numbers), most=most)
