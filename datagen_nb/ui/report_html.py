"""A report as HTML that needs no script: for a notebook, and as a page of its own.

Colours are mixed with the ink of the page around, so that both themes can be read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from datagen_nb.core.result import (
    NO_CLOSER,
    SOMEWHAT_CLOSER,
    ColumnFidelity,
    PairFidelity,
    RelationFidelity,
    Report,
)
from datagen_nb.core.summary import FRAME, Table, table_html
from datagen_nb.core.words import duration
from datagen_nb.files import write_atomically
from datagen_nb.ui import report_words as words
from datagen_nb.ui.report_charts import (
    MADE,
    difference_map,
    distribution_chart,
    mapped_columns,
    share_rows,
)
from datagen_nb.ui.report_evaluation import evaluation, membership_rows
from datagen_nb.ui.report_layout import FAINT, faint, section
from datagen_nb.ui.report_verdicts import AMBER, GOOD, GREEN, Verdict, privacy, quality
from datagen_nb.ui.report_words import MOST_LISTED, percent

COMPARED_BY = {
    "KS complement": ("distribution", "the largest gap between the cumulative distributions (KS)"),
    "TV complement": ("shares", "the share of rows that differ in their category (TV)"),
    "form": ("form", "the share of texts that differ in digits, capitals, words and signs"),
    "length": ("length", "the largest gap between the cumulative lengths of texts"),
    "1 - total variation distance from noisy counts": (
        "counts",
        "the share of rows that differ from the noisy counts (TV)",
    ),
    "rows per value": ("repetition", "what the numbers of rows per value differ by"),
}
"""By metric: a word, and what is subtracted from 100 %."""

IN_NOTEBOOK = 12
"""Columns whose charts a notebook shows: those with the lowest scores."""

MOST_PAIRS = 12
"""Pairs in the table beside the map."""

_NAME = "width:max-content;max-width:min(30vw,320px)"
CELLS = "display:grid;gap:14px 28px;grid-template-columns:repeat(auto-fill,minmax(240px,1fr))"
_HALVES = "display:grid;gap:10px 28px;grid-template-columns:repeat(auto-fit,minmax(300px,1fr))"

LEGEND = (
    '<span aria-hidden="true" style="display:inline-block;width:14px;height:10px;'
    'background:currentColor;opacity:.3"></span> input &nbsp; '
    '<span aria-hidden="true" style="display:inline-block;width:11px;height:8px;'
    f'border:2px solid {MADE}"></span> synthetic'
)
"""What in a chart is what."""


def report_html(report: Report) -> str:
    """The report for a notebook: all of it, but for charts of columns that are much alike."""
    lines = "".join(_sections(report, IN_NOTEBOOK, with_tables=False))
    return f'<div role="group" aria-label="Quality report" style="{FRAME}">{lines}</div>'


def report_page(report: Report, title: str) -> str:
    """The report as a page of its own, complete and without anything from elsewhere."""
    lines = "".join(_sections(report, len(report.columns), with_tables=True))
    return page(title, lines)


def write_page(path: str | os.PathLike[str], text: str, *, overwrite: bool) -> Path:
    """Write a page to a file of the user."""
    target = Path(path).expanduser()
    with write_atomically(target, overwrite=overwrite) as file:
        file.write(text.encode())
    return target


def page(title: str, body: str) -> str:
    """A page that loads nothing and runs nothing."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>:root{{color-scheme:light dark}}"
        "body{margin:24px auto;max-width:1080px;padding:0 16px;background:Canvas;color:CanvasText;"
        "font:13px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums;"
        "overflow-wrap:anywhere}figure,section{break-inside:avoid}</style></head><body><main>"
        f'<h1 style="font-size:20px;margin:0 0 12px">{escape(title)}</h1>{body}'
        "</main></body></html>"
    )


def _sections(report: Report, charts: int, *, with_tables: bool) -> Iterator[str]:
    yield _verdicts(report)
    yield from (f"<div><b>{escape(line)}</b></div>" for line in words.not_compared(report))
    yield from _relations(report.relations)
    yield from map(faint, words.tables(report))
    yield section("Columns", [_bars(report.columns), *map(faint, _legend(report.columns))])
    yield from _charts(report.columns, charts, with_tables=with_tables)
    yield from _dependence(report)
    yield from map(faint, words.series(report))
    yield from evaluation(report)
    yield from _privacy(report)
    if report.memorisation.budget is None and not report.memorisation.no_input:
        yield faint(
            f"{report.rows_synthetic:,} synthetic rows were compared with "
            f"{report.rows_training:,} training rows and {report.rows_held_back:,} held back."
        )
    yield from map(faint, words.dropped(report))
    if report.seconds:
        stages = ", ".join(f"{name} {duration(time)}" for name, time in report.seconds.items())
        yield faint(f"Time: {stages}.")
    yield from map(faint, report.notes)


