"""Texts of several numbers: ``116/84 mmHg``, ``31x23x2 cm``, ``-73.9709,40.7642``, ``2h 14m``.

The values of such a column are a struct, with a field for each number; they are drawn and compared
as columns of their own (``part_names``). Codes and identifiers of several groups of digits are
none: their numbers have zeros in front, or all the same width, or stand for too many things.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.codec import Codec, Flags, Forms, Numbers, Parsed, constant, encode, join
from datagen_nb.codecs.detect import Written
from datagen_nb.codecs.numbers import NumberSpelling

MIN_PARTS, MAX_PARTS = 2, 4
MAX_SHAPES, MAX_ODD = 4, 8

MIN_ROWS = 5
"""A text of fewer rows is rare; so are most in a column of several numbers, else it is one of
categories. So many rows have a shape or an odd entry at least."""

MIN_RARE = 0.05
"""Share of the rows with a rare text."""

MIN_LEVELS = 20
"""Values of one of the numbers; with fewer, as in the score of a match, they are a category."""

MAX_DECIMALS = 9

MANY = 10
"""Rows for each value of a number that has the same width in all rows: it is no group of digits."""

_NUMBER = re.compile(r"(?<![\d.])(-?)(\d+)(?:\.(\d+))?(?!\d)")


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write several numbers.

    Attributes:
        between: What stands before, between and after the numbers, one text more than numbers.
        numbers: How each of them is written.
    """

    between: tuple[str, ...]
    numbers: tuple[NumberSpelling, ...]

    def read(self, texts: pa.Array) -> tuple[list[Numbers], Flags]:
        """The numbers of texts, and which texts are written so to the last sign."""
        digits = r"(?P<_{}>-?[0-9]+(?:\.[0-9]+)?)"
        pattern = re.escape(self.between[0]) + "".join(
            digits.format(place) + re.escape(after) for place, after in enumerate(self.between[1:])
        )
        found = pc.extract_regex(texts, f"^{pattern}$")
        flags: Flags = found.is_valid().to_numpy(zero_copy_only=False).copy()
        numbers = []
        for place, spelling in enumerate(self.numbers):
            read, fits = spelling.read(pc.fill_null(pc.struct_field(found, place), ""))
            numbers.append(read)
            flags &= fits
        written = self.write(numbers)
        flags &= pc.equal(written, texts).fill_null(fill_value=False).to_numpy(zero_copy_only=False)
        return numbers, flags

    def write(self, numbers: Sequence[Numbers]) -> pa.Array:
        """The texts of numbers."""
        parts: list[pa.Array | str] = [self.between[0]]
        for spelling, values, after in zip(self.numbers, numbers, self.between[1:], strict=True):
            parts += [spelling.write(values), after]
        return join(parts, len(numbers[0]))


@dataclass(frozen=True, slots=True)
class SeveralNumbers:
    """A column of texts of several numbers; a `Codec`.

    Attributes:
        shapes: The first that fits a text is how it is written; all have as many numbers.
        odd: Texts that are written where there are no numbers.
        has_nulls: Whether some rows have neither.
        type: The column's own type.
    """

    shapes: tuple[Shape, ...]
    odd: tuple[str, ...]
    has_nulls: bool
    type: str

    @property
    def parts(self) -> int:
        """How many numbers each text has."""
        return len(self.shapes[0].numbers)

    def parse(self, column: pa.ChunkedArray) -> Parsed:
        texts, at = encode(column)
        numbers = [np.zeros(len(texts) + 1) for _ in range(self.parts)]
        forms = np.zeros(len(texts) + 1, np.int32)
        for number, shape in enumerate(self.shapes, 1):
            read, fits = shape.read(texts)
            new = np.flatnonzero(fits & (forms[:-1] == 0))
            forms[new] = number
            for values, own in zip(numbers, read, strict=True):
                values[new] = own[new]
        for number, odd in enumerate(self.odd, len(self.shapes) + 1):
            forms[:-1][pc.equal(texts, odd).to_numpy(zero_copy_only=False)] = number
        of_rows = forms[at]
        missing = ~self._has_numbers(of_rows)
        fields = [pa.array(values[at], mask=missing) for values in numbers]
        names = [str(place + 1) for place in range(self.parts)]
        values = pa.StructArray.from_arrays(fields, names, mask=pa.array(missing))
        is_plain = len(self.shapes) == 1 and not self.odd and not self.has_nulls
        return Parsed(values, None if is_plain else of_rows)

    def write(self, values: pa.Array, forms: Forms | None, random: np.random.Generator) -> pa.Array:  # noqa: ARG002
        columns = [
            pc.fill_null(pc.struct_field(values, place), 0.0).to_numpy(zero_copy_only=False)
            for place in range(self.parts)
        ]
        forms = np.ones(len(values), np.int32) if forms is None else forms
        texts: pa.Array = pa.nulls(len(values), pa.string())
        for form in np.unique(forms):
            rows = np.flatnonzero(forms == form)
            if self._has_numbers(form):
                own = self.shapes[form - 1].write([column[rows] for column in columns])
            elif form:
                own = constant(self.odd[form - len(self.shapes) - 1], len(rows))
            else:
                continue
            texts = pc.replace_with_mask(texts, pa.array(forms == form), own)
        return texts.cast(pa.type_for_alias(self.type))

    def _has_numbers(self, forms: Forms) -> Flags:
        return (forms > 0) & (forms <= len(self.shapes))


