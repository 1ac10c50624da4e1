"""A column as it is written, and the typed values behind it.

A codec is a list of spellings, each a two-way rule between a text and a value, and of odd
entries: texts such as ``n.a.`` that stand for no value. A text has a spelling only if writing its
value in that spelling gives the text again, so that ``write`` undoes ``parse`` by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
Forms = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a codec reads from a column.

    Attributes:
        values: One a row, of one type; null where the source is null or an odd entry.
        forms: How each row is written; ``None`` if all rows with a value have one spelling.
            0 is null, 1 and up are the codec's spellings, followed by its odd entries.
    """

    values: pa.Array
    forms: Forms | None


class Codec(Protocol):
    """The way between a column's texts or integers and its values.

    Guarantees: ``write(*parse(column))`` is the column, for the column it was detected on;
    ``write`` takes any value of the type, and cuts or rounds it to what the spelling can hold.
    """

    def parse(self, column: pa.ChunkedArray) -> Parsed:
        """The values of a column and how each is written."""
        ...

    def write(self, values: pa.Array, forms: Forms | None, random: np.random.Generator) -> pa.Array:
        """Write values, each in its form, as an array of the column's own type."""
        ...


class Spelling(Protocol):
    """One way to write values, which are integers or floats.

    A date is its days since 1970, an instant or a time of day its microseconds, a truth value
    0 or 1.
    """

    @property
    def unit(self) -> str:
        """The type of the values, as Arrow calls it: ``double``, ``timestamp[us]``."""
        ...

    def read(self, texts: pa.Array) -> tuple[Numbers, Flags]:
        """The values of texts, none of them null, and which texts may have this spelling."""
        ...

    def write(self, values: Numbers) -> pa.Array:
        """The texts of values."""
        ...


@dataclass(frozen=True, slots=True)
class TextCodec:
    """A column of texts.

    Attributes:
        spellings: The first that fits a text is its spelling.
        odd: Texts that are written where there is no value, the commonest first.
        unit: The type of the values, as Arrow calls it: ``double``, ``timestamp[us]``.
        type: The column's own type.
    """

    spellings: tuple[Any, ...]
    odd: tuple[str, ...]
    unit: str
    type: str

    def parse(self, column: pa.ChunkedArray) -> Parsed:
        distinct, at = encode(column)
        numbers, forms = self.parse_distinct(distinct)
        forms = np.append(forms, np.int32(0))[at]
        values = to_array(np.append(numbers, 0)[at], self._is_spelled(forms), self.unit)
        is_plain = len(self.spellings) == 1 and not self.odd
        return Parsed(values, None if is_plain else forms)

    def parse_distinct(self, texts: pa.Array) -> tuple[Numbers, Forms]:
        """Values and forms of texts that are not null; form 0 for those that fit nowhere."""
        numbers = np.zeros(len(texts), np.float64 if self.unit == "double" else np.int64)
        forms = np.zeros(len(texts), np.int32)
        if self.odd:
            found = pc.index_in(texts, value_set=pa.array(self.odd, pa.string()))
            places = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
            forms[places >= 0] = places[places >= 0] + len(self.spellings) + 1
        for number, spelling in enumerate(self.spellings, 1):
            left = np.flatnonzero(forms == 0)
            if not len(left):
                break
            read, fits = spell(spelling, texts if len(left) == len(texts) else texts.take(left))
            numbers[left[fits]] = in_unit(read[fits], spelling.unit, self.unit)
            forms[left[fits]] = number
        return numbers, forms

    def write(self, values: pa.Array, forms: Forms | None, random: np.random.Generator) -> pa.Array:  # noqa: ARG002
        type = pa.type_for_alias(self.type)
        numbers, present = to_numbers(values, self.unit)
        if forms is None:
            forms = np.ones(len(values), np.int32)
        forms = np.where(self._is_spelled(forms) & ~present, np.int32(0), forms)
        used = np.unique(forms)
        if len(used) < 2:
            return self._write_form(int(used[0]) if len(used) else 0, numbers).cast(type)
        order = np.argsort(forms, kind="stable")
        ends = np.searchsorted(forms[order], used, side="right")
        begins = np.append(0, ends[:-1])
        pieces = [
            self._write_form(int(form), numbers[order[begin:end]]).cast(type)
            for form, begin, end in zip(used, begins, ends, strict=True)
        ]
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_arrays(pieces).take(pa.array(back))

    def _is_spelled(self, forms: Forms) -> Flags:
        return (forms > 0) & (forms <= len(self.spellings))

    def _write_form(self, form: int, numbers: Numbers) -> pa.Array:
        if form == 0:
            return pa.nulls(len(numbers), pa.string())
        if form <= len(self.spellings):
            spelling = self.spellings[form - 1]
            return spelling.write(in_unit(numbers, self.unit, spelling.unit))
        return constant(self.odd[form - len(self.spellings) - 1], len(numbers))


