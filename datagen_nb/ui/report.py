"""A report as a notebook shows it: as text, and as HTML that needs no script."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Any

import ipywidgets

from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.result import (
    NO_CLOSER,
    ColumnFidelity,
    Memorisation,
    RelationFidelity,
    Report,
)
from datagen_nb.core.summary import FRAME

GOOD = 0.9
"""Scores from here on are green."""

COMPARED_BY = {
    "KS complement": ("distribution", "the largest gap between the cumulative distributions (KS)"),
    "TV complement": ("shares", "the share of rows that differ in their category (TV)"),
    "form": ("form", "the share of texts that differ in digits, capitals, words and signs"),
    "length": ("length", "the largest gap between the cumulative lengths of texts"),
    "rows per value": ("repetition", "what the numbers of rows per value differ by"),
}
"""By metric: a word, and what is subtracted from 100 %."""

PRIVACY = {
    "ok": ("✓", "Privacy OK", "#2e8b57"),
    "caution": ("!", "Privacy caution", "#c77700"),
    "bad": ("✕", "Privacy risk", "#d9534f"),
    "unknown": ("?", "Privacy", "inherit"),
}
"""By level: a sign, words and a colour; never a colour alone."""

MOST_LISTED = 8
"""Relations and columns that are listed; the rest is counted."""

_FAINT = "opacity:.75"


class ReportView:
    """Shows a ``Report``; every attribute of the report is one of this."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def __getattr__(self, name: str) -> Any:
        return getattr(self._report, name)

    def __dir__(self) -> list[str]:
        return dir(self._report)

    def __repr__(self) -> str:
        return report_text(self._report)

    def _repr_html_(self) -> str:
        return report_html(self._report)


def report_panel(report: Report) -> ipywidgets.HTML:
    """The report as a widget, to be opened below another."""
    return ipywidgets.HTML(report_html(report), layout={"margin": "0"})


def report_text(report: Report) -> str:
    """A few lines; the worst columns."""
    worst = sorted(report.columns, key=lambda column: column.score)[:3]
    lines = [
        f"Fidelity {_percent(report.fidelity)}, {_privacy(report.memorisation)}",
        *(
            f"  {inert(column.name, longest=ONE_LINE)}: {_percent(column.score)}"
            for column in worst
        ),
    ]
    broken = [_broken(relation) for relation in report.relations if not relation.kept]
    remarks = [*_not_compared(report), *_returned(report.memorisation)]
    remarks += [*_series(report), *report.notes]
    lines += [f"  {inert(line, longest=ONE_LINE)}" for line in broken]
    return "\n".join([*lines, *map(inert, remarks)])


def report_html(report: Report) -> str:
    """Fidelity by column with bars, the worst pairs, and privacy in words."""
    parts = f"columns {_percent(report.column_fidelity)}"
    if report.pair_fidelity is not None:
        parts += f" · dependence between columns {_percent(report.pair_fidelity)}"
    if report.relation_fidelity is not None:
        parts += f" · relations {_percent(report.relation_fidelity)}"
    sign, words, colour = PRIVACY[report.memorisation.level]
    # Mixed with the ink around it, so that it can be read on a light and on a dark page.
    ink = colour if colour == "inherit" else f"color-mix(in srgb,{colour} 72%,currentColor)"
    lines = [
        f'<div style="font-size:15px"><b>Fidelity {_percent(report.fidelity)}</b> '
        f'<span style="{_FAINT}">{parts}</span></div>',
        *(f"<div><b>{escape(line)}</b></div>" for line in _not_compared(report)),
        f'<div><b style="color:{ink}"><span aria-hidden="true">{sign}</span> {words}</b>: '
        f"{escape(report.memorisation.in_words())}.</div>",
        *(_faint(line) for line in _closeness(report.memorisation)),
        *(_faint(line) for line in _returned(report.memorisation)),
        *_relations(report.relations),
        _bars(report.columns),
        *(_faint(line) for line in _legend(report.columns)),
    ]
    if report.dependence_kept is not None:
        lines.append(
            _faint(
                f"Correlations are {_percent(report.dependence_kept, 0)} as strong as in the input."
            )
        )
    lost = [pair for pair in report.pairs if pair.score < GOOD][:3]
    if lost:
        worst = ", ".join(
            f"{' × '.join(f'<bdi>{escape(name)}</bdi>' for name in pair.columns)} "
            f"{_percent(pair.score)}"
            for pair in lost
        )
        lines.append(f'<div style="{_FAINT}">Dependence that is kept least: {worst}</div>')
    lines += [_faint(line) for line in _series(report)]
    if report.memorisation.budget is None:
        lines.append(
            _faint(
                f"{report.rows_synthetic:,} synthetic rows were compared with "
                f"{report.rows_training:,} training rows and {report.rows_held_back:,} held back."
            )
        )
    lines += [_faint(note) for note in report.notes]
    return f'<div role="group" aria-label="Quality report" style="{FRAME}">{"".join(lines)}</div>'


