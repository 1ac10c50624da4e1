"""How similar texts are whose values are made anew: by form, length and repetition.

A form is a text with its runs of digits, capitals and small letters put as one sign each, or with
its words put as one sign. Free text has nearly as many forms as texts; there the numbers of words,
digits, capitals and other signs stand for the form. The score is that of the least similar part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.quality.closeness import Ints, codes_of
from datagen_nb.synth.quality.distances import ks, shares, tvd

TEXT_ROWS = 10_000
"""Rows of a table of which forms and lengths are compared."""

MAX_FORMS = 50
COVERED = 0.9
ROWS_PER_FORM = 10
"""A column has forms if the commonest cover so many rows, and are so many rows each."""

RUNNING = 2
"""Numbers that lie closer than this on average count rows, of this table or of another."""

_SIGNS = ((r"\p{Nd}+", "9"), (r"\p{Lu}+", "A"), (r"\p{Ll}+", "a"), (r"\p{Lo}+", "o"))
_WORD = r"[\p{L}\p{M}\p{N}]+"
_COUNTED = (_WORD, r"\p{Nd}", r"\p{Lu}", r"\p{Ll}", r"\p{Lo}", r"[^\p{L}\p{M}\p{N}\s]")

MORE_ROWS = 1.25
"""More synthetic rows than this times the input's show other numbers of rows per value."""


def texts_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values of a column as texts."""
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return column if is_text else column.cast(pa.string())


def compare_texts(texts: Sequence[pa.ChunkedArray], *, is_whole: bool) -> tuple[float, str]:
    """Score texts from 0 to 1, and name the part that decided.

    Args:
        texts: Training, held-back and synthetic ones; training and synthetic ones not all null.
        is_whole: Whether training and held-back rows are all rows of the input.
    """
    real, made = (_sampled(texts[place].drop_null()) for place in (0, 2))
    parts = [
        (_form_score(real, made), "form"),
        *((score, "rows per value") for score in _repetition(texts, is_whole=is_whole)),
    ]
    if not _are_running_numbers(texts[0].drop_null()):  # made ones begin elsewhere on purpose
        lengths = (pc.utf8_length(each).to_numpy() for each in (real, made))
        parts.append((1.0 - ks(*lengths), "length"))
    return min(parts)


def _are_running_numbers(texts: pa.ChunkedArray) -> bool:
    """Whether the texts are whole numbers that count rows, of which some may be left out."""
    numbers = pc.unique(texts)
    if not pc.all(pc.match_substring_regex(numbers, r"^-?\d{1,18}$")).as_py():
        return False
    low, high = (end.as_py() for end in pc.min_max(numbers.cast(pa.int64())).values())
    return bool(high - low < RUNNING * len(numbers))


def form_codes(texts: Sequence[pa.ChunkedArray]) -> Ints:
    """The form of each text of all tables as a code, -1 for null; 0 if there are no forms."""
    level = _level(_sampled(texts[0].drop_null()))
    if level is None:
        nulls = np.concatenate([pc.is_null(text).to_numpy() for text in texts])
        return np.where(nulls, -1, 0).astype(np.int64)
    return codes_of([_LEVELS[level](text) for text in texts])


def _form_score(real: pa.ChunkedArray, made: pa.ChunkedArray) -> float:
    level = _level(real)
    if level is None:
        likeness = [
            1.0 - ks(*(pc.count_substring_regex(each, sign).to_numpy() for each in (real, made)))
            for sign in _COUNTED
        ]
        return sum(likeness) / len(likeness)
    codes = codes_of([_LEVELS[level](each) for each in (real, made)])
    return 1.0 - tvd(shares(codes[: len(real)]), shares(codes[len(real) :]))


def _repetition(texts: Sequence[pa.ChunkedArray], *, is_whole: bool) -> Iterator[float]:
    training, held_back, synthetic = texts
    made = _rows_per_value(synthetic)
    known = _rows_per_value(pa.chunked_array([*training.chunks, *held_back.chunks]))
    if known.max() == 1:
        yield len(made) / float(made.sum())
    elif is_whole and len(synthetic) <= MORE_ROWS * (len(training) + len(held_back)):
        yield 1.0 - ks(known, made)


def _rows_per_value(texts: pa.ChunkedArray) -> Ints:
    return np.asarray(pc.value_counts(texts.drop_null()).field("counts").to_numpy(), np.int64)


def _level(texts: pa.ChunkedArray) -> int | None:
    """The finest level at which texts share forms."""
    for level, form in enumerate(_LEVELS):
        counts = pc.value_counts(form(texts)).field("counts").to_numpy()
        common = np.sort(counts)[::-1][:MAX_FORMS]
        common = common[: max(len(texts) // ROWS_PER_FORM, 1)]
        if common.sum() >= COVERED * len(texts):
            return level
    return None


def _signs(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    for run, sign in _SIGNS:
        texts = pc.replace_substring_regex(texts, run, sign)
    return texts


def _words(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring_regex(texts, _WORD, "w")


_LEVELS = (_signs, _words)


def _sampled(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    if len(texts) <= TEXT_ROWS:
        return texts
    return texts.take(pa.array(np.linspace(0, len(texts) - 1, TEXT_ROWS).astype(np.int64)))
