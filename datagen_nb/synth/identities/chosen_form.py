r"""The form of identifiers that a user chose: ``ORD-####``.

``#`` stands for a digit, ``?`` for a letter, ``^`` for a hexadecimal digit; ``\`` before one of
these takes it as it is. Letters are capitals, small or both, as the column has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities.forms import Form, Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.segments import (
    LOWER,
    MAX_DIGITS,
    Literal,
    Segment,
    Signs,
    all_digits,
)

MARKS = {"#": "[0-9]", "?": "[A-Za-z]", "^": "[0-9A-Fa-f]"}


def maker_of(
    pattern: str, texts: pa.Array, *, known: KnownValues, is_integer: bool, seed: int
) -> Pattern:
    """Makes values of a form.

    Args:
        pattern: The form.
        texts: Values of the column, which tell the case of its letters.
        known: Values that must not be made.
        is_integer: Whether the column holds integers.
        seed: Of the order of the made values.
    """
    segments = tuple(_segments(pattern, texts, is_integer=is_integer))
    return Pattern((Form(segments, 1),), known, seed, is_unique=True, is_integer=is_integer)


def expression_of(pattern: str) -> str:
    r"""The regular expression that values of a form match as a whole.

    Example:
        >>> expression_of("ORD-##")
        '^ORD\\-[0-9]{2}$'
    """
    parts = [
        f"{MARKS[mark]}{{{count}}}" if mark else re.escape(text)
        for mark, text, count in _runs(pattern)
    ]
    return f"^{''.join(parts)}$"


def fits_of(pattern: str, texts: pa.Array) -> np.ndarray:
    """Which texts have a form."""
    matches = pc.match_substring_regex(texts, expression_of(pattern))
    return np.asarray(matches.to_numpy(zero_copy_only=False), dtype=np.bool_)


def has_marks(pattern: str) -> bool:
    """Whether anything of a form varies."""
    return any(mark for mark, _, _ in _runs(pattern))


def _runs(pattern: str) -> Iterator[tuple[str, str, int]]:
    """Runs of a mark, or of other signs: the mark or nothing, the signs, how many they are."""
    for found in re.finditer(r"(#+|\?+|\^+)|((?:\\.|[^#?^])+)", pattern, re.DOTALL):
        if found[1]:
            yield found[1][0], found[1], len(found[1])
        else:
            text = re.sub(r"\\(.)", r"\1", found[2])
            yield "", text, len(text)


def _segments(pattern: str, texts: pa.Array, *, is_integer: bool) -> Iterator[Segment]:
    fitting = "".join(texts.filter(pa.array(fits_of(pattern, texts))).to_pylist())
    for mark, text, count in _runs(pattern):
        if not mark:
            yield Literal(text)
        elif mark == "#":
            for start in range(0, count, MAX_DIGITS):
                width = min(count - start, MAX_DIGITS)
                yield all_digits(width, is_padded=not is_integer or start > 0)
        elif mark == "?":
            yield Signs((_letters(fitting),) * count)
        else:
            digits = "0123456789abcdef"
            is_upper = any(sign in "ABCDEF" for sign in fitting)
            yield Signs((digits.upper() if is_upper else digits,) * count)


def _letters(text: str) -> str:
    has_lower, has_upper = any(map(str.islower, text)), any(map(str.isupper, text))
    return (LOWER.upper() if has_upper or not has_lower else "") + (LOWER if has_lower else "")
