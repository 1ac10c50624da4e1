"""The distinct values of a column: counted exactly while they are few, then by a sample.

Values of the smallest hashes are kept, each with the exact number of its rows. Which ones these
are is a property of the set of rows: they depend neither on batches nor on the order of merging.
Source: Gibbons, Distinct sampling for highly-accurate answers to distinct values queries, 2001;
Bar-Yossef et al., Counting distinct elements in a data stream, 2002, for the estimate.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.profile.hashing import Hashes, hash_values, is_text
from datagen_nb.synth.profile.seen import Seen

MAX_LEVELS = 100_000
"""Distinct values that are counted one by one, of a table of at most 40 columns."""

SAMPLED = 1 << 14
"""Distinct values that are kept of more: the estimate is then off by 0.8 % (one deviation)."""

LEVEL_BYTES = 8 << 20
"""Bytes of a column's distinct texts that are kept; of more, only hashes and counts are."""

SEEN_BITS = 25
"""Bits of the set of all values, of a column of more: 4 MB."""

TABLE_LEVELS = 4_000_000
TABLE_BYTES = 96 << 20
TABLE_SEEN_BITS = 29
"""What all columns of a table share: a profile takes at most 200 MB, however wide the table."""

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept of one column; a function of the table's width, so that pieces agree.

    Attributes:
        levels: Distinct values that are counted one by one.
        sampled: Distinct values that are kept of more.
        bytes: Bytes of texts.
        seen_bits: Of the set of all values, as bits of a hash; 0 for none.
    """

    levels: int = MAX_LEVELS
    sampled: int = SAMPLED
    bytes: int = LEVEL_BYTES
    seen_bits: int = SEEN_BITS

    @classmethod
    def of(cls, columns: int) -> Self:
        """For each column of a table of so many."""
        levels = min(MAX_LEVELS, TABLE_LEVELS // max(columns, 1))
        seen_bits = min(SEEN_BITS, TABLE_SEEN_BITS - max(columns, 1).bit_length())
        kept = min(LEVEL_BYTES, TABLE_BYTES // max(columns, 1))
        return cls(levels, min(SAMPLED, levels), kept, seen_bits)


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """Distinct values of a column in the order of their hashes.

    Attributes:
        bounds: How many are kept.
        hashes: Ascending; all of them, or the smallest.
        counts: Rows of each.
        is_exact: Whether these are all.
        values: The values themselves; ``None`` if they are not all kept.
        seen: The set of all hashes where these are not all; ``None`` where they are.
    """

    bounds: Bounds
    hashes: Hashes
    counts: Counts
    is_exact: bool
    values: pa.Array | None
    seen: Seen | None = None

    @classmethod
    def none(cls, type: pa.DataType, bounds: Bounds) -> Self:
        """Of no rows."""
        hashes, counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        return cls(bounds, hashes, counts, is_exact=True, values=pa.array([], type))

    @property
    def estimate(self) -> int:
        """How many distinct values there are."""
        if self.is_exact:
            return len(self.hashes)
        share = float(self.hashes[-1]) / 2.0**64
        return round((len(self.hashes) - 1) / share)

    @property
    def all_seen(self) -> Seen | None:
        """The set of all values, and of some others; ``None`` if it is not kept."""
        if not self.bounds.seen_bits:
            return None
        return Seen.of(self.hashes) if self.seen is None else self.seen

    def counted(self, values: pa.Array) -> Self:
        """With further rows.

        Args:
            values: Of these rows, without nulls and NaN.
        """
        hashes = hash_values(values)
        seen = None if self.seen is None else self.seen.with_hashes(hashes)
        if not self.is_exact:
            hashes = hashes[hashes <= self.hashes[-1]]
        found, counts = _counts(np.sort(hashes))
        known, place, is_new = self._add(found, counts)
        if not is_new.any():
            return dataclasses.replace(self, counts=known, seen=seen)
        new = None
        if self.values is not None:
            rows = _rows_of(found[is_new], hashes)
            new = pa.concat_arrays([self.values, values.take(pa.array(rows))])
        hashes = np.insert(self.hashes, place, found[is_new])
        counts = np.insert(known, place, counts[is_new])
        values = _taken(new, place)
        return self._bounded(hashes, counts, values, is_exact=self.is_exact, seen=seen)

    def merged(self, other: Distinct) -> Self:
        """With the rows of another one."""
        known, place, is_new = self._add(other.hashes, other.counts)
        new = None
        if self.values is not None and other.values is not None:
            new = pa.concat_arrays([self.values, other.values.filter(pa.array(is_new))])
        hashes = np.insert(self.hashes, place, other.hashes[is_new])
        counts = np.insert(known, place, other.counts[is_new])
        is_exact = self.is_exact and other.is_exact
        seen = None
        if not is_exact and self.bounds.seen_bits:
            seen = self._as_seen().merged(other._as_seen())
        return self._bounded(hashes, counts, _taken(new, place), is_exact=is_exact, seen=seen)

    def _as_seen(self) -> Seen:
        if self.seen is not None:
            return self.seen
        return Seen.none(self.bounds.seen_bits).with_hashes(self.hashes)

    def _add(self, hashes: Hashes, counts: Counts) -> tuple[Counts, Places, Flags]:
        """Counts of the known values, places of the new ones among them, and which are new."""
        place = np.searchsorted(self.hashes, hashes)
        is_new = np.ones(len(hashes), np.bool_)
        inside = place < len(self.hashes)
        is_new[inside] = self.hashes[place[inside]] != hashes[inside]
        known = self.counts.copy()
        known[place[~is_new]] += counts[~is_new]
        return known, place[is_new], is_new

    def _bounded(
        self,
        hashes: Hashes,
        counts: Counts,
        values: pa.Array | None,
        *,
        is_exact: bool,
        seen: Seen | None,
    ) -> Self:
        if not is_exact or len(hashes) > self.bounds.levels:
            if seen is None and self.bounds.seen_bits:
                seen = Seen.none(self.bounds.seen_bits).with_hashes(hashes)
            kept = slice(self.bounds.sampled)
            return type(self)(
                self.bounds, hashes[kept], counts[kept], is_exact=False, values=None, seen=seen
            )
        if values is not None and _text_bytes(values) > self.bounds.bytes:
            values = None
        return type(self)(self.bounds, hashes, counts, is_exact=True, values=values)


def _rows_of(wanted: Hashes, hashes: Hashes) -> Places:
    """A row for each of some ascending hashes, all of which occur."""
    if len(wanted) > len(hashes) // 8:
        order = np.argsort(hashes)
        return order[np.searchsorted(hashes[order], wanted)]
    place = np.searchsorted(wanted, hashes)
    place[place == len(wanted)] = 0
    found = np.flatnonzero(wanted[place] == hashes)
    rows = np.zeros(len(wanted), np.intp)
    rows[place[found]] = found
    return rows


def _taken(values: pa.Array | None, place: Places) -> pa.Array | None:
    """Move the last values to their places among those before them."""
    if values is None:
        return None
    before = len(values) - len(place)
    order = np.insert(np.arange(before), place, np.arange(before, len(values)))
    return values.take(pa.array(order))


def _text_bytes(values: pa.Array) -> int:
    if not is_text(values.type):
        return 0
    return int(pc.sum(pc.binary_length(values), min_count=0).as_py())


def _counts(ordered: Hashes) -> tuple[Hashes, Counts]:
    """Distinct hashes and how often each occurs."""
    if not len(ordered):
        return ordered, np.zeros(0, np.int64)
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[begins], np.diff(np.append(begins, len(ordered)))
