"""Check digits: which scheme a column follows, and the digits that make a new value valid.

Sources: ISO/IEC 7812-1 (Luhn), GS1 General Specifications (EAN, UPC, GTIN), ISO 13616 (IBAN),
ISO 17442 (LEI), ISO 2108 (ISBN-10), GB 11643 (Chinese resident identity number), and the national
rules for CPF, CNPJ, PESEL, DNI and ABA routing numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Values = npt.NDArray[np.int64]
"""One row a text, one column a sign: 0 to 9 for digits, 10 to 35 for letters."""

MIN_VALUES = 5
"""Fewer values may be valid by chance."""

MIN_VALID = 0.99
"""Share of the values that must be valid; the others are slips."""


class Scheme(Protocol):
    """How check digits follow from the other signs of a value, separators left out."""

    @property
    def at(self) -> tuple[int, int]:
        """The first and the last but one place of the check digits; negative from the end."""

    def fits(self, length: int) -> bool:
        """Whether values of so many signs can follow the scheme."""

    def check(self, values: Values) -> list[str]:
        """The check digits of each value; those that it has are not looked at."""


@dataclass(frozen=True)
class _Luhn:
    at: tuple[int, int] = (-1, 0)

    def fits(self, length: int) -> bool:
        return length >= 8

    def check(self, values: Values) -> list[str]:
        payload = values[:, -2::-1].copy()
        payload[:, ::2] *= 2
        payload -= 9 * (payload > 9)
        return [str(digit) for digit in (-payload.sum(axis=1) % 10).tolist()]


@dataclass(frozen=True)
class _Weighted:
    """Signs times weights, summed up; the remainder chooses the check digit.

    Attributes:
        weights: Of the signs before the check digits, the rightmost ones for shorter values.
        signs: The check digit for each remainder; as many as the modulus.
        lengths: Of whole values.
        then: Weights of a second check digit, which counts the first one in.
    """

    weights: tuple[int, ...]
    signs: str
    lengths: tuple[int, ...]
    then: tuple[int, ...] = ()

    @property
    def at(self) -> tuple[int, int]:
        return (-2, 0) if self.then else (-1, 0)

    def fits(self, length: int) -> bool:
        return length in self.lengths

    def check(self, values: Values) -> list[str]:
        payload = values[:, : self.at[0]]
        first = self._check(payload, self.weights)
        if not self.then:
            return first
        digits = np.array([int(sign) for sign in first], dtype=np.int64)[:, None]
        second = self._check(np.concatenate([payload, digits], axis=1), self.then)
        return [one + two for one, two in zip(first, second, strict=True)]

    def _check(self, payload: Values, weights: tuple[int, ...]) -> list[str]:
        used = np.array(weights[-payload.shape[1] :], dtype=np.int64)
        remainders = (payload * used).sum(axis=1) % len(self.signs)
        return [self.signs[remainder] for remainder in remainders.tolist()]


@dataclass(frozen=True)
class _Mod97:
    """ISO 7064 MOD 97-10: the number that the signs spell leaves 1."""

    at: tuple[int, int]
    lengths: range

    def fits(self, length: int) -> bool:
        return length in self.lengths

    def check(self, values: Values) -> list[str]:
        before, after = self.at[0], self.at[1]
        rest = values[:, :before]
        spelled = np.concatenate([values[:, after:], rest], axis=1) if after else rest
        remainder = np.zeros(len(values), dtype=np.int64)
        for column in spelled.T:
            remainder = (remainder * np.where(column > 9, 100, 10) + column) % 97
        return [f"{98 - rest:02d}" for rest in (remainder * 100 % 97).tolist()]


_TENS = "0987654321"
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"

SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "iban": _Mod97((2, 4), range(15, 35)),
        "lei": _Mod97((-2, 0), range(20, 21)),
        "dni": _Weighted(tuple(10**place % 23 for place in range(7, -1, -1)), _DNI_LETTERS, (9,)),
        "chinese_id": _Weighted(
            (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432", (18,)
        ),
        "cpf": _Weighted(
            (10, 9, 8, 7, 6, 5, 4, 3, 2),
            "00987654321",
            (11,),
            (11, 10, 9, 8, 7, 6, 5, 4, 3, 2),
        ),
        "cnpj": _Weighted(
            (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2),
            "00987654321",
            (14,),
            (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2),
        ),
        "luhn": _Luhn(),
        "ean": _Weighted((3, 1) * 8 + (3,), _TENS, (8, 12, 13, 14, 18)),
        "isbn10": _Weighted((10, 9, 8, 7, 6, 5, 4, 3, 2), "0X987654321", (10,)),
        "pesel": _Weighted((1, 3, 7, 9, 1, 3, 7, 9, 1, 3), _TENS, (11,)),
        "aba": _Weighted((3, 7, 1, 3, 7, 1, 3, 7), _TENS, (9,)),
    }
)
"""By name; the stricter ones first."""


def scheme_of(texts: pa.Array) -> str:
    """The name of the scheme that the texts follow; empty for none."""
    if len(texts) < MIN_VALUES:
        return ""
    for name in SCHEMES:
        if np.mean(is_valid(name, texts)) >= MIN_VALID:
            return name
    return ""


def is_valid(name: str, texts: pa.Array) -> npt.NDArray[np.bool_]:
    """For each text, whether its check digits are right."""
    scheme, plain = SCHEMES[name], _signs(texts)
    valid = np.zeros(len(texts), dtype=np.bool_)
    for length, rows in _by_length(plain):
        if not scheme.fits(length):
            continue
        values, is_whole = _values(plain, rows)
        first, last = scheme.at
        found = [text[first : last or None] for text in plain.take(pa.array(rows)).to_pylist()]
        right = np.array(found) == np.array(scheme.check(values))
        valid[rows] = right & is_whole
    return valid


def complete(name: str, texts: pa.Array) -> pa.Array:
    """The texts with the right check digits in place of those that they have.

    The check digits must stand together, as they do at the end of a card number or in an IBAN.
    """
    scheme, plain = SCHEMES[name], _signs(texts)
    checks: list[str] = [""] * len(texts)
    for length, rows in _by_length(plain):
        if scheme.fits(length):
            for row, check in zip(
                rows.tolist(), scheme.check(_values(plain, rows)[0]), strict=True
            ):
                checks[row] = check
    first, last = scheme.at
    head = pc.utf8_slice_codeunits(texts, 0, first)
    tail = pc.utf8_slice_codeunits(texts, last) if last else pa.array([""] * len(texts))
    return pc.binary_join_element_wise(head, pa.array(checks, pa.string()), tail, "")


def without_check(name: str, texts: pa.Array) -> pa.Array:
    """The texts with zeros in place of the check digits, which say nothing of their own."""
    first, last = SCHEMES[name].at
    head = pc.utf8_slice_codeunits(texts, 0, first)
    zeros = pa.array(["0" * ((last or 0) - first)] * len(texts))
    tail = pc.utf8_slice_codeunits(texts, last) if last else pa.array([""] * len(texts))
    return pc.binary_join_element_wise(head, zeros, tail, "")


def _signs(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.utf8_upper(texts), r"[\s./-]", "")


def _by_length(plain: pa.Array) -> list[tuple[int, npt.NDArray[np.int64]]]:
    lengths = pc.utf8_length(plain).to_numpy(zero_copy_only=False)
    return [(int(length), np.flatnonzero(lengths == length)) for length in np.unique(lengths)]


def _values(plain: pa.Array, rows: npt.NDArray[np.int64]) -> tuple[Values, npt.NDArray[np.bool_]]:
    """The values of the signs, and which texts have no others than digits and capitals."""
    texts = np.array(plain.take(pa.array(rows)).to_pylist(), dtype=np.str_)
    codes = texts.view(np.uint32).reshape(len(rows), -1).astype(np.int64)
    is_digit = (codes >= ord("0")) & (codes <= ord("9"))
    is_letter = (codes >= ord("A")) & (codes <= ord("Z"))
    values = np.where(is_digit, codes - ord("0"), np.where(is_letter, codes - ord("A") + 10, 0))
    return values, np.asarray((is_digit | is_letter).all(axis=1))
