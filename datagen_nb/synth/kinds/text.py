"""Free text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.core.kinds import Scale
from datagen_nb.synth.column_kind import ColumnKind

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.synth.identities import Candidate, Maker


class Text(ColumnKind):
    """Texts of several words, each of few rows."""

    name = "text"
    label = "text"
    scale = Scale.NEW
    priority = 10

    def holds(self, type: pa.DataType) -> bool:
        from datagen_nb.synth.identities import is_text

        return is_text(type)

    def maker(self, column: Candidate) -> Maker | None:
        from datagen_nb.synth.identities import texts

        return texts(column)


KIND = Text()