def several_numbers(column: Written) -> SeveralNumbers | None:
    """The codec of texts of several numbers; ``None`` for a column that has none.

    Example:
        >>> texts = [f"{90 + n % 71}/{55 + n % 45}" for n in range(900)]
        >>> codec = several_numbers(Written("bp", pa.chunked_array([texts])))
        >>> codec.parse(pa.chunked_array([["120/80"]])).values.to_pylist()
        [{'1': 120.0, '2': 80.0}]
    """
    if not column.is_text or not len(column.counts):
        return None
    rows, counts = column.counts.rows, column.counts
    if rows[rows < MIN_ROWS].sum() <= MIN_RARE * rows.sum():
        return None
    shapes = _shapes(*column.head)
    if not shapes:
        return None
    draft = SeveralNumbers(shapes, (), has_nulls=True, type=str(column.column.type))
    parsed = draft.parse(pa.chunked_array([counts.texts]))
    missing = counts.of(~parsed.values.is_valid().to_numpy(zero_copy_only=False))
    if len(missing) > MAX_ODD or (missing.rows < MIN_ROWS).any():
        return None
    known = parsed.values.drop_null()
    if not _are_quantities(known, shapes, distinct=len(counts), rows=int(rows.sum())):
        return None
    odd = (missing + column.missing).commonest()
    return SeveralNumbers(shapes, odd, column.column.null_count > 0, draft.type)


def _shapes(texts: Sequence[str], rows: Sequence[int]) -> tuple[Shape, ...]:
    """The ways in which most of some texts are written, the commonest first."""
    found: Counter[tuple[str, ...]] = Counter()
    decimals: dict[tuple[str, ...], list[Counter[int]]] = {}
    for text, count in zip(texts, rows, strict=True):
        cut = _cut(text)
        if cut is None:
            continue
        between, digits = cut
        found[between] += count
        seen = decimals.setdefault(between, [Counter() for _ in digits])
        for counter, number in zip(seen, digits, strict=True):
            counter[number] += 1
    if not found:
        return ()
    common = [between for between, count in found.most_common(MAX_SHAPES) if count >= MIN_ROWS]
    common = [between for between in common if len(between) == len(common[0])]
    return tuple(
        Shape(
            between,
            tuple(
                NumberSpelling(least=min(counter), most=max(counter))
                for counter in decimals[between]
            ),
        )
        for between in common
    )


def _cut(text: str) -> tuple[tuple[str, ...], list[int]] | None:
    """What stands around the numbers of a text, and how many decimals each has."""
    numbers = list(_NUMBER.finditer(text))
    if not MIN_PARTS <= len(numbers) <= MAX_PARTS:
        return None
    between, end = [], 0
    for number in numbers:
        if len(number[2]) > 1 and number[2].startswith("0"):
            return None
        between.append(text[end : number.start()])
        end = number.end()
    between.append(text[end:])
    inner = between[1:-1]
    # Dots and colons part versions, addresses and times.
    if any(not one or one in ".:" for one in inner) or any(map(str.isdigit, "".join(between))):
        return None
    return tuple(between), [min(len(number[3] or ""), MAX_DECIMALS) for number in numbers]


def _are_quantities(values: pa.Array, shapes: Sequence[Shape], *, distinct: int, rows: int) -> bool:
    """Whether the numbers are such, and no groups of the digits of a code."""
    if len(values) < MIN_ROWS:
        return False
    has_decimals = any(number.most for shape in shapes for number in shape.numbers)
    if distinct == rows and not has_decimals:
        return False
    if has_decimals:
        return True
    parts = [pc.struct_field(values, place).to_numpy() for place in range(values.type.num_fields)]
    levels = [len(np.unique(numbers)) for numbers in parts]
    widths = [len(np.unique(np.floor(np.log10(np.abs(numbers) + 1e-9)))) for numbers in parts]
    is_counted = max(widths) > 1 or all(MANY * count <= rows for count in levels)
    return is_counted and max(levels) >= MIN_LEVELS


def part_names(name: str, codec: Codec | None) -> tuple[str, ...]:
    """Names of the columns of a column's numbers, where its texts have several."""
    if not isinstance(codec, SeveralNumbers):
        return ()
    return tuple(f"{name} [{place + 1}]" for place in range(codec.parts))


def with_parts(kinds: Mapping[str, str], codecs: Mapping[str, Codec]) -> dict[str, str]:
    """Kinds of columns, and of the numbers in the texts of those that have several."""
    found = dict(kinds)
    for name, codec in codecs.items():
        if name in kinds:
            found |= dict.fromkeys(part_names(name, codec), kinds[name])
    return found
