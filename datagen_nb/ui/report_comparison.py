"""Two reports beside each other: which result is closer to its input, and gives away less."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen_nb.core.evaluation import Measured
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
    yield from _evaluated(first, second)


def _evaluated(first: Report, second: Report) -> Iterator[Row]:
    """What was measured on request, of either."""
    found, useful, attacks = (
        [getattr(report, name) for report in (first, second)]
        for name in ("detection", "utility", "membership")
    )
    yield from _row("detection, AUC (50 % is ideal)", "auc", found, 0.5)
    for target, metric in dict.fromkeys((one.target, one.metric) for one in useful if one):
        alike = [one and (one.target, one.metric) == (target, metric) for one in useful]
        those = [one if same else None for one, same in zip(useful, alike, strict=True)]
        yield from _row(f"utility for {target}, {metric}", "score", those, 1.0)
    yield from _row("membership inference, AUC (50 % is ideal)", "auc", attacks, 0.5)
    yield from _row("the same of outlying rows", "outliers_auc", attacks, 0.5)


def _row(words: str, name: str, found: Sequence[Any], ideal: float) -> Iterator[Row]:
    figures: list[Measured | None] = [one and getattr(one, name) for one in found]
    first, second = (None if one is None else one.mean for one in figures)
    if (first, second) != (None, None):
        yield Row(words, first, second, ideal)


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
