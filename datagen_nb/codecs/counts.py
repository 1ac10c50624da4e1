"""The distinct texts of a column and how many rows have each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.vocabulary import MISSING


@dataclass(frozen=True, slots=True)
class Counts:
    """Distinct texts, in the order of the column.

    Attributes:
        texts: None of them null.
        rows: How many rows have each.
    """

    texts: pa.Array
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, flags: npt.NDArray[np.bool_]) -> Counts:
        """Those that are flagged."""
        if flags.all():
            return self
        return Counts(self.texts.filter(pa.array(flags)), self.rows[flags])

    def head(self, size: int) -> Counts:
        """The commonest texts, and others from all over the column."""
        if len(self) <= size:
            return self
        common = np.argsort(-self.rows, kind="stable")[: size // 3]
        spread = np.linspace(0, len(self) - 1, size - len(common)).astype(np.int64)
        places = np.unique(np.concatenate([common, spread]))
        return Counts(self.texts.take(pa.array(places)), self.rows[places])

    def are_missing(self) -> npt.NDArray[np.bool_]:
        """Which texts usually stand for a missing value: ``n.a.``, ``?``, nothing at all."""
        plain = pc.utf8_lower(pc.utf8_trim_whitespace(self.texts))
        is_word = pc.is_in(plain, value_set=pa.array(sorted(MISSING), pa.string()))
        has_none = pc.invert(pc.match_substring_regex(plain, r"[\pL\pN]"))
        flags: npt.NDArray[np.bool_] = pc.or_(is_word, has_none).to_numpy(zero_copy_only=False)
        return flags

    def commonest(self) -> tuple[str, ...]:
        """The texts, those of the most rows first."""
        texts = self.texts.to_pylist()
        order = sorted(range(len(texts)), key=lambda place: (-self.rows[place], texts[place]))
        return tuple(texts[place] for place in order)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            pa.concat_arrays([self.texts, other.texts]), np.concatenate([self.rows, other.rows])
        )


def count(column: pa.ChunkedArray) -> Counts:
    """Count the texts of a column."""
    found = pc.value_counts(column.drop_null().cast(pa.string()))
    return Counts(found.field("values"), found.field("counts").to_numpy())
