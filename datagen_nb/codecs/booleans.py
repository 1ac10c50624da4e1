"""Truth values in words: ``Yes`` and ``No``, ``TRUE`` and ``FALSE``, ``ja`` and ``nein``.

``1`` and ``0`` are numbers and are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.codec import Flags, Numbers, table

PAIRS = (
    "true false", "t f", "yes no", "y n", "on off", "ja nein", "j n", "oui non", "si no", "sí no",
    "sim não", "sim nao", "vero falso", "vrai faux", "wahr falsch",
    "ja nee", "ja nej", "tak nie", "ano ne", "da nu", "да нет", "evet hayır", "kyllä ei",
    "igen nem", "ναι όχι", "是 否", "はい いいえ", "예 아니오",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BooleanSpelling:
    """One word for true and one for false."""

    true: str
    false: str

    @property
    def unit(self) -> str:
        return "bool"

    def read(self, texts: pa.Array) -> tuple[Numbers, Flags]:
        is_true = pc.equal(texts, self.true).to_numpy(zero_copy_only=False)
        is_false = pc.equal(texts, self.false).to_numpy(zero_copy_only=False)
        return is_true.astype(np.int64), is_true | is_false

    def write(self, values: Numbers) -> pa.Array:
        return table((self.false, self.true), values)


def guess_boolean(texts: Sequence[str]) -> BooleanSpelling | None:
    """The spelling of which both words are among a few texts; ``None`` if there is none."""
    written = {text.lower(): text for text in texts}
    if len(written) != len(texts):
        return None  # "Yes" beside "yes": which is which would be lost
    for pair in PAIRS:
        true, false = pair.split()
        if true in written and false in written:
            return BooleanSpelling(written[true], written[false])
    return None
