"""The charts of a report as SVG that stands still, to be put into HTML.

No script and no style sheet: an attribute is what untrusted notebooks, static sites and mail keep.
Ink is that of the page around, so both themes can be read; the result is an outline over bars of
the input, so neither colour nor its absence says anything alone. Each chart says in words what it
shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import pairwise
from math import log1p

from datagen_nb.core.distribution import Distribution
from datagen_nb.core.result import PairFidelity

MADE = "#3b82d6"
"""Colour of the result; readable at 3:1 or more on white and on black."""

MORE, LESS = "#3b82d6", "#c77700"
"""Of dependence that is stronger, and weaker, than in the input."""

WIDTH, HEIGHT = 280, 96
ROW = 17
LABEL = 96
"""Width of a label beside a bar."""

SHORT = 15
"""Characters of such a label."""

MOST_MAPPED = 20
"""Columns of a map."""

FULL = 0.3
"""A difference of dependence that is drawn in full colour."""

_INK = 'fill="currentColor"'
_OUTLINE = f'fill="none" stroke="{MADE}" stroke-width="2"'
_TEXT = f'{_INK} font-size="11" font-family="system-ui,sans-serif"'


def share_rows(shown: Distribution) -> list[tuple[str, float, float]]:
    """What a chart shows: a range or a category, its share of the input, and of the result."""
    labels = _ranges(shown) if shown.edges else shown.labels
    rows = list(zip(labels, shown.input, shown.synthetic, strict=True))
    if shown.others or shown.others_synthetic:
        rows.append((_others(shown), shown.others, shown.others_synthetic))
    if shown.missing or shown.missing_synthetic:
        rows.append(("missing", shown.missing, shown.missing_synthetic))
    total = max(sum(real for _, real, _ in rows), 1)
    total_made = max(sum(made for _, _, made in rows), 1)
    return [(label, real / total, made / total_made) for label, real, made in rows]


def distribution_chart(name: str, shown: Distribution) -> str:
    """Both distributions of a column over each other."""
    rows = share_rows(shown)
    return _histogram(name, shown, rows) if shown.edges else _bars(name, rows)


def value_text(shown: Distribution, value: float) -> str:
    """An end of a range, short."""
    if shown.of == "instants":
        return _instant(value)
    if shown.of == "times":
        return str(timedelta(seconds=value))
    return f"{value:,.6g}"


def _instant(value: float) -> str:
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    except OverflowError:
        return f"{value:,.0f} s"
    if (at.hour, at.minute, at.second) == (0, 0, 0):
        return f"{at:%Y-%m-%d}"
    return f"{at:%Y-%m-%d %H:%M}" if at.second == 0 else f"{at:%Y-%m-%d %H:%M:%S}"


def _ranges(shown: Distribution) -> list[str]:
    ends = [value_text(shown, end) for end in shown.edges]
    names = [f"{low} to {high}" for low, high in pairwise(ends)]
    if len(names) > 1:
        names[0], names[-1] = f"up to {ends[1]}", f"{ends[-2]} and more"
    return names


def _others(shown: Distribution) -> str:
    return "other values" if shown.labels or shown.edges else f"any of {shown.of}"


def _said(name: str, rows: Sequence[tuple[str, float, float]]) -> str:
    if not rows:
        return f"{name}: no values"
    label, real, made = max(rows, key=lambda row: abs(row[1] - row[2]))
    return (
        f"{name}: input and synthetic rows by value. They differ most at {label}: {real:.1%} of "
        f"the input, {made:.1%} of the synthetic rows"
    )


def _svg(said: str, width: float, height: float, parts: Iterator[str] | Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(said)}" viewBox="0 0 {width:g} {height:g}" '
        f'style="width:{width:g}px;max-width:100%;height:auto;overflow:visible">'
        f"{''.join(parts)}</svg>"
    )


def _histogram(name: str, shown: Distribution, rows: list[tuple[str, float, float]]) -> str:
    places = _places(shown)
    ranges = rows[: len(shown.input)]
    widths = [high - low for low, high in pairwise(places)]
    most = max(
        max(share / wide for share in shares)
        for (_, *shares), wide in zip(ranges, widths, strict=True)
    )
    parts, line = [], [f"M0 {HEIGHT}"]
    for (label, real, made), start, wide in zip(ranges, places[:-1], widths, strict=True):
        tall, tall_made = (HEIGHT * share / wide / (most or 1.0) for share in (real, made))
        title = f"{label}: input {real:.1%}, synthetic {made:.1%}"
        parts.append(
            f'<rect x="{start:.1f}" y="{HEIGHT - tall:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}" {_INK} opacity=".3"><title>{escape(title)}</title></rect>'
        )
        line.append(f"V{HEIGHT - tall_made:.1f}H{start + wide:.1f}")
    parts.append(f'<path d="{"".join(line)}V{HEIGHT}" {_OUTLINE}/>')
    parts.append(f'<path d="M0 {HEIGHT}H{WIDTH}" stroke="currentColor" opacity=".5"/>')
    middle = min(range(1, len(places)), key=lambda place: abs(places[place] - WIDTH / 2))
    ends = [(0, "start"), (len(places) - 1, "end")]
    if WIDTH / 4 < places[middle] < WIDTH * 3 / 4 and shown.of != "instants":
        ends.append((middle, "middle"))
    parts += [
        f'<text x="{places[place]:.1f}" y="{HEIGHT + 14}" text-anchor="{anchor}" {_TEXT}>'
        f"{escape(value_text(shown, shown.edges[place]))}</text>"
        for place, anchor in ends
    ]
    return _svg(_said(name, rows), WIDTH, HEIGHT + 18, parts)


def _places(shown: Distribution) -> list[float]:
    """Where the ends of the ranges are drawn."""
    ends = list(shown.edges)
    if shown.is_logarithmic:
        unit = next(end for end in ends if end > 0)
        ends = [log1p(end / unit) for end in ends]
    return [WIDTH * (end - ends[0]) / (ends[-1] - ends[0]) for end in ends]


def _bars(name: str, rows: list[tuple[str, float, float]]) -> str:
    most = max((max(shares) for _, *shares in rows), default=0.0) or 1.0
    parts = []
    for place, (label, *shares) in enumerate(rows):
        top = place * ROW
        real, made = ((WIDTH - LABEL) * share / most for share in shares)
        title = f"{label}: input {shares[0]:.1%}, synthetic {shares[1]:.1%}"
        parts.append(
            f'<text x="{LABEL - 6}" y="{top + 12}" text-anchor="end" {_TEXT}>'
            f"{escape(_short(label))}</text>"
            f'<rect x="{LABEL}" y="{top + 2}" width="{real:.1f}" height="12" {_INK} '
            f'opacity=".3"><title>{escape(title)}</title></rect>'
            f'<path d="M{LABEL} {top + 2}h{made:.1f}v12h-{made:.1f}" {_OUTLINE}/>'
        )
    return _svg(_said(name, rows), WIDTH, max(len(rows), 1) * ROW + 2, parts)


def _short(label: str) -> str:
    return label if len(label) <= SHORT else f"{label[: SHORT - 1]}…"


def difference(pair: PairFidelity) -> float:
    """How much stronger two columns depend on each other than in the input; negative if less."""
    real, made = pair.dependence, pair.dependence_synthetic
    return abs(made) - abs(real) if real * made >= 0 else -abs(made - real)


def mapped_columns(pairs: Sequence[PairFidelity]) -> list[str]:
    """The columns of the map: those of which the pairs differ most."""
    sums: dict[str, float] = {}
    for pair in pairs:
        for name in pair.columns:
            sums[name] = sums.get(name, 0.0) + abs(difference(pair))
    return sorted(sums, key=lambda name: -sums[name])[:MOST_MAPPED]


def difference_map(pairs: Sequence[PairFidelity], order: Sequence[str]) -> str:
    """A cell for each pair of columns: how much their dependence differs from the input's."""
    chosen = set(mapped_columns(pairs))
    names = [name for name in order if name in chosen]
    size = 34 if len(names) <= 12 else 24
    found = {frozenset(pair.columns): difference(pair) for pair in pairs}
    left = LABEL + 20
    parts = []
    for row, name in enumerate(names):
        top = row * size
        parts.append(
            f'<text x="{left - 6}" y="{top + size / 2 + 4:g}" text-anchor="end" {_TEXT}>'
            f"{escape(_short(name))}</text>"
        )
        for place, other in enumerate(names[:row]):
            value = found.get(frozenset((name, other)))
            parts += _cell(left + place * size, top, size, f"{name} and {other}", value)
        parts.append(
            f'<text x="{left + row * size + 4:g}" y="{top + size / 2 + 4:g}" {_TEXT}>'
            f"{escape(_short(name))}</text>"
        )
    worst = max(pairs, key=lambda pair: abs(difference(pair)))
    said = (
        f"Difference of dependence between {len(names)} columns. The largest is that of "
        f"{worst.columns[0]} and {worst.columns[1]}: {difference(worst):+.2f}"
    )
    return _svg(said, left + len(names) * size + LABEL, len(names) * size + 2, parts)


def _cell(left: float, top: float, size: int, name: str, value: float | None) -> Iterator[str]:
    box = f'x="{left:g}" y="{top:g}" width="{size - 1}" height="{size - 1}"'
    if value is None:
        title = f"{name}: no dependence beyond chance, or not compared"
        yield f'<rect {box} {_INK} opacity=".06"><title>{escape(title)}</title></rect>'
        return
    title = f"{name}: {value:+.2f}"
    colour, opacity = MORE if value > 0 else LESS, 0.05 + 0.6 * min(abs(value) / FULL, 1.0)
    yield (
        f'<rect {box} fill="{colour}" opacity="{opacity:.2f}"><title>{escape(title)}</title></rect>'
    )
    yield (
        f'<text x="{left + (size - 1) / 2:g}" y="{top + size / 2 + 3:g}" text-anchor="middle" '
        f'{_INK} font-size="{10 if size > 30 else 8}" font-family="system-ui,sans-serif">'
        f"{_signed(value)}</text>"
    )


def _signed(value: float) -> str:
    """Two decimals, as ``+.07``; what rounds to nothing as 0."""
    text = f"{value:+.2f}"
    return "0" if text[1:] == "0.00" else text.replace("0.", ".").replace("-", "−")
