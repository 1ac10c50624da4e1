"""How the nested columns of a table are made flat: judged by all of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.json_values import literals
from datagen_nb.tables.nested import Nested, is_list, is_nested

MAX_DEPTH = 8
MAX_ITEMS = 32
"""Elements of a list that become columns each."""

MAX_WHOLE = 1_000
MIN_ROWS_PER_WHOLE = 20
"""Different lists of a column that is kept whole, and the rows that each of them has at least."""


def detect(table: pa.Table, name: str = "The table") -> Nested | None:
    """How a table is nested; ``None`` if it is flat.

    Raises:
        InputError: A column cannot be flattened (``unsupported_column``).
    """
    found = NestedProfile(name)
    for batch in table.to_batches():
        found.add(batch)
    return found.nested(table.schema)


@dataclass(slots=True)
class _Facts:
    """What is seen of one object, list or value."""

    nulls: int = 0
    empty: int = 0
    longest: int = 0
    has_null_elements: bool = False
    repeats: bool = False
    whole: Counter[str] | None = field(default_factory=Counter)


class NestedProfile:
    """What decides how columns are flattened, from all rows of a table in any batches.

    Args:
        name: What messages call the table.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._facts: dict[tuple[str, ...], _Facts] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows into account; the type of a column may differ from batch to batch."""
        for each, column in zip(batch.schema, batch.columns, strict=True):
            if pa.types.is_struct(each.type) or is_list(each.type):
                if _depth(each.type) > MAX_DEPTH:
                    what = f"is nested too deeply, more than {MAX_DEPTH} levels"
                    raise self._refused((each.name,), what)
                self._add((each.name,), column)

    def _add(self, path: tuple[str, ...], column: pa.Array) -> None:
        facts = self._facts.setdefault(path, _Facts())
        facts.nulls += column.null_count
        type = column.type
        if pa.types.is_struct(type):
            there = column.drop_null()
            for each, child in zip(type, there.flatten(), strict=True):
                self._add((*path, each.name), child)
        elif is_list(type):
            there = column.drop_null()
            lengths = pc.list_value_length(there)
            facts.empty += pc.sum(pc.equal(lengths, 0)).as_py() or 0
            facts.longest = max(facts.longest, pc.max(lengths).as_py() or 0)
            elements = pc.list_flatten(there)
            facts.has_null_elements |= elements.null_count > 0
            facts.repeats = facts.repeats or _repeats(there)
            if facts.whole is not None:
                counts = literals(there).value_counts()
                texts, numbers = (part.to_pylist() for part in counts.flatten())
                facts.whole.update(dict(zip(texts, numbers, strict=True)))
                if len(facts.whole) > MAX_WHOLE:
                    facts.whole = None
            self._add((*path, "[]"), elements)

    def nested(self, schema: pa.Schema) -> Nested | None:
        """How a table of this schema is flattened; ``None`` if it is flat.

        Raises:
            InputError: A column cannot be (``unsupported_column``).
        """
        if not is_nested(schema):
            return None
        for separator in (".", "/", "__", "::"):
            found = _Layout(self, separator)
            names: list[str] = []
            for each in schema:
                names += found.place((each.name,), each.name, each.type)
            if len(set(names)) == len(names):
                return Nested(
                    schema=schema.remove_metadata(),
                    separator=separator,
                    lengths=found.lengths,
                    flags=tuple(found.flags),
                    anchors=found.anchors,
                    distinct=tuple(found.distinct),
                )
        raise self._refused((schema.names[0],), "has fields that are called like other columns")

    def facts(self, path: tuple[str, ...]) -> _Facts:
        return self._facts.get(path, _Facts())

    def _refused(self, path: tuple[str, ...], what: str) -> InputError:
        return input_error(
            "unsupported_column",
            self._name,
            f"has a column {path[0]!r} that {what}",
            "Leave it out, or turn it into columns.",
            column=path[0],
        )

    def check_list(self, path: tuple[str, ...], longest: int) -> None:
        """Make sure that a list can be divided into columns."""
        if longest > MAX_ITEMS:
            raise self._refused(
                path,
                f"holds many different lists, of up to {longest:,} elements; {MAX_ITEMS} are taken",
            )
        if self.facts(path).has_null_elements:
            raise self._refused(path, "holds lists with missing elements")


class _Layout:
    """The flat columns of nested ones, with what it takes to go back."""

    def __init__(self, profile: NestedProfile, separator: str) -> None:
        self._profile = profile
        self._separator = separator
        self.lengths: dict[str, int] = {}
        self.flags: list[str] = []
        self.anchors: dict[str, str] = {}
        self.distinct: list[str] = []

    def place(self, path: tuple[str, ...], name: str, type: pa.DataType) -> Iterator[str]:
        """Names of the flat columns of a value of this type."""
        facts = self._profile.facts(path)
        if pa.types.is_struct(type):
            inner = [
                found
                for each in type
                for found in self.place(
                    (*path, each.name), f"{name}{self._separator}{each.name}", each.type
                )
            ]
            yield from self._presence(path, name, type)
            yield from inner
        elif not is_list(type) or _is_whole(facts):
            yield name
        else:
            self._profile.check_list(path, facts.longest)
            self.lengths[name] = facts.longest
            if not facts.repeats:
                self.distinct.append(name)
            if facts.nulls or not facts.longest:
                self.flags.append(name)
                yield name
            for place in range(facts.longest):
                yield from self.place(
                    (*path, "[]"), f"{name}{self._separator}{place}", type.value_type
                )

    def _presence(self, path: tuple[str, ...], name: str, type: pa.DataType) -> Iterator[str]:
        """How an object is distinguished from none: by a field that it always has, or by a flag."""
        is_element = "[]" in path
        if not self._profile.facts(path).nulls and not is_element and len(type):
            return
        for each in type:
            flat = f"{name}{self._separator}{each.name}"
            is_value = not (pa.types.is_struct(each.type) or is_list(each.type))
            if is_value and not self._profile.facts((*path, each.name)).nulls:
                self.anchors[name] = flat
                return
        self.flags.append(name)
        yield name


def _depth(type: pa.DataType) -> int:
    """Levels of objects and lists; a type may be deeper than Python calls."""
    level, depth = [type], 0
    while level:
        depth += 1
        level = [
            inner
            for each in level
            if pa.types.is_nested(each)
            for inner in (each.field(place).type for place in range(each.num_fields))
        ]
    return depth - 1


def _is_whole(facts: _Facts) -> bool:
    if facts.whole is None:
        return False
    return not facts.whole or min(facts.whole.values()) >= MIN_ROWS_PER_WHOLE


def _repeats(column: pa.Array) -> bool:
    """Whether some list holds a value twice; objects are not compared."""
    elements = pc.list_flatten(column)
    if pa.types.is_nested(elements.type):
        return True
    pairs = pa.table({"row": pc.list_parent_indices(column), "value": elements})
    groups: int = pairs.group_by(["row", "value"]).aggregate([]).num_rows
    return groups < len(elements)
