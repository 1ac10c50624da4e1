"""The model of a table: learnt once from a sample, then a pure function from part to rows.

``fit`` learns, ``Model.generate`` makes part *i* from (model, seed, i) alone: the same bytes with
one worker or many. A model is kept as plain arrays and one JSON header, nothing that runs.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from datagen_nb.core.config import LEAST_ROWS
from datagen_nb.core.errors import InputError
from datagen_nb.synth import margins
from datagen_nb.synth.fresh import (
    CountingIds,
    FreshText,
    PatternIds,
    learn_counting,
    learn_pattern,
    learn_text,
)
from datagen_nb.synth.margins import Margin
from datagen_nb.synth.profile import kind_of
from datagen_nb.synth.trees import LeafTree, grow, nodes_of

MOST_CELLS = 6_000_000
"""Rows times variables to learn from at most; a wide table is learnt from fewer rows."""

FEW_IDS = 10**8
"""Room for fewer new identifiers than this is worth a warning."""

Maker = Margin | CountingIds | PatternIds | FreshText | None
"""How a column's values are made; ``None``: they are all null."""

_MAKERS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Margin, CountingIds, PatternIds, FreshText)
}


@dataclass(frozen=True, slots=True)
class Variable:
    """Something that is drawn: whether a column is null (``"null"``), or its value."""

    column: int
    role: str


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was learnt of a table.

    Attributes:
        schema: Names and Arrow types, the input's.
        kinds: Kind of each column.
        warnings: What a user should know, in sentences.
        seed: Of everything that is drawn.
        makers: One a column.
        variables: In the order in which they are drawn.
        trees: One a variable.
    """

    schema: pa.Schema
    kinds: dict[str, str]
    warnings: tuple[str, ...]
    seed: int
    makers: tuple[Maker, ...]
    variables: tuple[Variable, ...]
    trees: tuple[LeafTree, ...]

    def generate(self, index: int, rows: int, *, offset: int) -> pa.Table:
        """Make one part.

        Args:
            index: Number of the part.
            rows: How many.
            offset: Number of the part's first row in the whole result.
        """
        given = np.zeros((rows, len(self.variables)), dtype=np.float32)
        nulls: dict[int, Any] = {}
        codes: dict[int, Any] = {}
        for place, (variable, tree) in enumerate(zip(self.variables, self.trees, strict=True)):
            drawn = tree.draw(given, np.random.default_rng([self.seed, index, place]))
            given[:, place] = drawn
            if variable.role == "null":
                nulls[variable.column] = drawn.astype(np.bool_)
                continue
            codes[variable.column] = drawn
            if variable.column in nulls:
                given[nulls[variable.column], place] = -1
        numbers = np.arange(offset, offset + rows, dtype=np.int64)
        arrays = []
        for column, (maker, field) in enumerate(zip(self.makers, self.schema, strict=True)):
            random = np.random.default_rng([self.seed, index, len(self.variables) + column])
            if maker is None:
                arrays.append(pa.nulls(rows, field.type))
                continue
            values = _make(maker, numbers, codes.get(column), random)
            arrays.append(margins.to_column(values, nulls.get(column), field.type))
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def to_bytes(self) -> bytes:
        """Keep the model: the same model gives the same bytes."""
        arrays: dict[str, Any] = {}
        header = {
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "kinds": self.kinds,
            "warnings": self.warnings,
            "seed": self.seed,
            "variables": [[variable.column, variable.role] for variable in self.variables],
            "makers": [
                _packed(maker, f"maker{place}", arrays) for place, maker in enumerate(self.makers)
            ],
            "trees": [
                _packed(tree, f"tree{place}", arrays) for place, tree in enumerate(self.trees)
            ],
        }
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Take up a model that was kept."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            return cls(
                schema=pa.ipc.read_schema(pa.py_buffer(base64.b64decode(header["schema"]))),
                kinds=header["kinds"],
                warnings=tuple(header["warnings"]),
                seed=header["seed"],
                makers=tuple(_unpacked(maker, arrays) for maker in header["makers"]),
                variables=tuple(Variable(*variable) for variable in header["variables"]),
                trees=tuple(_unpacked(tree, arrays) for tree in header["trees"]),
            )


def fit(
    sample: pa.Table,
    *,
    seed: int,
    columns: Mapping[str, str] | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Model:
    """Learn a table.

    Args:
        sample: Rows to learn from, at least 2.
        seed: The same sample and seed give the same model, on any machine.
        columns: Kinds that override the detected ones.
        on_progress: Told the share done, 0 to 1.

    Raises:
        InputError: Too few rows, a column that cannot be learnt, or a kind it cannot have.
    """
    if sample.num_rows < LEAST_ROWS:
        raise InputError(
            f"The table has {sample.num_rows} rows; at least {LEAST_ROWS} are needed to learn.",
            code="too_few_rows",
        )
    kinds = {}
    for name in sample.column_names:
        detected = kind_of(name, sample[name])
        kinds[name] = _chosen(name, detected, (columns or {}).get(name), sample[name].type)
    schema = sample.schema.remove_metadata()
    sample, warnings = _affordable(margins.plain_table(sample))
    makers, variables, learnt = _columns(sample, kinds, warnings)
    # Fewest levels first, but never a value before its own nulls: from it they could be told.
    order = sorted(
        range(len(variables)), key=lambda place: (max(int(learnt[place].max()), 1), place)
    )
    given = np.zeros((sample.num_rows, len(order)), dtype=np.float32)
    trees = []
    unordered: list[int] = []
    for place, chosen in enumerate(order):
        variable, codes = variables[chosen], learnt[chosen]
        there = codes >= 0
        margin = makers[variable.column]
        ordered = variable.role == "value" and isinstance(margin, Margin) and margin.is_ordered
        tree_seed = int(np.random.default_rng([seed, 3, place]).integers(2**32))
        tree = grow(
            given[there, :place],
            codes[there],
            ordered=ordered,
            unordered=unordered,
            seed=tree_seed,
        )
        trees.append(tree)
        if not ordered and variable.role == "value":
            unordered.append(place)
        given[:, place] = codes
        on_progress((place + 1) / len(order))
    return Model(
        schema=_roomy(schema, makers),
        kinds=kinds,
        warnings=tuple(warnings),
        seed=seed,
        makers=tuple(makers),
        variables=tuple(variables[place] for place in order),
        trees=tuple(trees),
    )


def _roomy(schema: pa.Schema, makers: list[Maker]) -> pa.Schema:
    """The schema; a dictionary of values that are made anew can count more of them."""
    for place, maker in enumerate(makers):
        field = schema.field(place)
        if not pa.types.is_dictionary(field.type) or field.type.index_type.bit_width >= 32:
            continue
        if maker is not None and not (isinstance(maker, Margin) and not maker.smooth):
            wider = pa.dictionary(pa.int32(), field.type.value_type, field.type.ordered)
            schema = schema.set(place, field.with_type(wider))
    return schema


def _columns(
    sample: pa.Table, kinds: Mapping[str, str], warnings: list[str]
) -> tuple[list[Maker], list[Variable], list[margins.Codes]]:
    makers: list[Maker] = []
    variables: list[Variable] = []
    learnt: list[margins.Codes] = []
    for place, (name, kind) in enumerate(kinds.items()):
        column = sample[name]
        if column.null_count == len(column):
            makers.append(None)
            warnings.append(f"Column {name!r} holds only nulls, and so does the result.")
            continue
        flags = margins.null_flags(column)
        if column.null_count:
            variables.append(Variable(place, "null"))
            learnt.append(flags)
        values = margins.to_values(column)
        maker = _maker(kind, values)
        if maker is None:
            margin, codes = margins.learn(values, kind)
            makers.append(margin)
            whole = np.full(len(column), -1, dtype=np.int32)
            whole[flags == 0] = codes
            variables.append(Variable(place, "value"))
            learnt.append(whole)
        else:
            makers.append(maker)
            if isinstance(maker, CountingIds) and maker.room < FEW_IDS:
                warnings.append(
                    f"Column {name!r} holds {column.type}, which has room for {maker.room:,} new "
                    "identifiers; further rows repeat them."
                )
    return makers, variables, learnt


def _maker(kind: str, values: margins.Values) -> CountingIds | PatternIds | FreshText | None:
    if kind == "id":
        return learn_counting(values) if values.dtype.kind in "iu" else learn_pattern(values)
    return learn_text(values) if kind == "text" else None


def _make(
    maker: Margin | CountingIds | PatternIds | FreshText,
    numbers: Any,
    codes: Any,
    random: np.random.Generator,
) -> margins.Values:
    match maker:
        case Margin():
            return maker.decode(codes, random)
        case CountingIds():
            return maker.make(numbers)
        case PatternIds():
            return maker.make(numbers, random)
        case FreshText():
            return maker.make(len(numbers), random)


def _chosen(name: str, detected: str, wanted: str | None, type: pa.DataType) -> str:
    if wanted is None or detected == "constant":
        return detected
    if pa.types.is_dictionary(type):
        type = type.value_type
    is_text = any(
        check(type)
        for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )
    fits = {
        "numeric": pa.types.is_integer(type)
        or pa.types.is_floating(type)
        or pa.types.is_decimal(type),
        "boolean": pa.types.is_boolean(type),
        "datetime": pa.types.is_temporal(type),
        "text": is_text,
        "id": is_text or pa.types.is_integer(type),
        "categorical": True,
        "constant": False,
    }
    if not fits[wanted]:
        raise InputError(
            f"Column {name!r} holds {type} and cannot be {wanted}; it was found to be {detected}. "
            f"Leave it out of parameters.columns, or convert the column first.",
            code="wrong_kind",
            details={"column": name, "type": str(type), "kind": wanted, "retryHelps": False},
        )
    return wanted


def _affordable(sample: pa.Table) -> tuple[pa.Table, list[str]]:
    rows = max(MOST_CELLS // max(sample.num_columns, 1), 1_000)
    if sample.num_rows <= rows:
        return sample, []
    every = np.linspace(0, sample.num_rows - 1, rows).astype(np.int64)
    return sample.take(pa.array(every)), [
        f"The table has {sample.num_columns} columns; {rows:,} of its rows were learnt from."
    ]


def _packed(part: Any, prefix: str, arrays: dict[str, Any]) -> Any:
    """A maker or tree as JSON, its arrays put aside under names that begin with ``prefix``."""
    if part is None:
        return None
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if isinstance(value, np.ndarray):
            name = f"{prefix}.{field.name}"
            is_object = value.dtype == object
            if is_object:  # strings, or integers that no word of the machine holds
                arrays[name] = np.frombuffer(json.dumps(value.tolist()).encode(), dtype=np.uint8)
            elif value.dtype.names:  # as plain bytes: copying an array need not keep its padding
                arrays[name] = np.frombuffer(value.tobytes(), dtype=np.uint8)
            else:
                arrays[name] = value
            fields[field.name] = {
                "array": name,
                "object": is_object,
                "nodes": bool(value.dtype.names),
            }
        else:
            fields[field.name] = sorted(value) if isinstance(value, frozenset) else value
    return {"is": type(part).__name__, **fields}


def _unpacked(packed: Any, arrays: Any) -> Any:
    if packed is None:
        return None
    kind = LeafTree if packed["is"] == "LeafTree" else _MAKERS[packed["is"]]
    fields: dict[str, Any] = {}
    for name, value in packed.items():
        if isinstance(value, dict):
            array = arrays[value["array"]]
            if value["nodes"]:
                array = nodes_of(array)
            if value["object"]:
                array = np.asarray(json.loads(array.tobytes()), dtype=object)
            fields[name] = array
        elif name != "is":
            fields[name] = tuple(value) if isinstance(value, list) else value
    if kind is FreshText:
        fields["taken"] = frozenset(fields["taken"])
    return kind(**fields)
