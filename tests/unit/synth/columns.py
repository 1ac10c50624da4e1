"""Columns for the tests of codecs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datagen_nb.synth.codecs import Codec, detect

RANDOM = np.random.default_rng(0)


def column(values: list[Any], type: pa.DataType | None = None) -> pa.ChunkedArray:
    """Values as a column of two chunks."""
    whole = pa.array(values, type)
    half = len(whole) // 2
    return pa.chunked_array([whole[:half], whole[half:]], whole.type)


def found(values: list[Any], name: str = "x", type: pa.DataType | None = None) -> Codec:
    """The codec of values, all of which come back."""
    codec = detect(name, column(values, type))
    assert codec is not None
    parsed = codec.parse(column(values, type))
    back = codec.write(parsed.values, parsed.forms, RANDOM)
    assert back.to_pylist() == values
    assert back.type == column(values, type).type
    return codec
