"""Finding the relations of a table.

Candidates are tried on a few hundred rows, and those that pass on all of them: first rules
without an exception, then such with a few. A column is the target of one rule at most, and no
column decides itself by a detour.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from datagen_nb.core.errors import InputError
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.relation_text import Unreadable, parse
from datagen_nb.relations import stated as stating
from datagen_nb.relations.following import find_derived
from datagen_nb.relations.of_entity import OfEntity
from datagen_nb.relations.relation import Relation, Relations
from datagen_nb.relations.state import Search
from datagen_nb.relations.stated import Watched
from datagen_nb.relations.structure import find_floors, find_nulls, find_orders

MODES = ("auto", "off")

TOLERANCE = 0.005
"""Largest share of rows that break a rule which is found."""

MIN_ROWS = 8
"""Fewer rows keep too many rules by chance."""


STEPS = (find_derived, find_orders, find_floors, find_nulls)


def find(
    table: pa.Table,
    *,
    kinds: Mapping[str, str],
    mode: str | Sequence[str] = "auto",
    identities: pa.Table | None = None,
    fixed: Collection[str] = (),
    unbound: Collection[str] = (),
) -> Relations:
    """Find the relations of a typed table.

    Args:
        table: The rows, or a sample of them; identities are left out.
        kinds: Kind of each column.
        identities: The columns that are made anew, of the same rows; those of an entity may be
            stated to follow from its key.
        fixed: Columns that follow from no other.
        unbound: Columns that may be computed from others, but are no distance above one.
        mode: ``"auto"``, ``"off"``, or those that are kept, as text; ``"auto"`` among them stands
            for those that are found in the table.

    Returns:
        The relations; ``refused`` has those that were asked for and are not kept.

    Raises:
        InputError: The mode is another one, or a text is no relation.
    """
    asked = _asked(mode)
    is_searched = "auto" in asked
    left = [text for text in asked if text not in MODES]
    refused: dict[str, str] = {}
    found: list[Relation] = []
    watched: list[Relation] = []
    notes: list[str] = []
    kinds = dict(kinds)
    complete = Search(table, kinds, fixed)
    of_entities: list[OfEntity] = []
    if identities is not None:
        left, of_entities = _accept_of_entities(left, table, identities, refused)
    for step in STEPS:
        search = complete if step is find_derived else Search(table, kinds, {*fixed, *unbound})
        left, unenforced = _accept_stated(
            left, search, complete, refused, only_targets=step in (find_derived, find_orders)
        )
        watched += unenforced
        is_step_searched = is_searched and table.num_rows >= MIN_ROWS
        if is_step_searched:
            step(search, 0.0)
            if step in (find_derived, find_orders):
                step(search, TOLERANCE)
        for relation in search.ordered():
            table = relation.reduce(table)
            kinds |= relation.adds
            found.append(relation)
        notes += search.notes
    # What is only watched is about the whole table, so it comes before anything is left out.
    return Relations((*of_entities, *watched, *found), tuple(notes), refused)


def _accept_of_entities(
    texts: Sequence[str], table: pa.Table, identities: pa.Table, refused: dict[str, str]
) -> tuple[list[str], list[OfEntity]]:
    """Accept stated relations of columns to a key, or add the reason to ``refused``.

    Returns:
        The other statements, and these relations.
    """
    others: list[str] = []
    accepted: list[OfEntity] = []
    rows = pa.table({one: each[one] for each in (table, identities) for one in each.column_names})
    for text in texts:
        statement = parse(text)
        if not stating.is_of_entity(statement, identities.column_names):
            others.append(text)
            continue
        try:
            accepted += stating.of_entities(statement, rows)
        except stating.NotKept as error:
            refused[text] = str(error)
    return others, accepted


def _accept_stated(
    texts: Sequence[str],
    search: Search,
    complete: Search,
    refused: dict[str, str],
    *,
    only_targets: bool,
) -> tuple[list[str], list[Watched]]:
    """Accept stated relations, or add the reason to ``refused``.

    Args:
        texts: The statements.
        search: What is left of the table.
        complete: The whole table.
        refused: The reasons, by statement.
        only_targets: Leave those that drop no column for later: they come after what does.

    Returns:
        Those that are left for later, and those that nothing enforces.
    """
    later: list[str] = []
    watched: list[Watched] = []
    for text in texts:
        try:
            relations = stating.relations_of(text, search, complete)
        except stating.NotKept as error:
            refused[text] = str(error)
            continue
        for relation in relations:
            if isinstance(relation, Watched):
                watched.append(relation)
            elif relation.targets or not only_targets:
                search.accept(relation)
            else:
                later.append(text)
    return later, watched


def _asked(mode: str | Sequence[str]) -> tuple[str, ...]:
    asked = (mode,) if isinstance(mode, str) else tuple(mode)
    if mode == "off":
        return ()
    for text in asked:
        if text == "auto":
            continue
        try:
            if isinstance(mode, str):
                raise Unreadable("it has to be auto, off or a list of relations")
            parse(text)
        except Unreadable as error:
            raise InputError(
                f"parameters.relations: {brief_repr(text)} is no relation: {error}. Write one as "
                "'total = quantity * price', 'end >= start' or 'city -> state'.",
                code="invalid_relations",
                details={"relation": text},
            ) from error
    return asked
