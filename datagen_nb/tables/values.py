"""Values as text and back: which type a column of texts has, and how a value is written.

The rule of guessing is that every value must come back as it was read: ``007``, ``TRUE`` and
``2019-07-03 07:38`` are text, and so is an integer of more digits than 64 bits hold. What such
texts mean is the affair of ``synth.codecs``. One guess is made for the whole column.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_UTC = "UTC"

_NUMBERS: tuple[pa.DataType, ...] = (pa.int64(), pa.float64())

_LADDERS: tuple[tuple[pa.DataType, ...], ...] = (
    (pa.bool_(),),
    _NUMBERS,
    (pa.date32(),),
    (pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns")),
    (pa.timestamp("s", _UTC), pa.timestamp("us", _UTC), pa.timestamp("ns", _UTC)),
)
"""Types from narrow to wide; a column climbs one ladder and falls to text from its top. Times have
as many digits as their unit, so a column of them stays on the rung of its first ones."""

_EXPONENT_FROM = 1e10  # from here on Arrow writes whole floats as 1e+10: no integer looks so
_MAX_EXACT = 2**53
_MAX_DIGITS = 15  # every number of so many is another float
_NO_DECIMALS = 2**31  # more than any number has


class Guess:
    """The narrowest type that holds every text seen, block by block.

    Attributes:
        is_text: Whether only text holds them all; no further text changes that.
        has_empty: Whether some missing value is an empty text, as in a file that quotes all.
    """

    def __init__(self, *, times_only: bool = False) -> None:
        self._ladders = _LADDERS[2:] if times_only else _LADDERS
        self._ladder: tuple[pa.DataType, ...] | None = None
        self._rung = 0
        self._exact_only = False  # an integer was seen that a float would not hold exactly
        self.is_text = False
        self.has_empty = False
        self._decimals = (_NO_DECIMALS, 0)  # the least and the most that a number has
        self._ends_in_zero = False
        self._is_lossy = False  # a number was seen that a float does not write again

    def update(self, texts: pa.Array) -> pa.Array | None:
        """Take a block of the column into account.

        Returns:
            Its values, if they were read; they are of ``type`` unless that is text.
        """
        if self.is_text or texts.null_count == len(texts):
            return None
        plain = without_empty(texts)
        values = None if plain.null_count == len(plain) else self._climb(plain)
        if plain.null_count == len(plain) or values is not None:
            self.has_empty = self.has_empty or plain.null_count > texts.null_count
            self._count_decimals(plain)
            return values
        self.is_text = True
        return None

    def merge(self, other: Guess) -> None:
        """Take the blocks of another guess of the same column into account, in any order."""
        self.has_empty = self.has_empty or other.has_empty
        self.is_text = self.is_text or other.is_text
        (least, most), (other_least, other_most) = self._decimals, other._decimals
        self._decimals = min(least, other_least), max(most, other_most)
        self._ends_in_zero = self._ends_in_zero or other._ends_in_zero
        self._is_lossy = self._is_lossy or other._is_lossy
        if self.is_text or other._ladder is None:
            return
        if self._ladder is None:
            self._ladder, self._rung = other._ladder, other._rung
            self._exact_only = other._exact_only
            return
        lower, upper = sorted([(self._rung, self._exact_only), (other._rung, other._exact_only)])
        climbs = upper[0] > lower[0]
        may_climb = self._ladder is _NUMBERS and not lower[1]
        if self._ladder is not other._ladder or (climbs and not may_climb):
            self.is_text = True
            return
        self._rung, self._exact_only = upper[0], lower[1] or upper[1]

    @property
    def type(self) -> pa.DataType:
        """The type of the column; one without a single value is text."""
        if self.is_text or self._ladder is None or (self._is_lossy and self.decimals):
            return pa.string()
        return self._ladder[self._rung]

    @property
    def decimals(self) -> int:
        """How many all numbers have, which a float does not say: 2 of ``12.50``; 0 if they vary."""
        least, most = self._decimals
        is_fixed = least == most >= 2 and self._ends_in_zero and not self.is_text
        return least if is_fixed else 0

    @property
    def has_bare_whole(self) -> bool:
        """Whether whole numbers among those with decimals have no point: 18 beside 39.1."""
        least, most = self._decimals
        return least == 0 < most and not self._ends_in_zero and not self.is_text

    def _count_decimals(self, texts: pa.Array) -> None:
        least, most = self._decimals
        if self._ladder is not _NUMBERS or (least < most and self._ends_in_zero):
            return
        if self._ladder[self._rung] == pa.int64():
            self._decimals = min(least, 0), max(most, 0)
            return
        point = pc.find_substring(texts, ".")
        has_point = pc.greater_equal(point, 0)
        decimals = pc.subtract(pc.subtract(pc.binary_length(texts), point), 1)
        found = pc.min_max(pc.if_else(has_point, decimals, 0)).as_py()
        if found["min"] is None:
            return
        self._decimals = min(least, found["min"]), max(most, found["max"])
        ends_in_zero = pc.and_(has_point, pc.ends_with(texts, "0"))
        self._ends_in_zero = self._ends_in_zero or bool(pc.any(ends_in_zero).as_py())
        is_long = pc.greater(pc.binary_length(texts), _MAX_DIGITS)
        is_zero = pc.match_substring_regex(texts, r"^-0\.0+$")
        self._is_lossy = self._is_lossy or bool(pc.any(pc.or_(is_long, is_zero)).as_py())

    def _climb(self, texts: pa.Array) -> pa.Array | None:
        if self._ladder is not None:
            return self._climb_from(self._ladder, self._rung, texts)
        begin = texts.drop_null().slice(0, 64)
        for ladder in self._ladders:
            if any(self._fits(type, begin) for type in ladder):
                values = self._climb_from(ladder, 0, texts)
                if values is not None:
                    return values
        return None

    @staticmethod
    def _fits(type: pa.DataType, texts: pa.Array) -> bool:
        try:
            from_text(texts, type)
        except pa.ArrowInvalid:
            return False
        return True

    def _climb_from(
        self, ladder: tuple[pa.DataType, ...], rung: int, texts: pa.Array
    ) -> pa.Array | None:
        may_climb = self._ladder is None or (ladder is _NUMBERS and not self._exact_only)
        for candidate in range(rung, len(ladder) if may_climb else rung + 1):
            try:
                values = from_text(texts, ladder[candidate])
            except pa.ArrowInvalid:
                continue
            if not _is_exact(texts, values):
                continue
            self._ladder, self._rung = ladder, candidate
            self._exact_only = self._exact_only or _is_extreme(values)
            return values
        return None


def without_empty(texts: pa.Array) -> pa.Array:
    """Make every empty text a null."""
    lengths = pc.binary_length(texts)
    if pc.min_max(lengths)["min"].as_py() != 0:
        return texts
    is_empty = pc.equal(lengths, 0)
    return pc.if_else(is_empty, pa.scalar(None, texts.type), texts)


def from_text(texts: pa.Array, type: pa.DataType) -> pa.Array:
    """Read values from texts, as ``as_text`` writes them and as people do.

    Raises:
        pa.ArrowInvalid: A text is no value of this type.
    """
    if pa.types.is_string(type) or pa.types.is_large_string(type):
        return texts.cast(type)
    if pa.types.is_boolean(type):
        is_true = pc.equal(texts, "true")
        if pc.all(pc.or_(is_true, pc.equal(texts, "false"))).as_py():
            return is_true
        words = pc.utf8_lower(texts)
        if not pc.all(pc.is_in(words, value_set=pa.array(["true", "false", None]))).as_py():
            raise pa.ArrowInvalid("a text is neither true nor false")
        return pc.equal(words, "true")
    if pa.types.is_timestamp(type):
        zoned = pa.timestamp(type.unit, None if type.tz is None else _UTC)
        return texts.cast(zoned).cast(type)
    if pa.types.is_time(type):
        instants = pc.binary_join_element_wise("1970-01-01T", texts, "")
        return instants.cast(pa.timestamp(type.unit)).cast(type)
    if pa.types.is_duration(type):
        return texts.cast(pa.int64()).cast(type)
    if pa.types.is_dictionary(type):
        return from_text(texts, type.value_type).dictionary_encode().cast(type)
    if pa.types.is_float16(type):
        return texts.cast(pa.float32()).cast(type)
    if pa.types.is_null(type):
        return pa.nulls(len(texts))
    return texts.cast(type)


def as_text(column: pa.Array) -> pa.Array:
    """Write values as texts: floats shortest, truth as words, times as ISO 8601, zones as UTC.

    NaN becomes null, because no reader of text tells the two apart.
    """
    type = column.type
    if pa.types.is_dictionary(type):
        return as_text(column.dictionary_decode())
    if pa.types.is_string(type):
        return column
    if pa.types.is_floating(type):
        wide = column.cast(pa.float64()) if pa.types.is_float16(type) else column
        present = pc.if_else(pc.is_nan(wide), pa.scalar(None, wide.type), wide)
        return _with_point(present, present.cast(pa.string()))
    if pa.types.is_timestamp(type):
        zoned = pa.timestamp(type.unit, None if type.tz is None else _UTC)
        # As many digits as the unit has: readers take one format for a whole column.
        texts = column.cast(zoned).cast(pa.string())
        return pc.replace_substring(texts, " ", "T", max_replacements=1)
    if pa.types.is_duration(type):
        return column.cast(pa.int64()).cast(pa.string())
    if pa.types.is_null(type):
        return pa.nulls(len(column), pa.string())
    return column.cast(pa.string())


def with_bare_whole(column: pa.Array) -> pa.Array:
    """Write floats as ``as_text``, whole ones without a point."""
    texts = as_text(column)
    is_whole = pc.ends_with(texts, ".0")
    return pc.if_else(is_whole, pc.utf8_slice_codeunits(texts, 0, -2), texts)


def with_decimals(column: pa.Array, decimals: int) -> pa.Array:
    """Write floats with as many decimals each; those that are too large for it as ``as_text``."""
    texts = as_text(column)
    fits = pc.less(pc.abs(column), 10.0 ** (_MAX_DIGITS - decimals))
    fitting = pc.if_else(fits, column, pa.scalar(None, column.type))
    fixed = pc.round(fitting, decimals).cast(pa.decimal128(38, decimals)).cast(pa.string())
    return pc.coalesce(fixed, texts)


def _with_point(values: pa.Array, texts: pa.Array) -> pa.Array:
    """Give whole floats their ``.0``, so that a column of them reads as floats again."""
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), _EXPONENT_FROM))
    if not pc.any(whole).as_py():
        return texts
    return pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)


def _is_exact(texts: pa.Array, values: pa.Array) -> bool:
    """Whether values that were read from texts are written as these."""
    if pa.types.is_boolean(values.type):
        as_true, as_false = (pc.equal(texts, word) for word in ("true", "false"))
        return bool(pc.all(pc.and_(pc.equal(as_true, values), pc.xor(as_false, values))).as_py())
    if texts.null_count:
        texts, values = texts.drop_null(), values.drop_null()
    if pa.types.is_integer(values.type):
        return _is_exact_integer(texts, values)
    if pa.types.is_floating(values.type):
        return _is_exact_float(texts, values)
    return _is_exact_time(texts, values.type)


def _is_exact_integer(texts: pa.Array, values: pa.Array) -> bool:
    """Compare lengths alone: of all spellings but hexadecimal ones the canonical is shortest."""
    _, characters = _characters(texts)
    if characters.max() > ord("9"):
        return False
    numbers = values.to_numpy()
    magnitudes = np.abs(numbers).view(np.uint64)  # that of -2**63, too
    length = len(numbers) + np.count_nonzero(numbers < 0)
    greatest, power = int(magnitudes.max()), 10
    while power <= greatest:
        length += np.count_nonzero(magnitudes >= np.uint64(power))
        power *= 10
    return len(characters) == length


def _is_exact_float(texts: pa.Array, values: pa.Array) -> bool:
    """Numbers may have any spelling but zeros in front, and more digits than a float holds."""
    offsets, characters = _characters(texts)
    starts, ends = offsets[:-1], offsets[1:]
    starts = starts + (characters[starts] == ord("-"))
    starts = starts[(starts + 1 < ends) & (characters[np.minimum(starts, ends - 1)] == ord("0"))]
    following = characters[starts + 1]
    if np.any((following >= ord("0")) & (following <= ord("9"))):
        return False
    if np.abs(values.to_numpy()).max() < _MAX_EXACT:
        return True
    whole = pc.equal(pc.floor(values), values)
    inexact = pc.and_(whole, pc.greater_equal(pc.abs(values), float(_MAX_EXACT)))
    if _any_matches(texts.filter(inexact), r"^[+-]?[0-9]+$"):
        return False
    return not pc.any(pc.is_nan(values)).as_py()


def _is_exact_time(texts: pa.Array, type: pa.DataType) -> bool:
    """Look at lengths and separators: Arrow reads ISO 8601 alone, so they settle the spelling."""
    expected = len("2020-01-01")
    if pa.types.is_timestamp(type):
        digits = {"s": 0, "ms": 3, "us": 6, "ns": 9}[type.unit]
        expected = len("2020-01-01T00:00:00") + (digits and 1 + digits) + (type.tz is not None)
    offsets, characters = _characters(texts)
    if np.any(np.diff(offsets) != expected):
        return False
    rows = characters.reshape(len(texts), expected)
    if pa.types.is_date(type):
        return True
    is_utc = type.tz is None or bool(np.all(rows[:, -1] == ord("Z")))
    return is_utc and bool(np.all(rows[:, 10] == ord("T")))


def _characters(texts: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Where each text begins among the bytes of all, where the last ends, and these bytes."""
    is_large = pa.types.is_large_string(texts.type)
    _, buffer, data = texts.buffers()
    offsets = np.frombuffer(buffer, np.int64 if is_large else np.int32)
    offsets = offsets[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    characters = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], characters


def _any_matches(texts: pa.Array, pattern: str) -> bool:
    return len(texts) > 0 and bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _is_extreme(values: pa.Array) -> bool:
    """Whether there are integers that a float would not hold exactly."""
    if not pa.types.is_integer(values.type):
        return False
    ends = pc.min_max(values).as_py()
    return bool(ends["min"] <= -_MAX_EXACT or ends["max"] >= _MAX_EXACT)
