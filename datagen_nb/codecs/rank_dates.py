"""Which of several spellings that read the same dates is meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from datagen_nb.codecs.codec import Numbers, spell
from datagen_nb.codecs.dates import DateSpelling
from datagen_nb.codecs.patterns import split

MIN_FIT = 0.5
"""Share of a shape's rows that a pattern must read."""

MOSTLY = 0.9
"""Share of neighbours in order from which on a column counts as sorted."""


def best_spelling(
    candidates: Sequence[DateSpelling],
    texts: Sequence[str],
    weights: Sequence[int],
    like: DateSpelling | None,
) -> DateSpelling | None:
    """The candidate that reads the most rows; of equals the likelier."""
    array, rows = pa.array(texts, pa.string()), np.asarray(weights)
    scored = []
    for rank, candidate in enumerate(candidates):
        numbers, fits = spell(candidate, array)
        read = float(rows[fits].sum() / rows.sum())
        if read < MIN_FIT:
            continue
        is_like = like is not None and _order(like) == _order(candidate)
        scored.append((round(read, 3), is_like, _plausibility(candidate, numbers[fits]), -rank))
    if not scored:
        return None
    return candidates[-max(scored)[-1]]


def _order(spelling: DateSpelling) -> list[str]:
    return [part[-1].lower() for part in split(spelling.pattern) if part[-1] in "dmYy"]


def _plausibility(spelling: DateSpelling, numbers: Numbers) -> float:
    """Of two orders that both read all: dates in order, or all on the first of a month.

    Dates that begin with the year have their month next: January alone is no column of firsts.
    """
    if spelling.unit == "time64[us]" or len(numbers) < 3:
        return 0.0
    days = numbers if spelling.unit == "date32" else numbers // 86_400_000_000
    dates = days.astype("datetime64[D]")
    are_first = (
        spelling.unit == "date32"
        and _order(spelling)[:1] != ["y"]
        and (dates == dates.astype("datetime64[M]")).all()
    )
    steps = np.diff(days)
    in_order = max(float((steps >= 0).mean()), float((steps <= 0).mean()))
    return float(in_order > MOSTLY) + float(are_first)
