"""Truth values, as such or in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.core.kinds import Scale
from datagen_nb.synth.column_kind import ColumnKind

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.codecs import Codec, Written
    from datagen_nb.synth.identities import Candidate


class Boolean(ColumnKind):
    """Yes and no."""

    name = "boolean"
    label = "boolean"
    scale = Scale.BINARY
    priority = 50

    def holds(self, type: pa.DataType) -> bool:
        import pyarrow as pa

        from datagen_nb.synth.identities import is_text

        return is_text(type) or bool(pa.types.is_boolean(type))

    def codec(self, column: Written) -> Codec | None:
        from datagen_nb.codecs import booleans

        return booleans(column)

    def draws(self, column: Candidate) -> bool:
        import pyarrow as pa

        return bool(pa.types.is_boolean(column.column.type))


KIND = Boolean()
