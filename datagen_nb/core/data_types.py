"""Types of data: what the rules know of each, and the registry in which they are found.

A type is one class, of which this part is known everywhere; how its tables are sampled, fitted and
judged is its subclass's (``synth.data_type.TableType``). Those of this package are the modules of
``synth/data_types``; others are found by the entry point ``datagen_nb.data_types``.
"""

from __future__ import annotations

from typing import ClassVar

from datagen_nb.core.registry import Registry

ENTRY_POINTS = "datagen_nb.data_types"
"""The group of entry points under which packages offer their types: a class each."""


class DataType:
    """A type of data.

    Attributes:
        name: On the wire, as ``dataType``.
        label: For people.
        own_parameters: Wire names of the parameters that are for this type alone.
        refused_parameters: Those that mean nothing for it.
        has_several_tables: Whether its input and its result are several tables.
        has_input: Whether its rows are like those of an input.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    own_parameters: ClassVar[frozenset[str]] = frozenset()
    refused_parameters: ClassVar[frozenset[str]] = frozenset()
    has_several_tables: ClassVar[bool] = False
    has_input: ClassVar[bool] = True


DATA_TYPES: Registry[DataType] = Registry(
    DataType,
    package="datagen_nb.synth.data_types",
    attribute="TYPE",
    entry_points=ENTRY_POINTS,
)
"""Every type of data, by name."""


def is_of_one_table(name: str) -> bool:
    """Whether a job of this type reads one table; a pipeline elsewhere may have other types."""
    found = DATA_TYPES.get(name)
    return found is None or (found.has_input and not found.has_several_tables)


def has_input(name: str) -> bool:
    """Whether a job of this type has an input; a pipeline elsewhere may have other types."""
    found = DATA_TYPES.get(name)
    return found is None or found.has_input
