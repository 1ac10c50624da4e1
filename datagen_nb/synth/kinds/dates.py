"""Dates, instants, times of day and spans of time, as such or spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.core.kinds import Scale
from datagen_nb.synth.column_kind import ColumnKind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from datagen_nb.codecs import Codec, Written
    from datagen_nb.codecs.counts import Counts
    from datagen_nb.synth.identities import Candidate


class Datetime(ColumnKind):
    """Dates and times; a pattern has directives as of ``strptime``."""

    name = "datetime"
    label = "datetime"
    scale = Scale.ORDERED
    priority = 40

    def holds(self, type: pa.DataType) -> bool:
        import pyarrow as pa

        from datagen_nb.synth.identities import is_text

        return is_text(type) or bool(pa.types.is_integer(type) or pa.types.is_temporal(type))

    def codec(self, column: Written) -> Codec | None:
        from datagen_nb.codecs import dates

        return dates(column)

    def draws(self, column: Candidate) -> bool:
        import pyarrow as pa

        return bool(pa.types.is_temporal(column.column.type))

    def fits(self, pattern: str, texts: Counts) -> npt.NDArray[np.bool_]:
        from datagen_nb.codecs.codec import spell
        from datagen_nb.codecs.detect import chosen_spelling

        try:
            spelling = chosen_spelling(pattern, texts)
        except ValueError as error:
            raise ValueError(f"cannot be read: {error}. Write it as %d.%m.%Y %H:%M.") from None
        return spell(spelling, texts.texts)[1]


KIND = Datetime()
