"""Kinds of columns: what the rules know of each, and the registry in which they are found.

A kind is one class, of which this part is known everywhere; how its columns are found, fitted and
made is its subclass's (``synth.column_kind.ColumnKind``). Those of this package are the modules of
``synth/kinds``; others are found by the entry point ``datagen_nb.column_kinds``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from datagen_nb.core.registry import Registry

ENTRY_POINTS = "datagen_nb.column_kinds"
"""The group of entry points under which packages offer their kinds: a class each."""


class Scale(StrEnum):
    """What can be done with the values of a kind; the rest of the program goes by it.

    ======== ======================== =================== ===================== ===============
    scale    rows are made            the report compares must not come back    an inspection
                                                                                shows
    ======== ======================== =================== ===================== ===============
    ordered  drawn, moved among       distributions       rare values, beyond   ranges
             their neighbours                             chance
    nominal  drawn; rare ones pooled  shares of values    rare values           frequent values
    binary   drawn                    shares of values    rare values           frequent values
    constant drawn                    shares of values    rare values           the value
    new      made anew by a maker     forms of the texts  any value             nothing
    ======== ======================== =================== ===================== ===============
    """

    ORDERED = "ordered"
    NOMINAL = "nominal"
    BINARY = "binary"
    CONSTANT = "constant"
    NEW = "new"

    @property
    def has_levels(self) -> bool:
        """Whether the values are few, and equal or not."""
        return self in {Scale.NOMINAL, Scale.BINARY, Scale.CONSTANT}


class Kind:
    """A kind of columns.

    Attributes:
        name: On the wire, as in ``parameters.columns``.
        label: For people.
        scale: Of its values.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    scale: ClassVar[Scale]


KINDS: Registry[Kind] = Registry(
    Kind, package="datagen_nb.synth.kinds", attribute="KIND", entry_points=ENTRY_POINTS
)
"""Every kind of columns, by name."""


def scale_of(name: str | None) -> Scale | None:
    """The scale of a kind; ``None`` if it is not known here, as of another service's pipeline."""
    found = None if name is None else KINDS.get(name)
    return None if found is None else found.scale
