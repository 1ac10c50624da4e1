"""Columns for the tests of codecs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec
from datagen_nb.synth.column_kind import column_kind
from datagen_nb.synth.recognition import codec_of

RANDOM = np.random.default_rng(0)


def column(values: list[Any], type: pa.DataType | None = None) -> pa.ChunkedArray:
    """Values as a column of two chunks."""
    whole = pa.array(values, type)
    half = len(whole) // 2
    return pa.chunked_array([whole[:half], whole[half:]], whole.type)


def detect(
    name: str, values: pa.ChunkedArray, *, wanted: str | None = None, pattern: str | None = None
) -> Codec | None:
    """The codec of a column, if a kind has one, or the kind that is wanted."""
    kind = None if wanted is None else column_kind(wanted)
    spelled = codec_of(name, values, wanted=kind, pattern=pattern)
    return None if spelled is None else spelled[1]


def kind_of(values: list[Any], name: str = "x") -> str:
    """The name of the kind that has a codec for values."""
    spelled = codec_of(name, column(values))
    assert spelled is not None
    return spelled[0].name


def found(values: list[Any], name: str = "x", type: pa.DataType | None = None) -> Codec:
    """The codec of values, all of which come back."""
    codec = detect(name, column(values, type))
    assert codec is not None
    parsed = codec.parse(column(values, type))
    back = codec.write(parsed.values, parsed.forms, RANDOM)
    assert back.to_pylist() == values
    assert back.type == column(values, type).type
    return codec
