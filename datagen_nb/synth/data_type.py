"""A type of data as one class: how its rows are sampled, fitted, made and judged.

A subclass with its instance is all that a type needs; ``core.data_types`` finds it. Modules of
types import what they work with inside their methods: their names are needed early.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from datagen_nb.core.data_types import DATA_TYPES, DataType

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.core.result import Report
    from datagen_nb.synth.model import Model
    from datagen_nb.synth.profile import Profile


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What a user says about how a table is fitted.

    Attributes:
        seed: Of everything that is random.
        columns: Kinds that override the detected ones.
        patterns: How values of columns are written, beside their kinds.
        min_count: A value that fewer rows have is not used as it is.
        predict: Whether predictions are tried beside the trees.
        mode: Which relations are kept: ``"auto"``, ``"off"`` or a list of them.
        entity: The column that identifies entities, where it is not found.
        order: The column by which the rows of an entity follow each other, where it is not found.
    """

    seed: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    min_count: int = 5
    predict: bool = True
    mode: str | Sequence[str] = "auto"
    entity: str | None = None
    order: str | None = None


class RowSample(Protocol):
    """Keeps rows of a table that is read once."""

    @property
    def rows(self) -> int:
        """How many were added."""
        ...

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows into account, which follow those before."""
        ...

    def take(self) -> pa.Table:
        """The rows that are kept, in the table's order."""
        ...


class TableType(DataType, ABC):
    """What the rows of a table are to each other, and all that follows from it.

    What is kept of a model is a ``Model``, or a subclass of it in the type's own package, of
    frozen dataclasses of plain fields.

    ``datagen_nb.testing.DataTypeSuite`` has the tests that a type has to pass.
    """

    @abstractmethod
    def sample(self, limit: int, options: FitOptions) -> RowSample:
        """What keeps at most so many rows of a table as it is read."""
        ...

    @abstractmethod
    def split(self, rows: pa.Table, options: FitOptions) -> tuple[pa.Table, pa.Table]:
        """Part a sample into rows to fit to and rows held back for the report."""
        ...

    @abstractmethod
    def few(self, rows: pa.Table, count: int, options: FitOptions) -> pa.Table:
        """At most so many rows of a table that a preview can be fitted to."""
        ...

    @abstractmethod
    def fit(
        self,
        rows: pa.Table,
        options: FitOptions,
        *,
        profile: Profile | None = None,
        held_back: pa.Table | None = None,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Model:
        """Fit a model.

        Args:
            rows: Those to fit to, at least 2.
            options: What the user says.
            profile: Of the whole table that the rows are a sample of; by default they are all.
            held_back: Further rows: not fitted to, but what identifies someone in them is not
                made either.
            on_progress: Called with the share done, 0 to 1.

        Raises:
            InputError: The table cannot be fitted as this type; says what to do.
        """
        ...

    def judged(self, report: Report, rows: pa.Table, made: pa.Table, model: Model) -> Report:
        """A report on the columns of a result, with what this type has to say about its rows.

        Args:
            report: As every type has it.
            rows: Those fitted to.
            made: Those of the result that were compared, in their order.
            model: That made them.
        """
        return report


def table_type(name: str) -> TableType:
    """The type of a name. Raises ``KeyError`` if there is none."""
    return cast("TableType", DATA_TYPES[name])
