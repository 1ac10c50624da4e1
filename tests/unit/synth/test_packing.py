"""What a layer learned survives being kept."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth import packing


def test_every_plain_field_comes_back():
    """Texts, numbers, tuples, dicts, arrays of all sorts, Arrow data."""
    values = {
        "nothing": None,
        "flag": True,
        "number": 2**70,
        "share": 0.1,
        "text": "a\0ü",
        "bytes": b"\0\1",
        "tuple": (1, ("a", None), {}),
        "set": frozenset({"b", "a"}),
    }
    assert packing.from_bytes(packing.to_bytes(values)) == values


@pytest.mark.parametrize(
    "array", [np.arange(3), np.array(["a\0", "b"], object), np.array([2**70], object), np.zeros(0)]
)
def test_arrays_come_back_with_their_type(array):
    """Also of texts and of integers that no machine word holds."""
    again = packing.from_bytes(packing.to_bytes(array))
    assert again.dtype == array.dtype
    assert again.tolist() == array.tolist()


def test_arrow_data_comes_back():
    """A column, a table, a schema."""
    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    for value in (table, table["b"].combine_chunks(), table.schema):
        assert packing.from_bytes(packing.to_bytes(value)).equals(value)


@dataclass(frozen=True)
class Elsewhere:
    """A class that is no part of the package."""

    a: int


def test_a_class_from_elsewhere_is_not_made():
    """Bytes from a bucket cannot name what is to be run."""
    with pytest.raises(ValueError, match="no part of a model"):
        packing.from_bytes(packing.to_bytes(Elsewhere(1)))
