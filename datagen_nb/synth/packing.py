"""What was fitted of a layer as bytes and back: JSON for its fields, plain arrays beside it.

Every layer is made of frozen dataclasses of plain fields: ``None``, truth values, numbers, texts,
bytes, tuples, dicts with text keys, numpy arrays, Arrow arrays, tables, schemas and types, and
further such dataclasses. Nothing that runs is kept, so a model may come from anywhere.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from datagen_nb.core.kinds import KINDS

Arrays = dict[str, Any]

ROOM = "datagen_nb.synth."
"""Only classes below this package, and of the modules of kinds, are made again from bytes."""


def to_bytes(value: Any) -> bytes:
    """Keep a value: equal values give equal bytes.

    Raises:
        TypeError: A field is of a type that is not kept.
    """
    arrays: Arrays = {}
    header = json.dumps(_packed(value, arrays))
    arrays["header"] = np.frombuffer(header.encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def from_bytes(data: bytes) -> Any:
    """Take up what ``to_bytes`` kept.

    Raises:
        ValueError: The bytes name a class that is no part of a model.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return _unpacked(json.loads(arrays["header"].tobytes()), arrays)


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
            return {"bytes": _aside(np.frombuffer(value, dtype=np.uint8), arrays)}
        case np.ndarray():
            return _packed_array(value, arrays)
        case pa.Array() | pa.ChunkedArray():
            table = pa.table({"": value})
            return {"column": _aside(_ipc(table), arrays)}
        case pa.Table():
            return {"table": _aside(_ipc(value), arrays)}
        case pa.Schema():
            return {"table": _aside(_ipc(value.empty_table()), arrays), "is": "schema"}
        case pa.DataType():
            return {
                "column": _aside(_ipc(pa.table({"": pa.array([], value)})), arrays),
                "is": "type",
            }
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
    return {"objects": _aside(np.frombuffer(json.dumps(array.tolist()).encode(), np.uint8), arrays)}


def _aside(array: Any, arrays: Arrays) -> str:
    name = f"a{len(arrays)}"
    arrays[name] = array
    return name


def _ipc(table: pa.Table) -> Any:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


def _table(array: Any) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(array.tobytes())) as reader:
        return reader.read_all()


def _unpacked(packed: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(packed, list):
        return tuple(_unpacked(one, arrays) for one in packed)
    if not isinstance(packed, dict):
        return packed
    if "class" in packed:
        fields = {name: _unpacked(one, arrays) for name, one in packed["fields"].items()}
        return _class_of(packed["class"])(**fields)
    if packed.get("is") == "schema":
        return _table(arrays[packed["table"]]).schema
    if packed.get("is") == "type":
        return _table(arrays[packed["column"]]).schema.field(0).type
    [(tag, inner)] = packed.items()
    read: Mapping[str, Callable[[], Any]] = {
        "dict": lambda: {key: _unpacked(one, arrays) for key, one in inner.items()},
        "set": lambda: frozenset(_unpacked(one, arrays) for one in inner),
        "bytes": lambda: arrays[inner].tobytes(),
        "array": lambda: arrays[inner],
        "objects": lambda: _objects(json.loads(arrays[inner].tobytes())),
        "column": lambda: _table(arrays[inner]).column(0).combine_chunks(),
        "table": lambda: _table(arrays[inner]),
    }
    return read[tag]()


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _class_of(name: str) -> type[Any]:
    module, _, qualified = name.partition(":")
    if not (
        module.startswith(ROOM) or module in {type(kind).__module__ for kind in KINDS.values()}
    ):
        raise ValueError(f"{name} is no part of a model")
    found = getattr(importlib.import_module(module), qualified)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise ValueError(f"{name} is no part of a model")
    return found