def _series(report: Report) -> Iterator[str]:
    """How the rows of series follow each other."""
    found = report.series
    if found is None:
        return
    yield (
        f"Series: {found.entities_synthetic:,} of {found.length_synthetic:,.0f} rows (input "
        f"{found.entities:,} of {found.length:,.0f}); {_percent(found.in_order)} of the rows in "
        f"order, {_percent(found.repeated_synthetic)} repeat a place ({_percent(found.repeated)}), "
        f"{_percent(found.usual_gap_synthetic)} at the usual distance "
        f"({_percent(found.usual_gap)})."
    )
    steps = [one for one in found.steps if one.autocorrelation is not None]
    if steps:
        listed = ", ".join(
            f"{one.column} {one.autocorrelation_synthetic or 0:.2f} ({one.autocorrelation:.2f})"
            for one in steps[:MOST_LISTED]
        )
        yield f"Correlation with the row before, and in the input: {listed}."
    if broken := [one.column for one in found.steps if not one.kept]:
        yield f"No longer monotone: {', '.join(broken[:MOST_LISTED])}."


def _privacy(found: Memorisation) -> str:
    return f"{PRIVACY[found.level][1].replace('P', 'p', 1)}: {found.in_words()}"


def _closeness(found: Memorisation) -> Iterator[str]:
    if found.dcr_share is not None:
        yield (
            f"{_percent(found.dcr_share)} of the synthetic rows are closer to a training row than "
            f"to a row held back. 50 % is expected; up to {_percent(NO_CLOSER, 0)} may be chance."
        )
    if found.exact_row_share is None:
        return
    copies = f"{_percent(found.exact_row_share, 2)} are exact copies of a training row"
    if found.exact_row_share_expected is not None:
        expected = _percent(found.exact_row_share_expected, 2)
        copies += f"; by chance, {expected} of the rows held back are"
    yield f"{copies}."


def _returned(found: Memorisation) -> Iterator[str]:
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


def _not_compared(report: Report) -> Iterator[str]:
    if report.not_compared:
        columns = "; ".join(f"{column.name} ({column.reason})" for column in report.not_compared)
        yield f"Not compared: {columns}."


def _relations(relations: tuple[RelationFidelity, ...]) -> Iterator[str]:
    broken = [relation for relation in relations if not relation.kept]
    kept = [relation for relation in relations if relation.kept]
    if broken:
        lines = "".join(
            f'<li><span aria-hidden="true">✕</span> {escape(_broken(relation))}</li>'
            for relation in broken[:MOST_LISTED]
        )
        more = len(broken) - MOST_LISTED
        lines += f"<li>and {more} more</li>" if more > 0 else ""
        yield f"<div>Relations that were not kept:{_list(lines)}</div>"
    if kept:
        sentences = "; ".join(f"<bdi>{escape(each.sentence)}</bdi>" for each in kept[:MOST_LISTED])
        more = len(kept) - MOST_LISTED
        yield (
            f'<div style="{_FAINT}"><span aria-hidden="true">✓</span> Relations that were kept: '
            f"{sentences}{f' and {more} more' if more > 0 else ''}.</div>"
        )


def _broken(relation: RelationFidelity) -> str:
    return (
        f"{relation.sentence}: {_percent(relation.share_synthetic)} of the rows, "
        f"{_percent(relation.share_input)} in the input"
    )


def _list(lines: str) -> str:
    return f'<ul style="list-style:none;margin:0 0 4px;padding:0 0 0 12px">{lines}</ul>'


def _bars(columns: tuple[ColumnFidelity, ...]) -> str:
    """Scores on a scale from 90 %, or lower where one is lower: from 0 all bars look the same."""
    if not columns:
        return ""
    least = min(GOOD, math.floor(min(column.score for column in columns) * 10) / 10)
    rows = "".join(
        f'<tr><th scope="row" style="padding:1px 12px 1px 0;text-align:left;font-weight:400">'
        f"{escape(column.name)}</th>"
        '<td style="width:220px;padding:0"><div style="background:rgba(128,128,128,.2);'
        'border-radius:2px"><div style="height:6px;border-radius:2px;'
        f"width:{100 * (column.score - least) / (1 - least):.1f}%;"
        f'background:{"#2e8b57" if column.score >= GOOD else "#c77700"}"></div></div></td>'
        f'<td style="padding:0 0 0 10px;text-align:right">{_percent(column.score)}</td>'
        f'<td style="padding:0 0 0 10px;{_FAINT};text-align:left">{escape(_compared_by(column))}'
        "</td></tr>"
        for column in columns
    )
    scale = (
        '<td style="padding:0"><div style="display:flex;justify-content:space-between;'
        f'font-size:11px;{_FAINT}"><span>{_percent(least, 0)}</span><span>100 %</span></div></td>'
    )
    return (
        '<table style="margin:8px 0 6px;border-collapse:collapse">'
        f"<tr><td></td>{scale}<td></td><td></td></tr>{rows}</table>"
    )


def _compared_by(column: ColumnFidelity) -> str:
    return COMPARED_BY.get(column.metric, (column.metric, ""))[0]


def _legend(columns: tuple[ColumnFidelity, ...]) -> Iterator[str]:
    metrics = {column.metric for column in columns}
    for metric, (word, subtracted) in COMPARED_BY.items():
        if metric in metrics:
            yield f"{word.capitalize()}: 100 % minus {subtracted}."


def _faint(line: str) -> str:
    return f'<div style="{_FAINT}">{escape(line)}</div>'


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
