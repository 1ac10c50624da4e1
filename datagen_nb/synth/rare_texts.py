"""Texts of which too few rows have any: whatever they are, none of them may be drawn."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.arrays import plain
from datagen_nb.synth.column_kind import ColumnKind
from datagen_nb.synth.identities import meaning
from datagen_nb.synth.kinds import identifier, text
from datagen_nb.synth.profile import ColumnFacts

MIN_LEVELS = 20
"""So few values are levels, even if none has many rows: of a small table nothing else is left."""

MIN_ROWS_JUDGED = 20
"""Of fewer rows their number of distinct values says little."""

MANY = 200
"""Distinct values from which on half of the rows may share one."""


def kind_without_levels(
    column: pa.ChunkedArray, facts: ColumnFacts, min_count: int
) -> ColumnKind | None:
    """The kind as which texts are made anew; ``None`` if they have levels that can be drawn.

    Args:
        column: The texts in some rows.
        facts: Of the whole table.
        min_count: A value that fewer rows have is not used as it is.
    """
    texts = plain(column)
    is_rare = _are_rare(texts, facts, min_count)
    pointing = _pointing_at_rows(texts.drop_null(), facts)
    if pointing is not None:
        if not (facts.is_unique or is_rare):
            return None
        return pointing if _have_words(texts) else identifier.KIND
    if facts.distinct < MIN_LEVELS or not is_rare:
        return None
    return text.KIND if meaning.mean_words(pc.unique(texts)) > 1 else identifier.KIND


def _pointing_at_rows(texts: pa.ChunkedArray, facts: ColumnFacts) -> ColumnKind | None:
    """The kind of texts most of which point at one row each."""
    if facts.distinct <= 1 or not len(texts):
        return None
    share = facts.distinct / facts.present
    words = pc.mean(pc.add(pc.count_substring_regex(texts, r"\s+"), 1)).as_py()
    longest = pc.max(pc.utf8_length(texts)).as_py()
    if facts.present < MIN_ROWS_JUDGED:
        return text.KIND if share > 0.5 and words >= 4 else None
    if share > 0.9 or (share > 0.5 and facts.distinct >= MANY):
        return identifier.KIND if words == 1 and longest <= 64 else text.KIND
    return text.KIND if share > 0.4 and words >= 3 else None


def _have_words(texts: pa.ChunkedArray) -> bool:
    """Whether most texts hold a word; without one, as in ``52.51, 13.40``, they are no prose."""
    return meaning.share_matching(pc.unique(texts), r"(?s).*\pL{2}.*") > 0.5


def _are_rare(texts: pa.ChunkedArray, facts: ColumnFacts, min_count: int) -> bool:
    """Whether no value has enough rows, in the whole table as far as these rows show."""
    most = pc.max(pc.value_counts(texts.drop_null()).field("counts")).as_py() or 0
    return bool(most < min_count and facts.rows_per_value < min_count)
