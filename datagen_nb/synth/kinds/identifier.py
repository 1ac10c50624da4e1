"""Keys, numbers and names that point at a person or a thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.core.kinds import Scale
from datagen_nb.synth.column_kind import ColumnKind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from datagen_nb.codecs.counts import Counts
    from datagen_nb.synth.identities import Candidate, Maker


class Identifier(ColumnKind):
    """Identifiers; a pattern has signs as in ``ORD-####``."""

    name = "id"
    label = "id"
    scale = Scale.NEW
    priority = 20

    def holds(self, type: pa.DataType) -> bool:
        import pyarrow as pa

        from datagen_nb.synth.identities import is_text

        return is_text(type) or bool(pa.types.is_integer(type))

    def maker(self, column: Candidate) -> Maker | None:
        from datagen_nb.synth.identities import identifiers

        return identifiers(column)

    def fits(self, pattern: str, texts: Counts) -> npt.NDArray[np.bool_]:
        from datagen_nb.synth.identities import chosen_form

        if not chosen_form.has_marks(pattern):
            raise ValueError(
                "has no sign that stands for others. Write # for a digit, ? for a letter."
            )
        return chosen_form.fits_of(pattern, texts.texts)


KIND = Identifier()
