"""Rows in no order: each is drawn by itself, or with the others of its entities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from datagen_nb.synth.data_type import FitOptions, RowSample, TableType

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.synth.model import Model
    from datagen_nb.synth.profile import Profile


class Tabular(TableType):
    """Tables of rows."""

    name = "tabular"
    label = "rows"

    def sample(self, limit: int, options: FitOptions) -> RowSample:
        from datagen_nb.synth.sample import Sample

        return Sample(limit, options.seed)

    def split(self, rows: pa.Table, options: FitOptions) -> tuple[pa.Table, pa.Table]:
        from datagen_nb.synth.sample import split

        return split(rows, options.seed)

    def few(self, rows: pa.Table, count: int, options: FitOptions) -> pa.Table:
        from datagen_nb.synth.sample import evenly

        return evenly(rows, count)

    def fit(
        self,
        rows: pa.Table,
        options: FitOptions,
        *,
        profile: Profile | None = None,
        held_back: pa.Table | None = None,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Model:
        from datagen_nb.synth.fitting import fit

        return fit(
            rows,
            seed=options.seed,
            profile=profile,
            held_back=held_back,
            columns=options.columns,
            patterns=options.patterns,
            min_count=options.min_count,
            predict=options.predict,
            mode=options.mode,
            entity=options.entity,
            on_progress=on_progress,
        )


TYPE = Tabular()
