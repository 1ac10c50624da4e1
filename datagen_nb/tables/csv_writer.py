"""Writing tables as CSV: in RFC 4180 and UTF-8, or in the dialect that a table's schema carries."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.dialect import BYTE_ORDER_MARK, Dialect
from datagen_nb.tables.values import as_text, with_bare_whole, with_decimals

WRITE_ROWS = 20_000

_CHUNK = 1 << 16


def write(table: pa.Table, file: BinaryIO) -> None:
    """Write a header and rows: a field is quoted where it must be, a missing one is empty."""
    dialect = Dialect.of(table.schema)
    file.write(dialect.encode(_above(dialect) + _header(table.column_names, dialect)))
    separator, line_end = dialect.separator, dialect.line_end
    if dialect.ends_with_delimiter:
        line_end = dialect.delimiter + line_end
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        fields = [_fields(column, dialect, place) for place, column in enumerate(batch.columns)]
        if len(fields) == 1:
            fields = [pc.fill_null(fields[0], 2 * (dialect.quote or '"'))]
        lines = pc.binary_join_element_wise(
            *fields, separator, null_handling="replace", null_replacement=""
        )
        lines = pc.binary_join_element_wise(lines, line_end, "")
        if dialect.encoding == "utf-8":
            write_texts(lines, file)
        else:
            file.write(dialect.encode("".join(lines.to_pylist())))


def write_texts(texts: pa.Array, file: BinaryIO) -> None:
    """Write texts without a null, one right after the other: Arrow has them so in memory."""
    begin = texts.offset
    _, offsets, data = texts.buffers()
    ends = pa.Array.from_buffers(pa.int32(), begin + len(texts) + 1, [None, offsets])
    first, last = ends[begin].as_py(), ends[begin + len(texts)].as_py()
    file.write(memoryview(data)[first:last])


def header_length(file: BinaryIO, dialect: Dialect) -> int:
    """Bytes above the first row, in a file that ``write`` wrote in this dialect."""
    above = _above(dialect)
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    text = ""
    while True:
        piece = decoder.decode(file.read(_CHUNK))
        text += piece
        end = len(above)
        if dialect.has_header:
            end = _end_of_header(text, end, dialect)
        if not piece or end < len(text):
            return len(text[:end].encode(dialect.encoding))


def _above(dialect: Dialect) -> str:
    """What stands above the header."""
    return BYTE_ORDER_MARK * dialect.has_mark + "".join(dialect.preamble)


def _header(names: list[str], dialect: Dialect) -> str:
    if not dialect.has_header:
        return ""
    texts = _quoted(pa.array(names, pa.string()), dialect, always=dialect.quotes_header)
    ending = dialect.delimiter * dialect.ends_with_delimiter + dialect.line_end
    return dialect.separator.join(texts.to_pylist()) + ending


def _end_of_header(text: str, start: int, dialect: Dialect) -> int:
    """Where the first line ends whose quotes are all closed; the end of the text without one."""
    end = start
    while (found := text.find(dialect.line_end, end)) >= 0:
        end = found + len(dialect.line_end)
        if not dialect.quote or text.count(dialect.quote, start, end) % 2 == 0:
            return end
    return len(text)


def _fields(column: pa.Array, dialect: Dialect, place: int) -> pa.Array:
    always = place in dialect.quoted
    is_float = pa.types.is_floating(column.type)
    texts = _floats(column, dialect, place) if is_float else as_text(column)
    if pa.types.is_boolean(column.type) and (true := dialect.true_word(place)):
        texts = pc.utf8_upper(texts) if true.isupper() else pc.utf8_capitalize(texts)
    if word := dialect.null_word(place):
        texts = pc.fill_null(texts, word)
    if is_text(column.type):
        return _quoted(texts, dialect, always=always)
    if dialect.decimal != "." and is_float:
        texts = pc.replace_substring(texts, ".", dialect.decimal)
    if always:
        texts = pc.fill_null(texts, "")
    may_clash = dialect.delimiter not in ",;\t|" or dialect.delimiter == dialect.decimal
    return _quoted(texts, dialect, always=always) if always or may_clash else texts


def _floats(column: pa.Array, dialect: Dialect, place: int) -> pa.Array:
    if decimals := dialect.decimals_of(place):
        return with_decimals(column, decimals)
    return with_bare_whole(column) if place in dialect.bare_whole else as_text(column)


def _quoted(texts: pa.Array, dialect: Dialect, *, always: bool) -> pa.Array:
    quote = dialect.quote
    if not quote:
        return texts
    if not always:
        special = re.sub(r"([\\^\]\[-])", r"\\\1", dialect.delimiter + quote)
        needs = pc.match_substring_regex(texts, f"[{special}\r\n]|^$|^\\s|\\s$")
        if dialect.preamble:
            needs = pc.or_(needs, pc.starts_with(texts, "#"))
        if not pc.any(needs).as_py():
            return texts
    doubled = pc.replace_substring(texts, quote, quote * 2)
    marked = pc.binary_join_element_wise(quote, doubled, quote, "")
    return marked if always else pc.if_else(needs, marked, texts)


def is_text(type: pa.DataType) -> bool:
    """Whether values of a type are texts, which are quoted where they must be."""
    if pa.types.is_dictionary(type):
        return is_text(type.value_type)
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))
