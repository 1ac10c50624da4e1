"""What was fitted of a layer as bytes and back: JSON for its fields, plain arrays behind it.

Every layer is made of frozen dataclasses of plain fields: ``None``, truth values, numbers, texts,
bytes, tuples, dicts with text keys, numpy arrays, Arrow arrays, tables, schemas and types, and
further such dataclasses. Nothing that runs is kept, so a model may come from anywhere.

    bytes   what
    16      ``MAGIC``
    32      SHA-256 of all that follows
    8       length of the header, a little-endian integer
    …       the header, JSON in UTF-8: ``format``, ``version`` (of the package), ``value``, and for
            each array its ``dtype``, as numpy writes it, and its ``shape``
    …       the arrays, one after the other, rows first

A value that JSON has no form for is an object of one member, as ``{"array": 3}``; a dataclass is
``{"class": "module:Name", "fields": {…}}``. Every length is compared with the bytes there are
before anything is allocated.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from datagen_nb.arrow_streams import read_table
from datagen_nb.core.data_types import DATA_TYPES
from datagen_nb.core.kinds import KINDS
from datagen_nb.core.version import __version__

FORMAT = 6
"""Version of what is kept; raised whenever a field of a layer changes."""

MAGIC = b"datagen_nb model"

PACKAGES = ("datagen_nb.codecs.", "datagen_nb.relations.", "datagen_nb.synth.")
"""Only classes below these, and of the modules of kinds and of types of data, are made again from
bytes."""

MAX_HEADER = 64 << 20
"""Bytes of a header that is read."""

DTYPES = "biufMmUS"
"""Kinds of numpy arrays that are kept."""

MAX_DIMENSIONS = 4
"""Of an array."""

_LENGTH = struct.Struct("<Q")
_PREFIX = len(MAGIC) + hashlib.sha256().digest_size

Arrays = list[Any]


class OtherFormat(ValueError):
    """The bytes were kept by another version of the package, ``version``."""

    def __init__(self, version: str) -> None:
        super().__init__(f"it was kept by version {version} of datagen_nb, this is {__version__}")
        self.version = version


def to_bytes(value: Any) -> bytes:
    """Keep a value: equal values give equal bytes.

    Raises:
        TypeError: A field is of a type that is not kept.
    """
    arrays: Arrays = []
    packed = _packed(value, arrays)
    described = [{"dtype": one.dtype.str, "shape": one.shape} for one in arrays]
    header = json.dumps(
        {"format": FORMAT, "version": __version__, "value": packed, "arrays": described}
    ).encode()
    body = b"".join([_LENGTH.pack(len(header)), header, *(one.tobytes() for one in arrays)])
    return MAGIC + hashlib.sha256(body).digest() + body


def from_bytes(data: bytes) -> Any:
    """Take up what ``to_bytes`` kept.

    Raises:
        OtherFormat: Another version of the package kept it.
        ValueError: The bytes are damaged, or name a class that is no part of a model.
    """
    try:
        header, place = _header(memoryview(data))
        if header["format"] != FORMAT:
            raise OtherFormat(str(header["version"])[:40])
        arrays = _read_arrays(header["arrays"], memoryview(data)[place:])
        return _unpacked(header["value"], arrays)
    except (
        ArithmeticError,
        AttributeError,
        ImportError,
        LookupError,
        OSError,  # of Arrow, about a schema
        RecursionError,
        TypeError,
        pa.ArrowException,
    ) as error:
        raise ValueError(f"its parts do not fit together: {error}") from error


def _header(data: memoryview) -> tuple[Any, int]:
    """The header, and where the arrays begin."""
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("it is no model")
    body = data[_PREFIX:]
    if hashlib.sha256(body).digest() != data[len(MAGIC) : _PREFIX] or len(body) < _LENGTH.size:
        raise ValueError("it is damaged: its digest differs")
    (length,) = _LENGTH.unpack_from(body)
    if length > min(len(body) - _LENGTH.size, MAX_HEADER):
        raise ValueError(f"its header cannot have {length:,} bytes")
    end = _LENGTH.size + length
    return json.loads(bytes(body[_LENGTH.size : end])), _PREFIX + end


def _read_arrays(described: Any, data: memoryview) -> Arrays:
    arrays = []
    for one in described:
        dtype, shape = np.dtype(one["dtype"]), one["shape"]
        if dtype.kind not in DTYPES or not _is_shape(shape):
            raise ValueError(f"an array of {dtype} and that shape cannot be kept")
        size = math.prod(shape) * dtype.itemsize
        if size > len(data):
            raise ValueError(f"an array of {size:,} bytes is longer than what is left")
        arrays.append(np.frombuffer(data[:size], dtype).reshape(shape).copy())
        data = data[size:]
    if len(data):
        raise ValueError(f"{len(data):,} bytes follow its arrays")
    return arrays


def _is_shape(shape: Any) -> bool:
    return len(shape) <= MAX_DIMENSIONS and all(
        type(size) is int and 0 <= size < 2**63 for size in shape
    )


def _packed(value: Any, arrays: Arrays) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case tuple() | list():
            return [_packed(one, arrays) for one in value]
        case dict():
            return {"dict": {key: _packed(one, arrays) for key, one in value.items()}}
        case frozenset():
            return {"set": [_packed(one, arrays) for one in sorted(value)]}
        case bytes():
            return {"bytes": _aside(_bytes(value), arrays)}
        case np.ndarray():
            return _packed_array(value, arrays)
        case pa.Array() | pa.ChunkedArray():
            table = pa.table({"": value})
            return {"column": _aside(_ipc(table), arrays)}
        case pa.Table():
            return {"table": _aside(_ipc(value), arrays)}
        case pa.Schema():
            return {"schema": _aside(_bytes(value.serialize()), arrays)}
        case pa.DataType():
            return {"type": _aside(_bytes(pa.schema([("", value)]).serialize()), arrays)}
        case np.generic():
            return _packed(value.item(), arrays)
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} cannot be part of a model")
    kind = type(value)
    fields = {
        field.name: _packed(getattr(value, field.name), arrays)
        for field in dataclasses.fields(value)
    }
    return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}


def _packed_array(array: Any, arrays: Arrays) -> dict[str, Any]:
    if array.dtype != object:
        return {"array": _aside(array, arrays)}
    # Texts, or integers that no machine word holds.
    return {"objects": _aside(_bytes(json.dumps(array.tolist()).encode()), arrays)}


def _aside(array: Any, arrays: Arrays) -> int:
    arrays.append(array)
    return len(arrays) - 1


def _ipc(table: pa.Table) -> Any:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return _bytes(sink.getvalue())


def _bytes(data: Any) -> Any:
    return np.frombuffer(data, dtype=np.uint8)


def _unpacked(packed: Any, arrays: Arrays) -> Any:
    if isinstance(packed, list):
        return tuple(_unpacked(one, arrays) for one in packed)
    if not isinstance(packed, dict):
        return packed
    if "class" in packed:
        fields = {name: _unpacked(one, arrays) for name, one in packed["fields"].items()}
        return _class_of(packed["class"])(**fields)
    [(tag, inner)] = packed.items()
    if tag == "dict":
        return {key: _unpacked(one, arrays) for key, one in inner.items()}
    if tag == "set":
        return frozenset(_unpacked(one, arrays) for one in inner)
    # Each array is taken once, so that many names of one cannot multiply it.
    array, arrays[inner] = arrays[inner], None
    if array is None:
        raise ValueError("an array is named twice")
    return _FROM_ARRAY[tag](array)


def _schema(array: Any) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(array.tobytes()))


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


_FROM_ARRAY: Mapping[str, Callable[[Any], Any]] = {
    "array": lambda array: array,
    "bytes": lambda array: array.tobytes(),
    "objects": lambda array: _objects(json.loads(array.tobytes())),
    "column": lambda array: read_table(array.tobytes()).column(0).combine_chunks(),
    "table": lambda array: read_table(array.tobytes()),
    "schema": _schema,
    "type": lambda array: _schema(array).field(0).type,
}


def _class_of(name: str) -> type[Any]:
    module, _, qualified = name.partition(":")
    offered = [*KINDS.values(), *DATA_TYPES.values()]
    if not (module.startswith(PACKAGES) or module in {type(one).__module__ for one in offered}):
        raise ValueError(f"{name} is no part of a model")
    found = getattr(importlib.import_module(module), qualified)
    is_kept = isinstance(found, type) and dataclasses.is_dataclass(found)
    if not is_kept or found.__module__ != module:
        raise ValueError(f"{name} is no part of a model")
    kept: type[Any] = found
    return kept
