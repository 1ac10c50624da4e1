"""A kind of columns as one class: how a column is found to be of it, fitted, and made.

A subclass with its instance is all that a kind needs; ``core.kinds`` finds it. Modules of kinds
import what they work with inside their methods: their names are needed early.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, cast

from datagen_nb.core.kinds import KINDS, Kind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from datagen_nb.codecs import Codec, Written
    from datagen_nb.codecs.counts import Counts
    from datagen_nb.synth.identities import Candidate, Maker


class ColumnKind(Kind, ABC):
    """What a column is, and all that follows from it.

    A column is asked for by three questions, each put to every kind before the next: whether the
    kind can read how its values are spelled (``codec``), whether it makes them anew (``maker``),
    and whether it draws them as they are (``draws``). Where the user chose a kind, it alone is
    asked. The first answer decides; then ``scale`` says how values are drawn, compared in the
    report, and shown.

    Its codecs and makers are frozen dataclasses of plain fields, in the kind's own module if the
    kind is of another package: a model keeps them, and takes up no others.

    ``datagen_nb.testing.ColumnKindSuite`` has the tests that a kind has to pass.

    Attributes:
        priority: Kinds with a higher one are asked first. Those of this package have less than
            100, but for the one of columns with a single value.
    """

    priority: ClassVar[int] = 100

    @abstractmethod
    def holds(self, type: pa.DataType) -> bool:
        """Whether a user may say that a column of this type is of this kind.

        Args:
            type: Never that of a dictionary.
        """
        ...

    def codec(self, column: Written) -> Codec | None:
        """The codec of a column whose values are spelled; ``None`` if they are not."""
        return None

    def maker(self, column: Candidate) -> Maker | None:
        """The maker of a column that is made anew; ``None`` if it is not.

        Args:
            column: Of texts or whole numbers, at least one.
        """
        return None

    def draws(self, column: Candidate) -> bool:
        """Whether values are drawn that are neither spelled nor made anew."""
        return False

    def fits(self, pattern: str, texts: Counts) -> npt.NDArray[np.bool_]:
        """Which of the distinct texts of a column are written as a user says.

        Raises:
            ValueError: The pattern cannot be read, or the kind has none; says what is wrong with
                it, and what to do.
        """
        raise ValueError(f"is for a column of kind {self.name}. Leave the pattern out.")


def column_kind(name: str) -> ColumnKind:
    """The kind of a name. Raises ``KeyError`` if there is none."""
    return cast("ColumnKind", KINDS[name])
