"""Values as JSON literals, whole columns at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.values import as_text, with_bare_whole


@dataclass(frozen=True, slots=True)
class Spelling:
    """What a table's JSON has that its values have not.

    Attributes:
        omitted: Paths whose key is left out where its value is null.
        bare_whole: Paths of floats that have no point where they need none, as 18 beside 39.1.
    """

    omitted: frozenset[str] = frozenset()
    bare_whole: frozenset[str] = frozenset()


PLAIN = Spelling()
"""All keys, and all floats with a point."""


def literals(column: pa.Array, path: str = "", spelling: Spelling = PLAIN) -> pa.Array:
    """Each value as JSON; null stays null.

    Args:
        column: Also of objects and lists.
        path: Name of the column, with the objects that it is in.
        spelling: How it is written.
    """
    type = column.type
    if pa.types.is_dictionary(type):
        return literals(column.dictionary_decode())
    if pa.types.is_struct(type):
        names = [field.name for field in type]
        texts = objects(names, column.flatten(), spelling, f"{path}." if path else "")
        return pc.if_else(column.is_valid(), texts, pa.scalar(None, pa.string()))
    if pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type):
        return _lists(column)
    if pa.types.is_floating(type):
        texts = with_bare_whole(column) if path in spelling.bare_whole else as_text(column)
        # JSON has no infinity; the widest float stands for it when read.
        return pc.replace_substring(texts, "inf", "1e999")
    texts = as_text(column)
    if pa.types.is_boolean(type) or pa.types.is_integer(type) or pa.types.is_decimal(type):
        return texts
    return _escaped(texts)


def objects(
    names: list[str],
    columns: list[pa.Array],
    spelling: Spelling = PLAIN,
    prefix: str = "",
    *,
    before: str = "",
    after: str = "",
) -> pa.Array:
    """Objects of the values of columns, one a row, each with all keys but the omitted ones.

    Args:
        names: The keys.
        columns: Their values.
        spelling: How they are written.
        prefix: Of the paths of the keys.
        before: What stands before each object.
        after: What stands behind it.
    """
    opening, closing = f"{before}{{", f"}}{after}"
    pieces: list[pa.Array | str] = []
    has_first = False
    for name, column in zip(names, columns, strict=True):
        key = json.dumps(name, ensure_ascii=False) + ": "
        texts = literals(column, prefix + name, spelling)
        if prefix + name in spelling.omitted:
            pair = pc.binary_join_element_wise(f", {key}", texts, "")
            pieces.append(pc.fill_null(pair, ""))
        else:
            has_first = has_first or not pieces
            pieces += [f", {key}" if pieces else key, pc.fill_null(texts, "null")]
    rows = len(columns[0]) if columns else 0
    if not pieces:
        return pa.array([opening + closing] * rows, pa.string())
    if has_first:
        return pc.binary_join_element_wise(opening, *pieces, closing, "")
    inner = pc.replace_substring_regex(pc.binary_join_element_wise(*pieces, "", ""), "^, ", "")
    return pc.binary_join_element_wise(opening, inner, closing, "")


def _lists(column: pa.Array) -> pa.Array:
    if pa.types.is_fixed_size_list(column.type):
        column = column.cast(pa.list_(column.type.value_type))
    there = column.drop_null()
    elements = pc.fill_null(literals(pc.list_flatten(there)), "null")
    lengths = pc.list_value_length(there)
    offsets = pa.concat_arrays(
        [pa.array([0], pa.int64()), pc.cumulative_sum(lengths.cast(pa.int64()))]
    )
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets.cast(pa.int32()), elements), ", ")
    texts = pc.binary_join_element_wise("[", joined, "]", "")
    if len(there) == len(column):
        return texts
    return pc.replace_with_mask(pa.nulls(len(column), pa.string()), column.is_valid(), texts)


def _escaped(texts: pa.Array) -> pa.Array:
    special = pc.match_substring_regex(texts, '["\\\\\x00-\x1f]')
    if pc.any(special).as_py():
        plain = [
            None if text is None else json.dumps(text, ensure_ascii=False)[1:-1]
            for text in texts.filter(special).to_pylist()
        ]
        texts = pc.replace_with_mask(
            texts, special.fill_null(fill_value=False), pa.array(plain, pa.string())
        )
    return pc.binary_join_element_wise('"', texts, '"', "")
