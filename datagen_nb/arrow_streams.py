"""Arrow IPC streams that may come from anywhere: neither their sizes nor their offsets are trusted.

A stream may say that a buffer is compressed, and how large it is without: then a few bytes could
ask for any amount of memory. What is written here never is compressed, so none is read.
"""

from __future__ import annotations

import struct

import pyarrow as pa

_COMPRESSION = 3
"""Place of the field ``compression`` in the table ``RecordBatch`` of Arrow's ``Message.fbs``."""

_HEADER = 2
"""Place of the field ``header`` in the table ``Message``."""


def read_table(data: bytes) -> pa.Table:
    """Read a stream of plain record batches, in no more memory than ``data`` has.

    Raises:
        ValueError: It is damaged, is compressed, or has dictionaries.

    Example:
        ```python
        read_table(data)["levels"]
        ```
    """
    try:
        for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(data)):
            if message.type == "dictionary":
                raise ValueError("the stream has dictionaries")
            if message.type == "record batch" and _is_compressed(message.metadata.to_pybytes()):
                raise ValueError("the stream is compressed")
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            table: pa.Table = reader.read_all()
        if table.num_rows > 8 * len(data):  # of a type that needs no bytes
            raise ValueError(f"the stream has no {table.num_rows:,} rows")
        for column in table.itercolumns():
            _validate(column)
    except (pa.ArrowException, OSError, struct.error) as error:
        raise ValueError(f"the stream is damaged: {error}") from error
    return table


def _validate(column: pa.ChunkedArray) -> None:
    """Look whether a column's bytes are values of its type.

    Raises:
        pa.ArrowInvalid: They are not.
    """
    if pa.types.is_date64(column.type):  # Arrow refuses times of day in it, which inputs may have
        column = column.cast(pa.int64())
    column.validate(full=True)


def _is_compressed(message: bytes) -> bool:
    """Whether the message of a record batch, which Arrow has verified, names a compression."""
    start = _follow(message, 0)
    header = start + _field(message, start, _HEADER)
    batch = _follow(message, header)
    return _field(message, batch, _COMPRESSION) != 0


def _follow(data: bytes, place: int) -> int:
    return place + int(struct.unpack_from("<I", data, place)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a FlatBuffers table begins, counted from the table; 0 if it is absent.

    Source: the FlatBuffers documentation, Internals, Tables.
    """
    names = table - int(struct.unpack_from("<i", data, table)[0])
    (size,) = struct.unpack_from("<H", data, names)
    at = 4 + 2 * number
    return int(struct.unpack_from("<H", data, names + at)[0]) if at < size else 0
