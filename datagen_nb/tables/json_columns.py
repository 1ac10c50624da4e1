"""Columns of JSON objects: the Arrow type that holds one key's values, and the values as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from datagen_nb.tables.json_lines import Row
from datagen_nb.tables.nested_profile import NestedProfile
from datagen_nb.tables.values import Guess, from_text

Values = Sequence[Any]

_INT64 = range(-(2**63), 2**63)
_EXACT_IN_FLOAT = range(-(2**53), 2**53 + 1)


def values_by_key(rows: list[Row]) -> dict[str, Values]:
    """The values of each key, one a row; ``None`` where a row lacks it."""
    shapes = set(map(tuple, rows))
    if len(shapes) == 1:
        return dict(zip(shapes.pop(), zip(*map(dict.values, rows), strict=True), strict=True))
    # In the order in which the keys first occur.
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: [row.get(key) for row in rows] for key in keys}


class JsonColumn:
    """What is known of one key's values, and the Arrow type that holds them all.

    Args:
        key: The key.
        profile: What decides how objects and lists of the table are flattened.

    Attributes:
        times: For each text within objects, by its path, whether it is a time.
    """

    def __init__(self, key: str, profile: NestedProfile) -> None:
        self._key = key
        self._profile = profile
        self._nested: pa.DataType | None = pa.null()
        self.times: dict[tuple[str, ...], Guess] = {}
        self._kinds: set[type] = set()
        self._guess = Guess(times_only=True)
        self._is_long = False
        self._is_inexact = False
        self._has_pointed_whole = False

    def update(self, values: Values, *, keep: bool) -> pa.Array | None:
        """Take more values into account.

        Returns:
            The values as an array, if one type holds them exactly and ``keep`` asks for it.
        """
        kinds = set(map(type, values)) - {type(None)}
        self._kinds |= kinds
        if int in kinds:
            numbers = [value for value in values if type(value) is int]
            low, high = min(numbers), max(numbers)
            self._is_long |= low not in _INT64 or high not in _INT64
            self._is_inexact |= low not in _EXACT_IN_FLOAT or high not in _EXACT_IN_FLOAT
        if float in kinds and not self._has_pointed_whole:
            floats = (value for value in values if type(value) is float)
            whole = filter(float.is_integer, floats)
            self._has_pointed_whole = any(int(value) in _EXACT_IN_FLOAT for value in whole)
        if kinds == {str} and (keep or not self._guess.is_text):
            texts = _strings(values)
            self._guess.update(texts)
            return texts
        if self._kinds and self._kinds <= {dict, list}:
            self._add_nested(values)
            return None
        if not keep or self.is_mixed:
            return None
        return pa.array(values, self.type if kinds else pa.null(), from_pandas=True)

    def _add_nested(self, values: Values) -> None:
        if self._nested is None:
            return
        found = _unified(self._nested, values)
        if found is None:
            self._nested = None
            return
        self._nested, array = found
        self._profile.add(pa.record_batch([array], names=[self._key]))
        for path, texts in texts_within((self._key,), array):
            self.times.setdefault(path, Guess(times_only=True)).update(texts)

    @property
    def type(self) -> pa.DataType:
        if self._kinds and self._kinds <= {dict, list} and self._nested is not None:
            return self._nested
        if self._kinds == {bool}:
            return pa.bool_()
        if self._kinds == {int} and not self._is_long:
            return pa.int64()
        if self._kinds and self._kinds <= {int, float} and not self._is_inexact:
            return pa.float64()
        if self._kinds == {str}:
            return self._guess.type
        return pa.string()

    @property
    def has_bare_whole(self) -> bool:
        """Whether whole numbers among floats have no point: 18 beside 39.1."""
        is_float = pa.types.is_floating(self.type)
        return is_float and int in self._kinds and not self._has_pointed_whole

    @property
    def is_mixed(self) -> bool:
        return self.type == pa.string() and not self._kinds <= {str}

    def array(self, values: Values) -> pa.Array:
        type = self.type
        if pa.types.is_nested(type):
            return pa.array(values, type)
        if self._kinds == {str}:
            texts = _strings(values)
            return texts if pa.types.is_string(type) else from_text(texts, type)
        if pa.types.is_string(type):
            return _strings([_json_text(value) for value in values])
        # NaN is no JSON; a writer that puts it there means a missing value.
        return pa.array(values, type, from_pandas=True)


def cast(values: pa.Array, type: pa.DataType) -> pa.Array:
    """Give values that ``JsonColumn.update`` kept the type of their whole column."""
    return from_text(values, type) if pa.types.is_string(values.type) else values.cast(type)


def _strings(values: Values) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # JSON can escape half of a surrogate pair, which is no character
        whole = [v if v is None else v.encode(errors="replace").decode() for v in values]
        return pa.array(whole, pa.string())


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def restored(values: Values, type: pa.DataType) -> pa.Array:
    """Values that were written as JSON, with the type they had."""
    if pa.types.is_boolean(type) or pa.types.is_integer(type):
        return pa.array(values, type)
    if pa.types.is_floating(type):
        return pa.array([None if v is None else float(v) for v in values], pa.float64()).cast(type)
    texts = [None if value is None else str(value) for value in values]
    return from_text(pa.array(texts, pa.string()), type)


def _unified(type: pa.DataType, values: Values) -> tuple[pa.DataType, pa.Array] | None:
    """A type that holds more values too, and these as an array; ``None`` if there is none."""
    try:
        array = pa.array(values, from_pandas=True)
        schemas = [pa.schema([("value", type)]), pa.schema([("value", array.type)])]
        unified = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowException, OverflowError, UnicodeError, RecursionError):
        return None
    return unified.field(0).type, array


def texts_within(path: tuple[str, ...], array: pa.Array) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The texts of objects in objects, each with its path; not those in lists."""
    if pa.types.is_struct(array.type):
        for field, child in zip(array.type, array.flatten(), strict=True):
            yield from texts_within((*path, field.name), child)
    elif pa.types.is_string(array.type):
        yield path, array
