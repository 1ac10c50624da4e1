"""Rows that are declared, without an input; how they are made is in ``synth.declared``."""

from __future__ import annotations

from datagen_nb.core.data_types import DataType


class Schema(DataType):
    """A table whose columns ``parameters.schema`` declares."""

    name = "schema"
    label = "declared columns"
    own_parameters = frozenset({"schema"})
    refused_parameters = frozenset(
        {
            *("preset", "sampleRows", "minCount", "epsilon", "delta", "bounds", "exclude"),
            *("encoding", "delimiter", "quote", "header", "badLines", "columns"),
            *("entity", "order", "relations", "evaluate", "target"),
        }
    )
    has_input = False


TYPE = Schema()
