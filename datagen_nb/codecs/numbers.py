"""Numbers as people and programs write them: ``$1,234.50``, ``(3,10 €)``, ``26.5%``, ``12 kg``.

A percentage is the number before its sign. The digits are exact: a value is read as the nearest
float (or as an integer), and written with the decimals of its spelling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.codec import Flags, Numbers, constant, join

Affixes = tuple[str, str]
"""What stands before and after the digits."""

MAX_DECIMALS = 12
_MOST_DIGITS = 2.0**53
_LARGEST = 10**18


@dataclass(frozen=True, slots=True)
class NumberSpelling:
    """A number in decimal digits.

    Attributes:
        positive: Before and after the digits of a number above zero, currency, unit and sign.
        negative: The same below zero: ``("-$", "")``, ``("(", ")")``.
        zero: The same of zero.
        group: Between groups of digits; empty for none.
        is_indian: Whether only the last group has three digits and the others two.
        point: The decimal mark.
        least: Decimals that are always written.
        most: Decimals that are written if they are not zeros at the end.
        has_whole: Whether a ``0`` stands before the decimal mark.
        has_negative_zero: Whether what rounds to zero from below has a sign, as printf writes it.
        scale: Values are the written number times ten to this power: 6 for ``1.5M``.
    """

    positive: Affixes = ("", "")
    negative: Affixes = ("-", "")
    zero: Affixes = ("", "")
    group: str = ""
    is_indian: bool = False
    point: str = "."
    least: int = 0
    most: int = 0
    has_whole: bool = True
    has_negative_zero: bool = False
    scale: int = 0

    @property
    def unit(self) -> str:
        return "int64" if self.most <= self.scale else "double"

    def read(self, texts: pa.Array) -> tuple[Numbers, Flags]:
        digits, signs = constant("", len(texts)), np.zeros(len(texts), np.int64)
        for sign, (before, after) in ((-1, self.negative), (1, self.positive), (1, self.zero)):
            left = signs == 0
            if not left.any():
                break
            has = left & _between(texts, before, after)
            inner = pc.utf8_slice_codeunits(texts, len(before), -len(after) if after else None)
            inner = self._plain(inner)
            has &= pc.match_substring_regex(inner, self._digits).to_numpy(zero_copy_only=False)
            digits = inner if has.all() else pc.if_else(pa.array(has), inner, digits)
            signs[has] = sign
        fits = signs != 0
        digits = pc.if_else(pa.array(fits), digits, "0")
        if self.unit == "int64" and not self.most:
            numbers = digits.cast(pa.int64()).to_numpy() * 10**self.scale
        else:
            read = digits.cast(pa.float64()).to_numpy()
            numbers = np.rint(read * 10.0**self.scale) if self.scale else read
            numbers = numbers.astype(np.int64) if self.unit == "int64" else numbers
        return numbers * signs, fits

    @property
    def _digits(self) -> str:
        if self.most == 0:
            return r"^[0-9]{1,18}$"
        rest = rf"\.[0-9]{{1,{self.most}}}"
        bare = "" if self.has_whole else f"|{rest}"
        return rf"^([0-9]{{1,18}}({rest})?{bare})$"

    def _plain(self, texts: pa.Array) -> pa.Array:
        if self.group:
            texts = pc.replace_substring(texts, self.group, "")
        return texts if self.point == "." else pc.replace_substring(texts, self.point, ".")

    def write(self, values: Numbers) -> pa.Array:
        counts = self._counts(values)
        size = np.abs(counts)
        whole, rest = np.divmod(size, 10**self.most)
        texts = self._grouped(whole)
        if not self.has_whole and self.most:
            texts = pc.if_else(pa.array(whole == 0), "", texts)
        if self.most:
            texts = pc.binary_join_element_wise(texts, self._decimals(rest), "")
        signs = np.sign(counts)
        if self.has_negative_zero:
            signs = np.where((signs == 0) & np.signbit(values), -1, signs)
        if self.positive == self.zero and not (signs < 0).any():
            return join([self.positive[0], texts, self.positive[1]], len(values))
        before, after = (
            _choose(signs, self.negative[side], self.zero[side], self.positive[side])
            for side in (0, 1)
        )
        return join([before, texts, after], len(values))

    def _counts(self, values: Numbers) -> Numbers:
        """How many of the last written digit each value is."""
        if values.dtype.kind in "iu" and not self.scale and not self.most:
            return np.clip(values, -_LARGEST, _LARGEST).astype(np.int64)
        digits = 10.0 ** (self.most - self.scale)
        most = _MOST_DIGITS / digits
        return np.rint(np.clip(values.astype(np.float64), -most, most) * digits).astype(np.int64)

    def _grouped(self, whole: Numbers) -> pa.Array:
        texts = pa.array(whole).cast(pa.string())
        if not self.group or not len(whole) or whole.max() < 1000:
            return texts
        longest, width = len(str(whole.max())), 2 if self.is_indian else 3
        groups = -(-(longest - 3) // width)
        padded = pc.utf8_lpad(texts, groups * width + 3, "0")
        ends = [*range(width, groups * width + 1, width), groups * width + 3]
        begins = [0, *ends[:-1]]
        parts = [
            pc.utf8_slice_codeunits(padded, begin, end)
            for begin, end in zip(begins, ends, strict=True)
        ]
        written = pc.utf8_ltrim(
            pc.binary_join_element_wise(*parts, self.group), characters="0" + self.group
        )
        return pc.if_else(pa.array(whole == 0), "0", written)

    def _decimals(self, rest: Numbers) -> pa.Array:
        digits = pc.utf8_lpad(pa.array(rest).cast(pa.string()), self.most, "0")
        if self.least < self.most:
            kept = pc.utf8_slice_codeunits(digits, 0, self.least)
            more = pc.utf8_rtrim(pc.utf8_slice_codeunits(digits, self.least), characters="0")
            digits = pc.binary_join_element_wise(kept, more, "")
        written = pc.binary_join_element_wise(self.point, digits, "")
        return written if self.least else pc.if_else(pc.equal(digits, ""), "", written)


@dataclass(frozen=True, slots=True)
class ShortestSpelling:
    """A float in as few digits as tell it from its neighbours, as programs print it.

    Attributes:
        has_point: Whether a whole number has ``.0``.
    """

    has_point: bool

    @property
    def unit(self) -> str:
        return "double"

    def read(self, texts: pa.Array) -> tuple[Numbers, Flags]:
        fits = pc.match_substring_regex(
            texts, r"^-?[0-9]{1,18}(\.[0-9]{1,25})?(e[+-]?[0-9]{1,3})?$"
        )
        numbers = pc.if_else(fits, texts, "0").cast(pa.float64()).to_numpy()
        return numbers, fits.to_numpy(zero_copy_only=False) & np.isfinite(numbers)

    def write(self, values: Numbers) -> pa.Array:
        texts = pa.array(values, pa.float64()).cast(pa.string())
        if not self.has_point:
            return texts
        is_whole = pc.match_substring_regex(texts, r"^-?[0-9]+$")
        return pc.if_else(is_whole, pc.binary_join_element_wise(texts, ".0", ""), texts)


def _between(texts: pa.Array, before: str, after: str) -> Flags:
    has = pc.and_(pc.starts_with(texts, before), pc.ends_with(texts, after))
    flags: Flags = has.to_numpy(zero_copy_only=False)
    return flags


def _choose(signs: Numbers, negative: str, zero: str, positive: str) -> pa.Array | str:
    if negative == zero == positive:
        return positive
    texts = pa.array([negative, zero, positive], pa.string())
    return texts.take(pa.array(signs + 1))