def _verdicts(report: Report) -> str:
    parts = f"columns {percent(report.column_fidelity)}"
    if report.pair_fidelity is not None:
        parts += f" · dependence between columns {percent(report.pair_fidelity)}"
    if report.relation_fidelity is not None:
        parts += f" · relations {percent(report.relation_fidelity)}"
    of = "" if report.memorisation.budget is None else " to the noisy counts"
    of = " to the schema" if report.memorisation.no_input else of
    head = (
        f'<div style="font-size:15px"><b>Fidelity{of} {percent(report.fidelity)}</b> '
        f'<span style="{FAINT}">{parts}</span></div>'
    )
    both = "".join(map(_verdict, (quality(report), privacy(report))))
    return f'{head}<div style="{_HALVES};margin:8px 0 10px">{both}</div>'


def _verdict(verdict: Verdict) -> str:
    ink = ink_of(verdict.colour)
    advice = "".join(f"<li>{escape(line)}</li>" for line in verdict.advice)
    steps = f'<ul style="margin:4px 0 0;padding:0 0 0 18px">{advice}</ul>' if advice else ""
    return (
        f'<div style="border-left:3px solid {ink};padding:2px 0 2px 10px"><b style="color:{ink}">'
        f'<span aria-hidden="true">{verdict.sign}</span> {verdict.words}</b>: '
        f"{escape(verdict.reason)}{steps}</div>"
    )


def ink_of(colour: str) -> str:
    """A colour of text that can be read on a light and on a dark page."""
    return (
        "currentColor" if colour == "inherit" else f"color-mix(in srgb,{colour} 72%,currentColor)"
    )


def _charts(columns: tuple[ColumnFidelity, ...], most: int, *, with_tables: bool) -> Iterator[str]:
    shown = [column for column in columns if column.distribution is not None]
    shown = sorted(shown, key=lambda column: column.score)[:most]
    if not shown:
        return
    cells = "".join(_chart(column, with_table=with_tables) for column in shown)
    parts = [f"<div>{LEGEND}</div>", f'<div style="{CELLS};margin:6px 0">{cells}</div>']
    least = next(column.distribution.least for column in shown if column.distribution)
    parts.append(
        faint(
            "Ranges and categories have no rows of the input or at least "
            f"{least}; of texts that are made anew, lengths are counted."
        )
    )
    if len(shown) < len(columns):
        parts.append(
            faint(
                f"The {len(shown)} of {len(columns):,} columns that differ most are shown; "
                "to_html() of the report writes a page with more."
            )
        )
    yield section("Distributions, those that differ most first", parts)


def _chart(column: ColumnFidelity, *, with_table: bool) -> str:
    shown = column.distribution
    if shown is None:
        return ""
    what = "" if shown.of in {"numbers", "categories"} else f" · {shown.of}"
    what += " · logarithmic" if shown.is_logarithmic else ""
    beside = ""
    if shown.edges and (shown.missing or shown.missing_synthetic or shown.others):
        rows = share_rows(shown)[len(shown.input) :]
        beside = "; ".join(
            f"{label} {percent(real)} → {percent(made)}" for label, real, made in rows
        )
        beside = faint(beside)
    table = ""
    if with_table:
        names = ("value", "input", "synthetic")
        cells = [(label, percent(real), percent(made)) for label, real, made in share_rows(shown)]
        numbers = Table(names, cells, (False, True, True))
        table = (
            f'<details><summary style="{FAINT};cursor:pointer">as a table</summary>'
            f"{table_html(numbers, most=len(cells))}</details>"
        )
    return (
        f'<figure style="margin:0;min-width:0"><figcaption><b><bdi>{escape(column.name)}</bdi></b> '
        f'<span style="{FAINT}">{percent(column.score)}{what}</span></figcaption>'
        f"{distribution_chart(column.name, shown)}{beside}{table}</figure>"
    )


def _dependence(report: Report) -> Iterator[str]:
    parts = []
    if report.dependence_kept is not None:
        parts.append(
            faint(
                f"Correlations are {percent(report.dependence_kept, 0)} as strong as in the input."
            )
        )
    if report.pairs:
        parts.append(
            faint(
                "Of a pair, 0 % is what independent columns have, 100 % what other rows of the "
                "input have. In the map: dependence in the result minus that in the input; blue "
                "and + is stronger, orange and − is weaker, an empty cell has none beyond chance."
            )
        )
        order = [column.name for column in report.columns]
        columns = len({name for pair in report.pairs for name in pair.columns})
        if (mapped := len(mapped_columns(report.pairs))) < columns:
            parts.append(faint(f"The {mapped} of {columns} columns that differ most:"))
        beside = f"<div>{difference_map(report.pairs, order)}</div>{_pairs(report.pairs)}"
        parts.append(f'<div style="display:flex;flex-wrap:wrap;gap:12px 28px">{beside}</div>')
    if parts:
        yield section("Dependence between columns", parts)


def _pairs(pairs: Sequence[PairFidelity]) -> str:
    names = ("dependence lost most", "kept", "input", "synthetic")
    rows = [
        (
            " × ".join(pair.columns),
            percent(pair.score),
            f"{pair.dependence:.2f}",
            f"{pair.dependence_synthetic:.2f}",
        )
        for pair in pairs[:MOST_PAIRS]
    ]
    return table_html(Table(names, rows, (False, True, True, True)), wraps=True)


