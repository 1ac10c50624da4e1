"""A report as a notebook shows it, and what can be done with one."""

from __future__ import annotations

import base64
import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from datagen_nb.core.errors import ArgumentTypeError
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.result import ColumnFidelity, Report, ReturnedValues
from datagen_nb.ui import report_words as words
from datagen_nb.ui.report_comparison import ReportComparison
from datagen_nb.ui.report_html import report_html, report_page, write_page
from datagen_nb.ui.report_words import percent

if TYPE_CHECKING:
    import pandas as pd

MAX_LINKED = 512 << 10
"""Bytes of a page that goes to the browser in one message; those of wider tables may have more."""

__all__ = ["ReportView", "file_stem", "report_html", "report_panel", "report_text"]


class ReportView:
    """Shows a ``Report``; every attribute of the report is one of this.

    Attributes:
        report: The report, as it crosses the wire.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling ask for these before there is a report
            raise AttributeError(name)
        return getattr(self.report, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self.report), "compare", "frame", "to_html"})

    def __repr__(self) -> str:
        return report_text(self.report)

    def _repr_html_(self) -> str:
        return report_html(self.report)

    def frame(self) -> pd.DataFrame:
        """The columns with their scores, the lowest first, as a DataFrame.

        ``missing`` are shares of the rows, of the input and of the result. ``rare_returned`` counts
        values that should not come back and did, ``singletons_returned`` those among them that one
        row of the input has, ``extremes_returned`` those at either end of a column of numbers. If
        detection was measured, ``detection_importance`` is how much a column drives it.

        Example:
            ```python
            job.report.frame().head()
            ```
        """
        import pandas as pd

        returned = {one.column: one for one in self.report.memorisation.returned}
        rows = [_row(one, returned.get(one.name)) for one in self.report.columns]
        names = ["column", "kind", "score", "measure", "missing", "missing_synthetic"]
        counts = ["rare_returned", "singletons_returned", "extremes_returned"]
        frame = pd.DataFrame(rows, columns=[*names, *counts]).astype(dict.fromkeys(counts, "Int64"))
        if self.report.detection is not None:
            found = {one.column: one.importance.mean for one in self.report.detection.columns}
            frame["detection_importance"] = frame["column"].map(found)
        return frame.sort_values("score", kind="stable", ignore_index=True)

    def compare(self, other: ReportView | Report) -> ReportComparison:
        """Show the report of another job beside this one.

        Args:
            other: ``job.report`` of the other job.

        Raises:
            ArgumentTypeError: It is no report.

        Example:
            ```python
            job.report.compare(client.jobs.get("01J…").report)
            ```
        """
        report = other.report if isinstance(other, ReportView) else other
        if not isinstance(report, Report):
            raise ArgumentTypeError(
                f"cannot compare a report with {type(other).__name__}: give job.report of "
                "another job"
            )
        return ReportComparison(self.report, report)

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        title: str = "Quality report",
        overwrite: bool = True,
    ) -> Path:
        """Write the report as one page, to be read without a kernel and without a network.

        Args:
            path: Where to.
            title: Its heading.
            overwrite: Whether a file that is there is replaced.

        Raises:
            OutputError: It cannot be written, or is there already and ``overwrite`` is False.

        Example:
            ```python
            job.report.to_html("report.html", title="Customers, synthetic")
            ```
        """
        return write_page(path, report_page(self.report, title), overwrite=overwrite)


def _row(column: ColumnFidelity, returned: ReturnedValues | None) -> tuple[Any, ...]:
    shown = column.distribution
    shares: tuple[float | None, ...] = (None, None)
    if shown is not None:
        known = [sum(rows) for rows in (shown.input, shown.synthetic)]
        shares = (
            shown.missing / max(known[0] + shown.others + shown.missing, 1),
            shown.missing_synthetic
            / max(known[1] + shown.others_synthetic + shown.missing_synthetic, 1),
        )
    back: tuple[int | None, ...] = (None, None, None)
    if returned is not None:
        back = (returned.returned, returned.singletons_returned, returned.extremes_returned)
    return (column.name, column.kind, column.score, column.metric, *shares, *back)


def report_panel(report: Report, title: str) -> ipywidgets.HTML:
    """The report as a widget, to be opened below another, with a link that saves it as a page.

    Args:
        report: The report.
        title: Of the job.
    """
    return ipywidgets.HTML(_save(report, title) + report_html(report), layout={"margin": "0"})


def _save(report: Report, title: str) -> str:
    """A link that holds the page itself: nothing has to be running when it is followed."""
    page = report_page(report, f"Quality of {title}, synthetic").encode()
    if len(page) > MAX_LINKED:
        return '<div><code>job.report.to_html("report.html")</code> writes it as a page.</div>'
    data = base64.b64encode(page).decode()
    name = escape(f"{file_stem(title)}-report.html")
    return (
        f'<div><a style="text-decoration:underline" download="{name}" '
        f'href="data:text/html;charset=utf-8;base64,{data}">Save as a page</a></div>'
    )


def file_stem(title: str) -> str:
    """A title as the name of a file, without its ending."""
    kept = "".join(one if one.isalnum() or one in "-_. " else "-" for one in title)
    return kept.strip(" .-")[:80] or "table"


def report_text(report: Report) -> str:
    """A few lines; the worst columns."""
    worst = sorted(report.columns, key=lambda column: column.score)[:3]
    lines = [
        f"Fidelity {percent(report.fidelity)}, {words.privacy(report)}",
        *(f"  {inert(column.name, longest=ONE_LINE)}: {percent(column.score)}" for column in worst),
    ]
    broken = [words.broken(relation) for relation in report.relations if not relation.kept]
    remarks = [*words.not_compared(report), *words.returned(report.memorisation)]
    remarks += [
        *words.tables(report),
        *report.measured_in_words(),
        *words.series(report),
        *words.dropped(report),
        *report.notes,
    ]
    lines += [f"  {inert(line, longest=ONE_LINE)}" for line in broken]
    return "\n".join([*lines, *map(inert, remarks)])
