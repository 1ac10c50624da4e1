"""Whether the values of a column have the pattern that a user chose for them.

A ``datetime`` has directives as of ``strptime``, an ``id`` signs as in ``ORD-####``.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datagen_nb.core.errors import InputError
from datagen_nb.core.quoting import brief_repr
from datagen_nb.synth.codecs.codec import spell
from datagen_nb.synth.codecs.counts import count
from datagen_nb.synth.codecs.detect import chosen_spelling
from datagen_nb.synth.identities import chosen_form

MAX_OTHERS = 0.05
"""Share of the values that may be written otherwise."""


def check_pattern(name: str, column: pa.ChunkedArray, kind: str, pattern: str) -> None:
    """Check a pattern against the values of its column.

    Raises:
        InputError: ``wrong_pattern``: the kind has none, the pattern cannot be read, or too many
            values do not have it; one of these is in the message.
    """
    if kind not in ("datetime", "id"):
        raise _wrong(name, pattern, f"is for a column of kind {kind}", "Leave the pattern out.")
    if pa.types.is_temporal(column.type):
        raise _wrong(name, pattern, f"is for a column of {column.type}", "Leave the pattern out.")
    texts = _texts(column)
    counts = count(texts)
    counts = counts.of(~counts.are_missing())
    if not len(counts):
        return
    if kind == "datetime":
        fits = _fits_of_dates(name, pattern, texts)
    else:
        if not chosen_form.has_marks(pattern):
            rule = "has no sign that stands for others"
            raise _wrong(name, pattern, rule, "Write # for a digit, ? for a letter.")
        fits = chosen_form.fits_of(pattern, counts.texts)
    if counts.rows[~fits].sum() > MAX_OTHERS * counts.rows.sum():
        value = counts.texts[int(np.flatnonzero(~fits)[0])].as_py()
        raise _wrong(
            name,
            pattern,
            f"does not fit {brief_repr(value)}",
            "Write it as the values are, or leave it out.",
            value=value,
        )


def _fits_of_dates(name: str, pattern: str, texts: pa.ChunkedArray) -> np.ndarray:
    counts = count(texts)
    counts = counts.of(~counts.are_missing())
    try:
        spelling = chosen_spelling(pattern, counts)
    except ValueError as error:
        raise _wrong(
            name, pattern, f"cannot be read: {error}", "Write it as %d.%m.%Y %H:%M."
        ) from None
    return np.asarray(spell(spelling, counts.texts)[1], dtype=np.bool_)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string())


def _wrong(name: str, pattern: str, rule: str, remedy: str, **details: str) -> InputError:
    return InputError(
        f"The pattern {brief_repr(pattern)} of column {name!r} {rule}. {remedy}",
        code="wrong_pattern",
        details={"column": name, "pattern": pattern, "retryHelps": False, **details},
    )
