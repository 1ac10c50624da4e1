"""A report as a notebook shows it; its fields stay at hand."""

from __future__ import annotations

from typing import Any

from datagen_nb.core.result import Report
from datagen_nb.ui.static_html import report_html, report_text


class ReportView:
    """Shows a ``Report``; every attribute of the report is one of this."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def __getattr__(self, name: str) -> Any:
        return getattr(self._report, name)

    def __repr__(self) -> str:
        return report_text(self._report)

    def _repr_html_(self) -> str:
        return report_html(self._report)
