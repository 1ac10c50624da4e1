"""The still form of everything shown: HTML for a saved notebook, text for a terminal and a diff.

Pure functions. The HTML needs no script, takes its colours from the page around it, and escapes
everything that comes from a user; the text makes it inert. The text of an ended job says nothing
that differs from run to run, so that a saved notebook can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from datagen_nb.core import summary
from datagen_nb.core.inert import inert
from datagen_nb.core.summary import FAINT, framed
from datagen_nb.core.words import duration

MAX_COMPARED = 30
"""Columns of a comparison that a saved notebook shows."""

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
    text = f"Job {inert(snapshot['title'])}: {status['status']}, {_rows(status['dataSize'])}"
    if error := status.get("error"):
        text += f". {inert(error['message'])}"
    return text


def job_html(snapshot: Mapping[str, Any]) -> str:
    """A card that stands still."""
    status = snapshot["status"]
    lines = [_head(snapshot), f'<div style="{FAINT}">{escape(_facts(snapshot))}</div>']
    if error := status.get("error"):
        details = error.get("details", {})
        where = f"In {details['stage']}: " if details.get("stage") else ""
        remedy = str(details.get("remedy", ""))
        what = error["message"].removesuffix(remedy).strip()
        lines.append(f"<div><b>{escape(where + what)}</b></div>")
        lines.append(f"<div>{escape(remedy)}</div>")
        request = f" · request {status['requestId']}" if status.get("requestId") else ""
        lines.append(f'<code style="{FAINT}">{escape(error["code"] + request)}</code>')
    lines += [f"<div>⚠ {escape(warning)}</div>" for warning in status["warnings"]]
    lines += [
        f"<div>Run again as {escape(job)}: <code>client.jobs.get({escape(repr(job))})</code></div>"
        for job in snapshot.get("reruns", ())
    ]
    return framed(lines)


def as_of(at: float) -> str:
    """The line that says how old a still form is, from seconds since 1970."""
    then = datetime.fromtimestamp(at).astimezone()
    return f'<div style="{FAINT};font:12px system-ui,sans-serif">as of {_moment(then)}</div>'


def _moment(then: datetime) -> str:
    return f"{then:%H:%M}, {then.day} {then:%b %Y}"


def _head(snapshot: Mapping[str, Any]) -> str:
    status = snapshot["status"]
    state = status["status"]
    return (
        f'<div><b style="color:{_COLOURS.get(state, "inherit")}">{_SIGNS[state]} '
        f"{state.capitalize()}</b> &nbsp;<b><bdi>{escape(snapshot['title'])}</bdi> → "
        f'{_rows(status["dataSize"])}</b> &nbsp;<code style="{FAINT}">'
        f"{escape(status['jobId'])}</code></div>"
    )


BAR = 24


def moving_text(snapshot: Mapping[str, Any]) -> str:
    """A job that goes on, in one line."""
    status = snapshot["status"]
    filled = round(BAR * status["progress"] / 100)
    bar = "█" * filled + "░" * (BAR - filled)
    return f"Job {inert(snapshot['title'])}: {status['status']}  {bar}  {_going(snapshot)}"


def moving_html(snapshot: Mapping[str, Any]) -> str:
    """A job that goes on: a bar, how far it is, and the calls in place of buttons."""
    status = snapshot["status"]
    state = status["status"]
    calls = "job.resume()" if state == "paused" else "job.pause()"
    lines = [
        _head(snapshot),
        '<div style="height:6px;margin:6px 0;border-radius:3px;background:rgba(128,128,128,.25)">'
        f'<div style="height:6px;border-radius:3px;width:{status["progress"]:.1f}%;'
        f'background:{_COLOURS.get(state, "rgba(128,128,128,.6)")}"></div></div>',
        f"<div>{escape(_going(snapshot))}</div>",
        f'<div style="{FAINT}"><code>{calls}</code> &nbsp;<code>job.cancel()</code> &nbsp;'
        "<code>job.logs()</code></div>",
    ]
    lines += [f"<div>⚠ {escape(warning)}</div>" for warning in status["warnings"]]
    return framed(lines)


def _going(snapshot: Mapping[str, Any]) -> str:
    """Where it is, how fast, how long yet, and as of when."""
    if trouble := snapshot.get("trouble"):
        return f"⚠ {inert(trouble)} The job goes on; run the cell again to see it."
    status = snapshot["status"]
    running = [stage["name"] for stage in status["stages"] if stage["status"] == "running"]
    facts = [f"{status['progress']:.0f} %", *running]
    if place := status.get("queuePosition"):
        facts.append(f"number {place} in the queue")
    if until := status.get("startsAfter"):
        facts.append(f"starts at {_at(until)}, after a cancellation")
    facts.append(f"{status['rowsDone']:,} of {_rows(status['dataSize'])}")
    if speed := status.get("rowsPerSecond"):
        facts.append(f"{speed:,.0f} rows/s")
    if left := status.get("secondsLeft"):
        facts.append(f"about {duration(round(left))} left")
    if until := status.get("resumeUntil"):
        facts.append(f"can be resumed until {_at(until)}")
    facts += _pipeline(status["metadata"])
    seen = datetime.fromisoformat(status["lastUpdated"]).astimezone()
    return " · ".join([*facts, f"as of {_moment(seen)}"])


def _at(instant: str) -> str:
    """A time of the day where the kernel runs; of another day, with its date."""
    then = datetime.fromisoformat(instant).astimezone()
    return (
        f"{then:%H:%M:%S}"
        if then.date() == datetime.now().astimezone().date()
        else f"{then:%d %b, %H:%M}"
    )


def _facts(snapshot: Mapping[str, Any]) -> str:
    status = snapshot["status"]
    metadata = status["metadata"]
    if status["status"] == "completed":
        facts = [
            f"{metadata.get('processingTime', 0):.1f} s",
            f"{_size(metadata.get('outputSize', 0))} {snapshot['format']}",
        ]
        if report := snapshot.get("report"):
            facts += [f"fidelity {report['fidelity']:.1%}", f"privacy: {report['privacy']}"]
        return " · ".join([*facts, *_pipeline(metadata)])
    if status["status"] in {"failed", "cancelled"}:
        return ""
    return f"{status['progress']:.0f} % · {status['rowsDone']:,} of {_rows(status['dataSize'])}"


def _pipeline(metadata: Mapping[str, Any]) -> list[str]:
    """Which one runs the job, where there are several."""
    pipeline = metadata.get("pipeline")
    return [f"{inert(pipeline)} pipeline"] if pipeline else []


def _rows(number: int) -> str:
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def _jobs(number: int) -> str:
    return f"{number:,} job" if number == 1 else f"{number:,} jobs"


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


STILL_JOBS = 10


def jobs_text(snapshot: Mapping[str, Any]) -> str:
    """One line."""
    return f"History: {_jobs(snapshot['total'])}"


def jobs_html(snapshot: Mapping[str, Any]) -> str:
    """The first jobs."""
    shown = snapshot["rows"][:STILL_JOBS]
    cell = '<td style="padding:2px 12px 2px 0;text-align:left">'
    whole = 'style="white-space:nowrap;padding-right:12px;text-align'
    rows = "".join(
        f'<tr><td {whole}:left;color:{_COLOURS.get(row["status"], "inherit")}">'
        f"{_SIGNS[row['status']]} {row['status'].capitalize()}</td>"
        f"{cell}{escape(row['name'] or row['id'])}</td>"
        f'<td {whole}:right">{_rows(row["rows"])}</td></tr>'
        for row in shown
    )
    lines = [
        f"<div><b>{_jobs(snapshot['total'])}</b></div>",
        f'<table style="border-collapse:collapse">{rows}</table>',
    ]
    if snapshot["total"] > len(shown):
        lines.append(f'<div style="{FAINT}">and {snapshot["total"] - len(shown):,} more</div>')
    return framed(lines)


def overview_text(snapshot: Mapping[str, Any]) -> str:
    """One line."""
    return f"Dashboard: {', '.join(f'{value} {words}' for value, words in _summed(snapshot))}"


def overview_html(snapshot: Mapping[str, Any]) -> str:
    """The sums, and what needs a look."""
    sums = " &nbsp; ".join(
        f'<span style="margin-right:12px"><b style="font-size:1.4em">{escape(value)}</b> '
        f'<span style="{FAINT}">{escape(words)}</span></span>'
        for value, words in _summed(snapshot)
    )
    alerts = [f"<div>⚠ {escape(alert['message'])}</div>" for alert in snapshot.get("alerts", ())]
    return framed([f"<div>{sums}</div>", *alerts])


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
    return f"Wizard: {inert(_drafted(snapshot))}"


def draft_html(snapshot: Mapping[str, Any]) -> str:
    """What was chosen, and the cell that says the same."""
    lines = [f"<div><b>{escape(_drafted(snapshot))}</b></div>"]
    if code := snapshot.get("code"):
        style = "margin:6px 0;font-family:monospace;white-space:pre-wrap"
        lines.append(f'<pre style="{style}">{escape(code)}</pre>')
    if "table" in snapshot:
        lines += [f"<div>⚠ {escape(problem['words'])}</div>" for problem in snapshot["problems"]]
    return framed(lines)


def _drafted(snapshot: Mapping[str, Any]) -> str:
    if "table" not in snapshot:
        return "no table is chosen yet"
    rows = snapshot["config"].get("dataSize")
    amount = _rows(rows) if isinstance(rows, int) else "rows"
    return f"{amount} like {snapshot['table']['label']}"


def table_html(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[bool],
    num_rows: int,
    num_columns: int,
) -> str:
    """The first rows and columns of a table; columns of ``numbers`` are aligned right."""
    size = f"{_part(len(rows), num_rows)} rows x {_part(len(names), num_columns)} columns"
    return framed(
        [
            summary.table_html(summary.Table(names, rows, numbers)),
            f'<div style="{FAINT}">{size}</div>',
        ]
    )


def comparison_text(snapshot: Mapping[str, Any]) -> str:
    """One line."""
    one, other = (inert(title) for title in snapshot["titles"])
    return f"Comparison of table {one} and table {other}"


def comparison_html(snapshot: Mapping[str, Any]) -> str:
    """How the columns of two tables differ."""
    heads = ("column", "nulls", "nulls, synthetic", "distinct", "distinct, synthetic", "distance")
    rows = [
        (
            column["name"],
            *(f"{share:.1%}" for share in column["nulls"]),
            *(f"{count:,}" for count in column["distinct"]),
            f"{column['distance']:.1%}" if "distance" in column else "",
        )
        for column in snapshot["columns"][:MAX_COMPARED]
    ]
    numbers = [False, True, True, True, True, True]
    title = f"<b>{escape(comparison_text(snapshot))}</b>"
    return framed([title, summary.table_html(summary.Table(heads, rows, numbers))])


def _part(shown: int, there: int) -> str:
    return f"{shown:,} of {there:,}" if shown < there else f"{there:,}"