def _privacy(report: Report) -> Iterator[str]:
    found = report.memorisation
    rows = []
    if found.dcr_share is not None:
        noise = found.dcr_share_noise
        rows.append(
            (
                "closer to a training row than to a row held back",
                percent(found.dcr_share) + ("" if noise is None else f" ± {percent(noise)}"),
                f"50 %; up to {percent(NO_CLOSER, 0)} may be chance, "
                f"from {percent(SOMEWHAT_CLOSER, 0)} on copies are likely",
            )
        )
    if found.median_distance is not None and found.median_distance_expected is not None:
        rows.append(
            (
                "median distance to the closest training row",
                f"{found.median_distance:.4g}",
                f"{found.median_distance_expected:.4g}",
            )
        )
    if found.exact_row_share is not None:
        fresh = found.exact_row_share_expected
        rows.append(
            (
                "exact copies of a training row",
                percent(found.exact_row_share, 2),
                "" if fresh is None else percent(fresh, 2),
            )
        )
    if report.membership is not None:
        rows += membership_rows(report.membership)
    if found.budget is not None:
        spent = [(one.purpose, f"{one.rho:.4g}", f"{one.delta:.2g}") for one in found.budget.spent]
        table = Table(("spent on", "rho", "delta"), spent, (False, True, True))
        yield section("Privacy budget", [table_html(table)])
    if not rows:
        return
    names = ("of the synthetic rows", "these", "fresh rows, which were held back")
    parts = [table_html(Table(names, rows, (False, True, False)), wraps=True)]
    yield section("Privacy", [*parts, *_returned(report)])


def _returned(report: Report) -> Iterator[str]:
    found = report.memorisation
    yield from map(faint, words.returned(found))
    back = [column for column in found.returned if column.returned][:MOST_LISTED]
    if back:
        names = (
            "rare and identifying values",
            "kind",
            "came back",
            "by chance",
            "of one row",
            "extremes",
            "more than chance",
        )
        rows = [
            (
                one.column,
                one.kind,
                _of(one.returned, one.values),
                f"{one.expected:,.0f}",
                _of(one.singletons_returned, one.singletons),
                _of(one.extremes_returned, one.extremes),
                "✕ yes" if one.is_beyond_chance else "no",
            )
            for one in back
        ]
        table = Table(names, rows, (False, False, True, True, True, True, False))
        yield table_html(table, wraps=True)


def _of(some: int, all: int) -> str:
    return f"{some:,} of {all:,}" if all else ""


def _relations(relations: tuple[RelationFidelity, ...]) -> Iterator[str]:
    broken = [relation for relation in relations if not relation.kept]
    kept = [relation for relation in relations if relation.kept]
    if broken:
        lines = "".join(
            f'<li><span aria-hidden="true">✕</span> {escape(words.broken(relation))}</li>'
            for relation in broken[:MOST_LISTED]
        )
        more = len(broken) - MOST_LISTED
        lines += f"<li>and {more} more</li>" if more > 0 else ""
        yield f"<div>Relations that were not kept:{_list(lines)}</div>"
    if kept:
        sentences = "; ".join(f"<bdi>{escape(each.sentence)}</bdi>" for each in kept[:MOST_LISTED])
        more = len(kept) - MOST_LISTED
        yield (
            f'<div style="{FAINT}"><span aria-hidden="true">✓</span> Relations that were kept: '
            f"{sentences}{f' and {more} more' if more > 0 else ''}.</div>"
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
        f'<div style="{_NAME}">{escape(column.name)}</div></th>'
        '<td style="width:220px;padding:0"><div style="background:rgba(128,128,128,.2);'
        'border-radius:2px"><div style="height:6px;border-radius:2px;'
        f"width:{100 * (column.score - least) / (1 - least):.1f}%;"
        f'background:{GREEN if column.score >= GOOD else AMBER}"></div></div></td>'
        '<td style="padding:0 0 0 10px;text-align:right;white-space:nowrap">'
        f"{percent(column.score)}</td>"
        f'<td style="padding:0 0 0 10px;{FAINT};text-align:left;overflow-wrap:break-word">'
        f"{escape(_compared_by(column))}</td></tr>"
        for column in columns
    )
    scale = (
        '<td style="padding:0"><div style="display:flex;justify-content:space-between;'
        f'font-size:11px;{FAINT}"><span>{percent(least, 0)}</span><span>100 %</span></div></td>'
    )
    return (
        '<table style="margin:8px 0 6px;border-collapse:collapse;color:inherit;font:inherit">'
        f"<tr><td></td>{scale}<td></td><td></td></tr>{rows}</table>"
    )


def _compared_by(column: ColumnFidelity) -> str:
    return COMPARED_BY.get(column.metric, (column.metric, ""))[0]


def _legend(columns: tuple[ColumnFidelity, ...]) -> Iterator[str]:
    metrics = {column.metric for column in columns}
    for metric, (word, subtracted) in COMPARED_BY.items():
        if metric in metrics:
            yield f"{word.capitalize()}: 100 % minus {subtracted}."
