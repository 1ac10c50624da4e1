"""What was measured on request, as parts of a report's HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from datagen_nb.core.evaluation import Detection, Membership
from datagen_nb.core.result import Report
from datagen_nb.core.summary import Table, table_html
from datagen_nb.ui.report_charts import MADE
from datagen_nb.ui.report_layout import FAINT, faint, section

MOST_DRIVING = 10
"""Columns that are listed."""


def evaluation(report: Report) -> Iterator[str]:
    """Detection with its driving columns, and utility, beside what real rows get."""
    detection, utility = report.detection, report.utility
    rows = []
    if detection is not None:
        rows.append(
            (
                "Detection (C2ST): AUC of a classifier that separates them from rows held back",
                detection.auc.in_words(),
                f"{detection.auc_real.in_words()}; 0.5 is chance",
            )
        )
    if utility is not None:
        rows.append(
            (
                f"Utility: {utility.metric} of {utility.target} on rows held back, when trained on "
                "them",
                utility.score.in_words(),
                utility.score_real.in_words(),
            )
        )
    if not rows:
        return
    names = ("of the synthetic rows", "these", "training rows in their place")
    parts = [table_html(Table(names, rows, (False, True, False)), wraps=True)]
    if detection is not None:
        parts.append(_driving(detection))
    compared = [] if detection is None else [f"{detection.rows:,} rows of each side for detection"]
    if utility is not None:
        compared.append(
            f"{utility.rows:,} rows fitted to and {utility.rows_tested:,} tested on for utility"
        )
    parts.append(
        faint(
            f"± is the standard error over five folds. There were {'; '.join(compared)}. Columns "
            "that are made anew take no part."
        )
    )
    yield section("Detection and utility" if len(rows) > 1 else rows[0][0].split(":")[0], parts)


def membership_rows(found: Membership) -> Iterator[tuple[str, str, str]]:
    """Lines of the table of privacy."""
    name = (
        f"AUC of membership inference, {found.rows:,} rows of each side, ± the standard error over "
        "ten draws"
    )
    fresh = f"{found.auc_fresh.in_words()} with real rows to attack by; 0.5 is chance"
    yield name, found.auc.in_words(), fresh
    if found.outliers_auc is not None and found.outliers_auc_fresh is not None:
        yield (
            f"the same of the most outlying 5 % of both, {found.outliers:,} rows",
            found.outliers_auc.in_words(),
            found.outliers_auc_fresh.in_words(),
        )


def _driving(found: Detection) -> str:
    """How much the AUC falls without each of the columns that matter most."""
    shown = found.driving[:MOST_DRIVING]
    if not shown:
        return faint("No column drives it beyond chance.")
    most = shown[0].importance.mean
    rows = "".join(
        '<tr><th scope="row" style="padding:1px 12px 1px 0;text-align:left;font-weight:400">'
        f"<bdi>{escape(one.column)}</bdi></th>"
        '<td style="width:220px;padding:0"><div style="height:6px;border-radius:2px;'
        f'width:{100 * one.importance.mean / most:.1f}%;background:{MADE}"></div></td>'
        '<td style="padding:0 0 0 10px;text-align:right;white-space:nowrap">'
        f"{one.importance.in_words()}</td></tr>"
        for one in shown
    )
    more = len(found.driving) - len(shown)
    after = faint(f"and {more} more") if more > 0 else ""
    return (
        f'<div style="margin:6px 0 0;{FAINT}">Driving columns: how much the AUC falls when the '
        "values of one are shuffled</div>"
        '<table style="margin:2px 0 6px;border-collapse:collapse;color:inherit;font:inherit">'
        f"{rows}</table>{after}"
    )
