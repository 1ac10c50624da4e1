"""What a layer learned survives being kept, and bytes that were tampered with are refused."""

import hashlib
import json
import struct
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.synth import packing

KEPT = packing.to_bytes({"a": np.arange(5), "b": pa.array(["x", None]), "c": (1, "two")})


def sealed(header, arrays=b""):
    """Bytes with a true digest, whatever is in them."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = struct.pack("<Q", len(text)) + text + arrays
    return packing.MAGIC + hashlib.sha256(body).digest() + body


def header(value, *arrays, format=packing.FORMAT):
    described = [{"dtype": dtype, "shape": shape} for dtype, shape in arrays]
    return {"format": format, "version": "0.0.1", "value": value, "arrays": described}


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


@given(place=st.integers(0, len(KEPT) - 1), flip=st.integers(1, 255))
def test_a_flipped_byte_is_found(place, flip):
    """Wherever it is: nothing else could tell it from another value."""
    data = bytearray(KEPT)
    data[place] ^= flip
    with pytest.raises(ValueError, match=r"no model|damaged"):
        packing.from_bytes(bytes(data))


@given(length=st.integers(0, len(KEPT) - 1))
def test_what_is_cut_off_is_refused(length):
    """At any place."""
    with pytest.raises(ValueError, match=r"no model|damaged"):
        packing.from_bytes(KEPT[:length])


TABLE = pa.table({"": pa.array(["x"] * 10_000)})


def stream(table, **options):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def beyond_its_end():
    """A column of a text that ends behind the bytes there are."""
    data = stream(pa.table({"": ["x" * 12_345]}))
    before, _, after = data.rpartition(struct.pack("<ii", 0, 12_345))
    return before + struct.pack("<ii", 0, 10**9) + after


def column(data):
    return sealed(header({"column": 0}, ("|u1", [len(data)])), data)


HOSTILE = {
    "a huge array": sealed(header({"array": 0}, ("<f8", [10**15]))),
    "a huge product": sealed(header({"array": 0}, ("<f8", [2**62, 2**62]))),
    "many dimensions": sealed(header({"array": 0}, ("<f8", [10**18] * 10_000))),
    "a negative shape": sealed(header({"array": 0}, ("<f8", [-1]))),
    "a shape of text": sealed(header({"array": 0}, ("<f8", "12"))),
    "objects": sealed(header({"array": 0}, ("|O", [1])), b"x" * 8),
    "a record": sealed(header({"array": 0}, ("f8,f8", [1])), b"x" * 16),
    "no width": sealed(header({"array": 0}, ("|S0", [10**15]))),
    "no such array": sealed(header({"array": 7})),
    "one array twice": sealed(header([{"array": 0}, {"array": 0}], ("|u1", [1])), b"x"),
    "bytes left over": sealed(header({"array": 0}, ("|u1", [1])), b"xy"),
    "an unknown form": sealed(header({"pickle": 0}, ("|u1", [1])), b"x"),
    "two forms": sealed(header({"array": 0, "bytes": 0}, ("|u1", [1])), b"x"),
    "deep nesting": sealed(b"[" * 100_000),
    "no object": sealed([]),
    "no JSON": sealed(b"{"),
    "no text": sealed(b"\xff"),
    "no array of arrays": sealed({**header(1), "arrays": 5}),
    "an unknown module": sealed(header({"class": "datagen_nb.synth.nothing:X", "fields": {}})),
    "a module of Python": sealed(header({"class": "os:stat_result", "fields": {}})),
    "a function": sealed(header({"class": "datagen_nb.synth.packing:to_bytes", "fields": {}})),
    "a class from elsewhere": sealed(
        header({"class": "datagen_nb.synth.model:dataclass", "fields": {}})
    ),
    "fields that are not there": sealed(
        header({"class": "datagen_nb.synth.margins:Margin", "fields": {"x": 1}})
    ),
    "a compressed column": column(stream(TABLE, compression="zstd")),
    "texts beyond their end": column(beyond_its_end()),
    "rows of nothing": column(
        stream(pa.table({"": pa.Array.from_buffers(pa.null(), 2**31 - 1, [None])}))
    ),
    "no column": column(b"not arrow"),
    "no schema": sealed(header({"schema": 0}, ("|u1", [3])), b"abc"),
    "a long header": packing.MAGIC
    + hashlib.sha256(struct.pack("<Q", 2**63)).digest()
    + struct.pack("<Q", 2**63),
    "a pickle": b"\x80\x04.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bytes_that_ask_for_too_much_or_make_no_sense_are_refused(name):
    """Each with a true digest: lengths are compared before anything is allocated."""
    with pytest.raises(ValueError, match=r"\w"):
        packing.from_bytes(HOSTILE[name])  # modules that it names are loaded by now
    arrow = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"\w"):
            packing.from_bytes(HOSTILE[name])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50 * len(HOSTILE[name]) + 4_000_000
    assert pa.total_allocated_bytes() <= arrow + len(HOSTILE[name])


def test_another_version_is_named():
    """Whatever else is in it."""
    with pytest.raises(packing.OtherFormat, match=r"0\.0\.1") as raised:
        packing.from_bytes(sealed(header({"new": "form"}, format=packing.FORMAT + 1)))
    assert raised.value.version == "0.0.1"
