"""The sentences of a report, alike in text and in HTML."""

from __future__ import annotations

from collections.abc import Iterator

from datagen_nb.core.result import Memorisation, RelationFidelity, Report
from datagen_nb.ui.report_verdicts import PRIVACY, privacy_level, privacy_reason

MOST_LISTED = 8
"""Relations and columns that are listed; the rest is counted."""


def series(report: Report) -> Iterator[str]:
    """How the rows of series follow each other."""
    found = report.series
    if found is None:
        return
    yield (
        f"Series: {found.entities_synthetic:,} of {found.length_synthetic:,.0f} rows (input "
        f"{found.entities:,} of {found.length:,.0f}); {percent(found.in_order)} of the rows in "
        f"order, {percent(found.repeated_synthetic)} repeat a place ({percent(found.repeated)}), "
        f"{percent(found.usual_gap_synthetic)} at the usual distance "
        f"({percent(found.usual_gap)})."
    )
    steps = [one for one in found.steps if one.autocorrelation is not None]
    if steps:
        listed = ", ".join(
            f"{one.column} {one.autocorrelation_synthetic or 0:.2f} ({one.autocorrelation:.2f})"
            for one in steps[:MOST_LISTED]
        )
        yield f"Correlation with the row before, and in the input: {listed}."
    if ended := [one.column for one in found.steps if not one.kept]:
        yield f"No longer monotone: {', '.join(ended[:MOST_LISTED])}."


def tables(report: Report) -> Iterator[str]:
    """How the rows of several tables belong together, and the score of each table."""
    for key in report.keys[:MOST_LISTED]:
        yield (
            f"{key.key}: {percent(key.kept)} lead to a row; {key.rows_synthetic:,.1f} rows for "
            f"each (input {key.rows:,.1f}), {percent(key.without_synthetic)} have none "
            f"({percent(key.without)})."
        )
    if report.tables:
        listed = ", ".join(f"{one.name} {percent(one.fidelity)}" for one in report.tables)
        yield f"Fidelity of each table: {listed}."


def privacy(report: Report) -> str:
    """The verdict and its reason."""
    words = PRIVACY[privacy_level(report)][1].replace("P", "p", 1)
    return f"{words}: {privacy_reason(report)}"


def returned(found: Memorisation) -> Iterator[str]:
    """What came back beyond chance; else what was looked for."""
    if found.disclosed:
        listed = ", ".join(
            f"{column.column} {column.returned:,} of {column.values:,}"
            + (f" ({column.expected:,.0f} by chance)" if column.expected else "")
            for column in found.disclosed[:MOST_LISTED]
        )
        more = len(found.disclosed) - MOST_LISTED
        yield (
            "Values came back that identify, or that fewer than "
            f"{found.min_count} rows of the input have: {listed}"
            + (f" and in {more} more columns." if more > 0 else ".")
        )
    elif found.returned:
        values = sum(column.values for column in found.returned)
        yield (
            f"Of {values:,} values that identify, or that fewer than {found.min_count} rows of "
            "the input have, none came back beyond chance."
        )


def dropped(report: Report) -> Iterator[str]:
    """Lines of the input and rows that were drawn which are not there."""
    if report.rows_skipped:
        one = report.rows_skipped == 1
        lines = "1 line" if one else f"{report.rows_skipped:,} lines"
        yield f"{lines} of the input could not be read and {'was' if one else 'were'} left out."
    if report.selected is not None:
        found = report.selected
        yield (
            f"Rules and conditions dropped {found.drawn - found.kept:,} of {found.drawn:,} rows "
            "that were drawn."
        )


def not_compared(report: Report) -> Iterator[str]:
    """Columns without a score."""
    if report.not_compared:
        columns = "; ".join(f"{column.name} ({column.reason})" for column in report.not_compared)
        yield f"Not compared: {columns}."


def broken(relation: RelationFidelity) -> str:
    """A relation that was not kept."""
    return (
        f"{relation.sentence}: {percent(relation.share_synthetic)} of the rows, "
        f"{percent(relation.share_input)} in the input"
    )


def percent(share: float, digits: int = 1) -> str:
    """A share as people write it."""
    return f"{100 * share:.{digits}f} %"
