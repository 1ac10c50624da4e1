"""What a type of data has to keep to, from a sample to the report, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pyarrow as pa

from datagen_nb.core.data_types import DATA_TYPES
from datagen_nb.synth.data_type import FitOptions, TableType
from datagen_nb.synth.model import Model
from datagen_nb.synth.quality.assessment import assess


class DataTypeSuite(ABC):
    """Subclass it, with a name that begins with ``Test``; say the type, and make a table of it.

    Attributes:
        type: What is tested. Its package is installed, so that its entry point is found.
        rows: Of a result.
        fidelity: What the report gives its columns at least, 0 to 1.
    """

    type: TableType
    rows: int = 600
    fidelity: float = 0.8

    @abstractmethod
    def make_table(self, random: np.random.Generator) -> pa.Table:
        """A table of some hundred rows of the type."""

    def test_it_is_known_by_its_name(self) -> None:
        """On the wire, and for people."""
        known = DATA_TYPES.get(self.type.name)
        assert type(known) is type(self.type), (
            f"Offer {type(self.type).__name__} under the entry point datagen_nb.data_types, and "
            "install its package."
        )
        assert self.type.name == self.type.name.strip().lower()
        assert self.type.label

    def test_a_sample_is_bounded_and_does_not_depend_on_batches(self) -> None:
        """Rows that are kept are the table's, in its order."""
        table, taken = self._table(), []
        for size in (37, 100, table.num_rows):
            kept = self.type.sample(table.num_rows, FitOptions())
            for batch in table.to_batches(max_chunksize=size):
                kept.add(batch)
            assert kept.rows == table.num_rows
            taken.append(kept.take())
        assert all(one.equals(table) for one in taken)
        few = self.type.sample(100, FitOptions())
        for batch in table.to_batches(max_chunksize=37):
            few.add(batch)
        assert few.rows == table.num_rows
        assert 0 < few.take().num_rows <= 100

    def test_rows_held_back_are_not_fitted_to(self) -> None:
        """Each row is in one of the two parts."""
        table = self._table()
        training, held_back = self.type.split(table, FitOptions())
        assert training.num_rows + held_back.num_rows == table.num_rows
        assert training.num_rows > held_back.num_rows
        assert 2 <= self.type.few(table, 120, FitOptions()).num_rows <= 120

    def test_a_model_is_kept_and_makes_the_same_rows(self) -> None:
        """Of the input's types; parts are made in any order."""
        table = self._table()
        model = self.type.fit(table, FitOptions(seed=1))
        kept = Model.from_bytes(model.to_bytes())
        later, first = (kept.generate(part, 150, offset=150 * part) for part in (1, 0))
        assert first.equals(model.generate(0, 150, offset=0))
        assert later.equals(model.generate(1, 150, offset=150))
        assert first.schema.equals(table.schema)
        assert first.num_rows == later.num_rows == 150
        assert model.part_rows(self.rows) <= self.rows

    def test_the_report_compares_the_rows(self) -> None:
        """The columns are like the input's, and nothing comes back that must not."""
        training, held_back = self.type.split(self._table(), FitOptions())
        model = self.type.fit(training, FitOptions(seed=1), held_back=held_back)
        made = model.generate(0, self.rows, offset=0)
        report = assess(training, held_back, made, model.kinds, codecs=model.codecs)
        report = self.type.judged(report, training, made, model)
        assert report.column_fidelity >= self.fidelity, report.columns
        texts = [one for one in report.memorisation.disclosed if not one.expected]
        assert not texts

    def _table(self) -> pa.Table:
        return self.make_table(np.random.default_rng(11)).combine_chunks()
