"""Texts put together from other columns of the same row, such as a whole address of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities.maker import Maker, Numbers

MIN_JOINED = 0.98
"""Share of the texts that must be put together in the one way."""

MIN_LENGTH = 2
"""Characters of a part on average; shorter ones are in a text by chance."""


@dataclass(frozen=True)
class TextsOfColumns:
    """Texts of parts that other columns have.

    Attributes:
        columns: The columns, from left to right.
        between: What stands before, between and after them: one more than columns.
        other: Makes the texts of rows for which these columns are not known.
    """

    columns: tuple[str, ...]
    between: tuple[str, ...]
    other: Maker

    @property
    def needs(self) -> tuple[str, ...]:
        return self.columns

    @property
    def is_unique(self) -> bool:
        return False

    def rekeyed(self, shift: int) -> TextsOfColumns:
        return replace(self, other=self.other.rekeyed(shift))

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one text for each number; see `Maker`."""
        if not all(name in given for name in self.columns):
            return self.other.make(numbers, given, random)
        rows = len(numbers)
        parts = [pa.repeat(self.between[0], rows)]
        for name, after in zip(self.columns, self.between[1:], strict=True):
            parts += [pc.fill_null(given[name].cast(pa.string()), ""), pa.repeat(after, rows)]
        return pc.binary_join_element_wise(*parts, "")


def fit_texts_of_columns(
    texts: Sequence[str],
    parts: Mapping[str, Sequence[str | None]],
    *,
    other: Maker,
    min_count: int,
) -> TextsOfColumns | None:
    """Find out of which columns texts are put together.

    Args:
        texts: The texts of some rows.
        parts: The texts of other columns in the same rows.
        other: Makes such texts where those columns are not known.
        min_count: So many rows must have what stands between them.

    Returns:
        None if they are not put together of two columns or more in one way.
    """
    near = {
        name: values
        for name, values in parts.items()
        if _mean_length(values) >= MIN_LENGTH and _share_within(values, texts) >= MIN_JOINED
    }
    if len(near) < 2:
        return None
    ways = Counter(
        _way(text, {name: near[name][row] or "" for name in near}) for row, text in enumerate(texts)
    )
    (columns, between), count = ways.most_common(1)[0]
    if len(columns) < 2 or count < max(MIN_JOINED * len(texts), min_count):
        return None
    return TextsOfColumns(columns, between, other)


def _way(text: str, parts: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns whose texts are found, the longest first, and what is left around them."""
    pieces: list[tuple[str, bool]] = [(text, False)]
    for name in sorted(parts, key=lambda name: -len(parts[name])):
        place = next(
            (
                place
                for place, (piece, is_column) in enumerate(pieces)
                if parts[name] and not is_column and parts[name] in piece
            ),
            None,
        )
        if place is not None:
            before, _, after = pieces[place][0].partition(parts[name])
            pieces[place : place + 1] = [(before, False), (name, True), (after, False)]
    columns = tuple(piece for piece, is_column in pieces if is_column)
    return columns, tuple(piece for piece, is_column in pieces if not is_column)


def _mean_length(values: Sequence[str | None]) -> float:
    return float(np.mean([len(value or "") for value in values] or [0]))


def _share_within(values: Sequence[str | None], texts: Sequence[str]) -> float:
    found = [value is not None and value in text for value, text in zip(values, texts, strict=True)]
    return float(np.mean(found or [False]))