def spell(spelling: Spelling, texts: pa.Array) -> tuple[Numbers, Flags]:
    """The values of texts, and which of them have exactly this spelling."""
    numbers, fits = spelling.read(texts)
    where = np.flatnonzero(fits)
    if len(where):
        written = spelling.write(numbers[where])
        read = texts if len(where) == len(texts) else texts.take(pa.array(where))
        fits[where] = pc.equal(written, read).to_numpy(zero_copy_only=False)
    return numbers, fits


def encode(column: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The distinct texts of a column, and for each row the place of its text; -1 for null."""
    chunks = pa.chunked_array(column.cast(pa.string()).dictionary_encode()).unify_dictionaries()
    places = [
        pc.fill_null(chunk.indices, -1).to_numpy(zero_copy_only=False) for chunk in chunks.chunks
    ]
    if not places:
        return pa.array([], pa.string()), np.zeros(0, np.int64)
    return chunks.chunk(0).dictionary, np.concatenate(places)


def in_unit(numbers: Numbers, unit: str, wanted: str) -> Numbers:
    """The same values counted in another unit: days as microseconds, integers as floats."""
    if unit == wanted:
        return numbers
    if (unit, wanted) == ("date32", "timestamp[us]"):
        return numbers * DAY
    if (unit, wanted) == ("timestamp[us]", "date32"):
        return numbers // DAY
    if wanted == "double":
        return numbers.astype(np.float64)
    return np.rint(numbers).astype(np.int64)


DAY = 86_400_000_000
"""Microseconds of a day."""


def to_array(numbers: Numbers, present: Flags, unit: str) -> pa.Array:
    """Numbers as an Arrow array of the unit, null where none is present."""
    mask = None if present.all() else ~present
    if unit == "bool":
        return pa.array(numbers.astype(np.bool_), mask=mask)
    stored = pa.int32() if unit == "date32" else pa.type_for_alias(unit)
    if pa.types.is_temporal(stored):
        stored = pa.int64()
    dtype = stored.to_pandas_dtype()
    return pa.array(numbers.astype(dtype), stored, mask=mask).cast(pa.type_for_alias(unit))


def to_numbers(values: pa.Array, unit: str) -> tuple[Numbers, Flags]:
    """Values as numbers of the unit, and which are present; those that are not are 0."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if unit == "bool":
        values = values.cast(pa.int8())
    elif unit == "double":
        values = values.cast(pa.float64())
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
    elif unit == "int64" and not pa.types.is_integer(values.type):
        values = pc.round(values).cast(pa.int64(), safe=False)
    elif unit == "date32":
        values = values.cast(pa.date32(), safe=False).cast(pa.int32())
    elif pa.types.is_temporal(values.type):
        values = values.cast(pa.type_for_alias(unit), safe=False)
    present = pc.is_valid(values).to_numpy(zero_copy_only=False)
    filled = pc.fill_null(values.cast(pa.float64() if unit == "double" else pa.int64()), 0)
    return filled.to_numpy(zero_copy_only=False), present


def constant(text: str, rows: int) -> pa.Array:
    """The same text in every row."""
    return pa.repeat(pa.scalar(text, pa.string()), rows)


def table(texts: list[str] | tuple[str, ...], places: Numbers) -> pa.Array:
    """For each place the text there; a place outside is the nearest one."""
    return pa.array(texts, pa.string()).take(pa.array(np.clip(places, 0, len(texts) - 1)))


def join(parts: list[pa.Array | str], rows: int) -> pa.Array:
    """The parts of each text, one after the other; a part that is a string is in all of them."""
    if all(isinstance(part, str) for part in parts):
        return constant("".join(cast("list[str]", parts)), rows)
    return pc.binary_join_element_wise(*parts, "")
