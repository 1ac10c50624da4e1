"""Values as text and back: which type a column of texts has, and how a value is written.

The rule of guessing is that every value must come back as it was read: ``007`` is text, and
so is an integer of more digits than 64 bits hold. One guess is made for the whole column.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

NULL_SPELLINGS = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "NaT")
"""Texts that mean a missing value in a column of numbers, truth values or times.

In a column of text only the empty, unquoted field is missing: there ``NA`` may be Namibia.
"""

_UTC = "UTC"

_LADDERS: tuple[tuple[pa.DataType, ...], ...] = (
    (pa.bool_(),),
    (pa.int64(), pa.float64()),
    (pa.date32(), pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns")),
    (pa.timestamp("s", _UTC), pa.timestamp("us", _UTC), pa.timestamp("ns", _UTC)),
)
"""Types from narrow to wide; a column climbs one ladder and falls to text from its top."""

_EXPONENT_FROM = 1e10  # from here on Arrow writes whole floats as 1e+10: no integer looks so
_MAX_EXACT = 2**53
_NS_RANGE = (-(2**63) // 10**9 + 1, 2**63 // 10**9 - 1)


class Guess:
    """The narrowest type that holds every text seen, block by block.

    Attributes:
        spelled: Whether some null is spelled out, as ``NA``.
    """

    def __init__(self, *, times_only: bool = False) -> None:
        self._ladders = _LADDERS[2:] if times_only else _LADDERS
        self._ladder: tuple[pa.DataType, ...] | None = None
        self._rung = 0
        self._exact_only = False  # a value was seen that the next rungs would not hold exactly
        self._is_text = False
        self.spelled = False

    def see(self, texts: pa.Array) -> None:
        """Take a block of the column into account."""
        if self._is_text or texts.null_count == len(texts):
            return
        if self._climb(texts):
            return
        plain = without_spelled_nulls(texts)
        if plain.null_count > texts.null_count and (
            plain.null_count == len(plain) or self._climb(plain)
        ):
            self.spelled = True
            return
        self._is_text = True

    @property
    def type(self) -> pa.DataType:
        """The type of the column; one without a single value is text."""
        if self._is_text or self._ladder is None:
            return pa.string()
        return self._ladder[self._rung]

    def _climb(self, texts: pa.Array) -> bool:
        if self._ladder is not None:
            return self._climb_from(self._ladder, self._rung, texts)
        begin = texts.drop_null().slice(0, 64)
        return any(
            self._climb_from(ladder, 0, texts)
            for ladder in self._ladders
            if any(self._fits(type, begin) for type in ladder)
        )

    @staticmethod
    def _fits(type: pa.DataType, texts: pa.Array) -> bool:
        try:
            from_text(texts, type)
        except pa.ArrowInvalid:
            return False
        return True

    def _climb_from(self, ladder: tuple[pa.DataType, ...], rung: int, texts: pa.Array) -> bool:
        for candidate in range(rung, len(ladder)):
            if candidate > rung and self._exact_only and _is_lossy_step(ladder[candidate]):
                return False
            try:
                values = from_text(texts, ladder[candidate])
            except pa.ArrowInvalid:
                continue
            if not _is_exact(texts, values):
                continue
            self._ladder, self._rung = ladder, candidate
            self._exact_only = self._exact_only or _is_extreme(values)
            return True
        return False


def without_spelled_nulls(texts: pa.Array) -> pa.Array:
    """Make every ``NULL_SPELLINGS`` a null."""
    spelled = pc.is_in(texts, value_set=pa.array(NULL_SPELLINGS, texts.type))
    return pc.if_else(spelled, pa.scalar(None, texts.type), texts)


def from_text(texts: pa.Array, type: pa.DataType) -> pa.Array:
    """Read values from texts, as ``as_text`` writes them and as people do.

    Raises:
        pa.ArrowInvalid: A text is no value of this type.
    """
    if pa.types.is_string(type) or pa.types.is_large_string(type):
        return texts.cast(type)
    if pa.types.is_boolean(type):
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


def _with_point(values: pa.Array, texts: pa.Array) -> pa.Array:
    """Give whole floats their ``.0``, so that a column of them reads as floats again."""
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), _EXPONENT_FROM))
    if not pc.any(whole).as_py():
        return texts
    return pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)


def _is_exact(texts: pa.Array, values: pa.Array) -> bool:
    if pa.types.is_integer(values.type):
        return bool(pc.all(pc.equal(values.cast(pa.string()), texts)).as_py())
    if pa.types.is_floating(values.type):
        zero_first = pc.or_(pc.starts_with(texts, "0"), pc.starts_with(texts, "-0"))
        if _any_matches(texts.filter(zero_first), r"^-?0[0-9]"):
            return False
        whole = pc.equal(pc.floor(values), values)
        if _any_matches(texts.filter(whole), r"^[+-]?[0-9]{16,}$"):
            return False
        return not pc.any(pc.is_nan(values)).as_py()
    return True


def _any_matches(texts: pa.Array, pattern: str) -> bool:
    return len(texts) > 0 and bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _is_lossy_step(type: pa.DataType) -> bool:
    is_finest = pa.types.is_timestamp(type) and type.unit == "ns"
    return bool(pa.types.is_floating(type) or is_finest)


def _is_extreme(values: pa.Array) -> bool:
    if pa.types.is_integer(values.type):
        low, high = -_MAX_EXACT, _MAX_EXACT
    elif pa.types.is_date(values.type):
        low, high = (bound // 86_400 for bound in _NS_RANGE)
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(values.type) and values.type.unit != "ns":
        per_second = {"s": 1, "us": 10**6}[values.type.unit]
        low, high = (bound * per_second for bound in _NS_RANGE)
        values = values.cast(pa.int64())
    else:
        return False
    ends = pc.min_max(values).as_py()
    return bool(ends["min"] is not None and (ends["min"] < low or ends["max"] > high))
