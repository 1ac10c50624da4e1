"""The still form of everything shown: HTML for a saved notebook, text for a terminal and a diff.

Pure functions. The HTML needs no script, takes its colours from the page around it, and escapes
everything that comes from a user. The text of an ended job says nothing that differs from run to
run, so that a saved notebook can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from datagen_nb.core.result import Report

_FRAME = (
    "border:1px solid rgba(128,128,128,.35);border-radius:6px;padding:10px 14px;max-width:760px;"
    "font:13px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere"
)
_FAINT = "opacity:.7"
_SIGNS = {
    "queued": "◷",
    "running": "◔",
    "completed": "✓",
    "failed": "✕",
    "cancelled": "⊘",
    "paused": "‖",
}
_COLOURS = {"completed": "#2e8b57", "failed": "#d9534f", "paused": "#c77700", "running": "#3b82d6"}


def job_text(snapshot: Mapping[str, Any]) -> str:
    """One line."""
    status = snapshot["status"]
    text = f"Job {snapshot['title']}: {status['status']}, {status['dataSize']:,} rows"
    if error := status.get("error"):
        text += f". {error['message']}"
    return text


def job_html(snapshot: Mapping[str, Any]) -> str:
    """A card that stands still."""
    status = snapshot["status"]
    state = status["status"]
    lines = [
        f'<div><b style="color:{_COLOURS.get(state, "inherit")}">{_SIGNS[state]} '
        f"{state.capitalize()}</b> &nbsp;<b>{escape(snapshot['title'])} → "
        f'{status["dataSize"]:,} rows</b> &nbsp;<code style="{_FAINT}">'
        f"{escape(status['jobId'])}</code></div>",
        f'<div style="{_FAINT}">{escape(_facts(snapshot))}</div>',
    ]
    if error := status.get("error"):
        details = error.get("details", {})
        where = f"In {details['stage']}: " if details.get("stage") else ""
        lines.append(f"<div><b>{escape(where + error['message'])}</b></div>")
        lines.append(f"<div>{escape(str(details.get('remedy', '')))}</div>")
        lines.append(f'<code style="{_FAINT}">{escape(error["code"])}</code>')
    lines += [f"<div>⚠ {escape(warning)}</div>" for warning in status["warnings"]]
    return _framed(lines)


def _facts(snapshot: Mapping[str, Any]) -> str:
    status = snapshot["status"]
    metadata = status["metadata"]
    if status["status"] == "completed":
        facts = [
            f"{metadata.get('processingTime', 0):.1f} s",
            f"{_size(metadata.get('outputSize', 0))} {snapshot['format']}",
        ]
        if report := snapshot.get("report"):
            facts += [f"fidelity {report['fidelity']:.1%}", report["memorisation"]]
        return " · ".join(facts)
    if status["status"] in {"failed", "cancelled"}:
        return ""
    return f"{status['progress']:.0f} % · {status['rowsDone']:,} of {status['dataSize']:,} rows"


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


STILL_JOBS = 10


def jobs_text(snapshot: Mapping[str, Any]) -> str:
    """One line."""
    return f"History: {snapshot['total']:,} jobs"


def jobs_html(snapshot: Mapping[str, Any]) -> str:
    """The first jobs."""
    shown = snapshot["rows"][:STILL_JOBS]
    cell = '<td style="padding:2px 12px 2px 0;text-align:left">'
    rows = "".join(
        f'<tr>{cell}<span style="color:{_COLOURS.get(row["status"], "inherit")}">'
        f"{_SIGNS[row['status']]} {row['status'].capitalize()}</span></td>"
        f"{cell}{escape(row['name'] or row['id'])}</td>"
        f'<td style="text-align:right">{row["rows"]:,} rows</td></tr>'
        for row in shown
    )
    lines = [
        f"<div><b>{snapshot['total']:,} jobs</b></div>",
        f'<table style="border-collapse:collapse">{rows}</table>',
    ]
    if snapshot["total"] > len(shown):
        lines.append(f'<div style="{_FAINT}">and {snapshot["total"] - len(shown):,} more</div>')
    return _framed(lines)


def overview_text(snapshot: Mapping[str, Any]) -> str:
    """One line."""
    return f"Dashboard: {', '.join(f'{value} {words}' for value, words in _summed(snapshot))}"


def overview_html(snapshot: Mapping[str, Any]) -> str:
    """The sums, and what needs a look."""
    sums = "".join(
        f'<span style="margin-right:24px"><b style="font-size:1.4em">{escape(value)}</b> '
        f'<span style="{_FAINT}">{escape(words)}</span></span>'
        for value, words in _summed(snapshot)
    )
    alerts = [f"<div>⚠ {escape(alert['message'])}</div>" for alert in snapshot.get("alerts", ())]
    return _framed([f"<div>{sums}</div>", *alerts])


def _summed(snapshot: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "sums" not in snapshot:
        return [("nothing", f"known: {snapshot['trouble']}")]
    limits, ended = snapshot["limits"], snapshot["sums"]["ended"]
    return [
        (f"{limits['currentJobs']:,}", f"running, {limits['waitingJobs']:,} queued"),
        (f"{ended.get('completed', 0):,}", f"completed in {snapshot['days']} days"),
        (f"{ended.get('failed', 0):,}", "failed"),
    ]


def draft_text(snapshot: Mapping[str, Any]) -> str:
    """One line."""
    return f"Wizard: {_drafted(snapshot)}"


def draft_html(snapshot: Mapping[str, Any]) -> str:
    """What was chosen, and the cell that says the same."""
    lines = [f"<div><b>{escape(_drafted(snapshot))}</b></div>"]
    if code := snapshot.get("code"):
        lines.append(f'<pre style="margin:6px 0;white-space:pre-wrap">{escape(code)}</pre>')
    lines += [f"<div>⚠ {escape(problem['words'])}</div>" for problem in snapshot["problems"]]
    return _framed(lines)


def _drafted(snapshot: Mapping[str, Any]) -> str:
    if "table" not in snapshot:
        return "no table is chosen yet"
    rows = snapshot["config"].get("dataSize")
    said = f"{rows:,} rows" if isinstance(rows, int) else "rows"
    return f"{said} like {snapshot['table']['label']}"


def report_text(report: Report) -> str:
    """A few lines; the worst columns."""
    worst = sorted(report.columns, key=lambda column: column.score)[:3]
    lines = [
        f"Fidelity {report.fidelity:.1%}, {report.memorisation.in_words()}",
        *(f"  {column.name}: {column.score:.1%}" for column in worst),
    ]
    return "\n".join([*lines, *report.notes])


def report_html(report: Report) -> str:
    """Fidelity by column with bars, the worst pairs, and memorisation in words."""
    found = report.memorisation
    pairs = "" if report.pair_fidelity is None else f" · pairs {report.pair_fidelity:.1%}"
    lines = [
        f'<div style="font-size:15px"><b>Fidelity {report.fidelity:.1%}</b> '
        f'<span style="{_FAINT}">columns {report.column_fidelity:.1%}{pairs}</span></div>',
        f"<div><b>Memorisation:</b> {escape(found.in_words())}.</div>",
        f'<div style="{_FAINT}">{escape(_closeness(report))}</div>',
        _bars((column.name, column.score, column.metric) for column in report.columns),
    ]
    if report.pairs:
        worst = ", ".join(
            f"{' × '.join(pair.columns)} {pair.score:.1%}" for pair in report.pairs[:3]
        )
        lines.append(f'<div style="{_FAINT}">Pairs least alike: {escape(worst)}</div>')
    lines.append(
        f'<div style="{_FAINT}">{report.rows_synthetic:,} synthetic rows against '
        f"{report.rows_training:,} learnt from and {report.rows_held_back:,} held back.</div>"
    )
    lines += [f'<div style="{_FAINT}">{escape(note)}</div>' for note in report.notes]
    return _framed(lines)


def _closeness(report: Report) -> str:
    found = report.memorisation
    facts = []
    if found.dcr_share is not None:
        facts.append(f"{found.dcr_share:.1%} are closer to a row learnt from (50 % is ideal)")
    facts.append(f"{found.exact_row_share:.2%} equal a row learnt from")
    if found.exact_row_share_expected is not None:
        facts.append(f"{found.exact_row_share_expected:.2%} of your held-back rows do")
    return " · ".join(facts)


def _bars(scores: Iterable[tuple[str, float, str]]) -> str:
    rows = "".join(
        f'<tr><td style="padding:1px 12px 1px 0;text-align:left">{escape(name)}</td>'
        '<td style="width:180px"><div style="background:rgba(128,128,128,.2);border-radius:2px">'
        f'<div style="width:{100 * score:.1f}%;height:6px;border-radius:2px;'
        f'background:{_COLOURS["completed"] if score >= 0.9 else _COLOURS["paused"]}"></div></div>'
        f'</td><td style="padding-left:10px;text-align:right">{score:.1%}</td>'
        f'<td style="padding-left:10px;{_FAINT};text-align:left">{escape(metric)}</td></tr>'
        for name, score, metric in scores
    )
    return f'<table style="margin:6px 0;border-collapse:collapse">{rows}</table>'


def table_html(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[bool],
    num_rows: int,
    num_columns: int,
) -> str:
    """The first rows and columns of a table; columns of ``numbers`` are aligned right."""
    line = "padding:2px 10px;border-bottom:1px solid rgba(128,128,128,.2);text-align:"
    cells = [f"{line}{'right' if number else 'left'}" for number in numbers]
    head = "".join(
        f'<th style="{cell}">{escape(name)}</th>' for cell, name in zip(cells, names, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{cell}">{escape(value)}</td>'
            for cell, value in zip(cells, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    size = f"{_part(len(rows), num_rows)} rows x {_part(len(names), num_columns)} columns"
    return _framed(
        [
            '<div style="overflow-x:auto"><table style="border-collapse:collapse">'
            f"<tr>{head}</tr>{body}</table></div>",
            f'<div style="{_FAINT}">{size}</div>',
        ]
    )


def _part(shown: int, there: int) -> str:
    return f"{shown:,} of {there:,}" if shown < there else f"{there:,}"


def _framed(lines: Iterable[str]) -> str:
    return f'<div style="{_FRAME}">{"".join(lines)}</div>'
