"""What a kind of columns has to keep to, from an inspection to the report, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date

import numpy as np
import pyarrow as pa

from datagen_nb.core.errors import InputError
from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.core.result import Report
from datagen_nb.pipelines.inspection.columns import inspected
from datagen_nb.pipelines.spread import Spread
from datagen_nb.synth.column_kind import ColumnKind
from datagen_nb.synth.decisions import Decisions, decide
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.model import Model
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.quality.assessment import assess

_OTHERS = (
    pa.array(["a", "b"] * 20),
    pa.array([1, 2] * 20),
    pa.array([1.5, 2.5] * 20),
    pa.array([True, False] * 20),
    pa.array([date(2024, 1, 1), date(2024, 1, 2)] * 20),
    pa.array([1_700_000_000, 1_700_003_600] * 20, pa.timestamp("s")),
)


class ColumnKindSuite(ABC):
    """Subclass it, with a name that begins with ``Test``; say the kind, and make columns of it.

    Attributes:
        kind: What is tested. Its package is installed, so that its entry point is found.
        name: Of the columns, if that helps to find out what they are.
        rows: Of a table.
        fidelity: What the report gives made columns at least, 0 to 1.
    """

    kind: ColumnKind
    name: str = "value"
    rows: int = 800
    fidelity: float = 0.8

    @abstractmethod
    def make_column(self, random: np.random.Generator, rows: int) -> pa.Array:
        """A column without nulls that is found to be of the kind."""

    def test_it_is_known_by_its_name(self) -> None:
        """In parameters, on the wire, and for people."""
        known = KINDS.get(self.kind.name)
        assert type(known) is type(self.kind), (
            f"Offer {type(self.kind).__name__} under the entry point datagen_nb.column_kinds, "
            "and install its package."
        )
        assert self.kind.name == self.kind.name.strip().lower()
        assert self.kind.label
        assert isinstance(self.kind.scale, Scale)

    def test_a_column_is_found_to_be_of_it(self) -> None:
        """Whether all rows are at hand or a part of them, and with nulls among them."""
        table = self._table()
        whole = Profile.of(table)
        assert self._decided(table).kinds[self.name] == self.kind.name
        some = table.take(pa.array(np.arange(0, self.rows, 2)))
        assert decide(whole, some, {}).kinds[self.name] == self.kind.name
        with_nulls = self._table(nulls=0.2)
        assert self._decided(with_nulls).kinds[self.name] == self.kind.name

    def test_columns_of_other_kinds_are_left_to_them(self) -> None:
        """A kind takes what is its own."""
        random = np.random.default_rng(5)
        days = np.datetime64("2024-01-01") + random.integers(0, 400, 400)
        table = pa.table(
            {
                "amount": random.gamma(2, 30, 400).round(2),
                "ordered": days,
                "town": random.choice(["Bath", "Leeds", "York"], 400),
                "paid": random.choice(["yes", "no"], 400),
            }
        )
        assert list(decide(Profile.of(table), table, {}).kinds.values()) == [
            "numeric",
            "datetime",
            "categorical",
            "boolean",
        ]

    def test_a_user_may_choose_it_for_the_types_that_it_holds(self) -> None:
        """Of others the choice is refused, with the column's name."""
        table = self._table()
        chosen = {self.name: self.kind.name}
        if self.kind.holds(table[self.name].type):
            assert self._decided(table, chosen).kinds == self._decided(table).kinds
        for column in _OTHERS:
            if self.kind.holds(column.type):
                continue
            refused = self._refusal(pa.table({self.name: column}), chosen)
            assert refused is not None, f"a column of {column.type} was taken"
            assert refused.code == "wrong_kind"
            assert repr(self.name) in str(refused)

    def test_spelled_values_are_written_as_they_were_read(self) -> None:
        """``write`` undoes ``parse``."""
        table = self._table(nulls=0.2)
        codec = self._decided(table).codecs.get(self.name)
        if codec is None:
            return
        parsed = codec.parse(table[self.name])
        back = codec.write(parsed.values, parsed.forms, np.random.default_rng(0))
        assert back.to_pylist() == table[self.name].to_pylist()

    def test_a_model_is_kept_and_makes_the_same_rows(self) -> None:
        """Of the input's type, with its share of nulls; parts are made in any order."""
        table = self._table(nulls=0.2)
        model = fit(table, seed=1)
        kept = Model.from_bytes(model.to_bytes())
        later, first = (kept.generate(part, 300, offset=300 * part) for part in (1, 0))
        assert first.equals(model.generate(0, 300, offset=0))
        assert later.equals(model.generate(1, 300, offset=300))
        assert first.schema.equals(table.schema)
        assert abs(first[self.name].null_count / 300 - 0.2) < 0.1

    def test_no_value_comes_back_that_must_not(self) -> None:
        """New values are new, of rows that were not fitted to as well; levels are the input's."""
        table, _, made = self._made()
        values = set(made[self.name].drop_null().to_pylist())
        known = set(table[self.name].to_pylist())
        if self.kind.scale is Scale.NEW:
            assert not values & known
        elif self.kind.scale.has_levels:
            assert values <= known

    def test_another_seed_makes_others(self) -> None:
        """New values are new under any seed, and under that of the fit the fit's again."""
        table = self._table()
        model = fit(table, seed=1)
        other = model.reseeded(2)
        again = other.reseeded(1).generate(0, self.rows, offset=0)
        assert again.equals(model.generate(0, self.rows, offset=0))
        if self.kind.scale is Scale.NEW:
            made = other.generate(0, self.rows, offset=0)[self.name]
            assert not set(made.to_pylist()) & set(table[self.name].to_pylist())

    def test_the_report_compares_made_columns(self) -> None:
        """By its name, with a score, and finds nothing disclosed."""
        _, report, _ = self._made()
        [column] = [one for one in report.columns if one.name == self.name]
        assert column.kind == self.kind.name
        assert column.score >= self.fidelity, column
        assert self.name not in {one.column for one in report.memorisation.disclosed}

    def test_an_inspection_shows_it(self) -> None:
        """Bars where values have an order or are few."""
        table = self._table()
        [column] = inspected(
            Spread(table.select([self.name]), self.rows, exact=True, from_all_over=True, size=1)
        ).columns
        assert column.kind == self.kind.name
        assert bool(column.bars) == (self.kind.scale is not Scale.NEW)

    def _table(self, *, nulls: float = 0.0) -> pa.Table:
        random = np.random.default_rng(11)
        column = self.make_column(random, self.rows)
        mask = random.random(self.rows) < nulls
        if nulls:
            column = pa.array(column.to_pylist(), column.type, mask=mask)
        return pa.table({self.name: column, "other": random.integers(0, 9, self.rows)})

    def _decided(self, table: pa.Table, columns: dict[str, str] | None = None) -> Decisions:
        return decide(Profile.of(table), table, columns or {})

    def _refusal(self, table: pa.Table, columns: dict[str, str]) -> InputError | None:
        try:
            self._decided(table, columns)
        except InputError as error:
            return error
        return None

    def _made(self) -> tuple[pa.Table, Report, pa.Table]:
        table = self._table()
        fitted = self.rows * 4 // 5
        training, held_back = table.slice(0, fitted), table.slice(fitted)
        model = fit(training, seed=1, profile=Profile.of(table), held_back=held_back)
        made = model.generate(0, self.rows, offset=0)
        report = assess(training, held_back, made, model.kinds, codecs=model.codecs)
        return table, report, made
