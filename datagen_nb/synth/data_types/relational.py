"""Several tables that keys hold together; how they are fitted is in ``synth.relational``."""

from __future__ import annotations

from datagen_nb.core.data_types import DataType


class Relational(DataType):
    """Tables whose rows belong to rows of others."""

    name = "relational"
    label = "several tables"
    own_parameters = frozenset({"keys", "rows"})
    refused_parameters = frozenset(
        {
            "columns",
            "exclude",
            "entity",
            "relations",
            "rules",
            "condition",
            "epsilon",
            "delta",
            "bounds",
            "evaluate",
            "target",
        }
    )
    has_several_tables = True


TYPE = Relational()
