"""Rows that follow each other: of several entities, or of one series."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from datagen_nb.synth.data_type import FitOptions, RowSample, TableType

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.core.result import Report
    from datagen_nb.synth.model import Model
    from datagen_nb.synth.profile import Profile


class TimeSeries(TableType):
    """Tables of series."""

    name = "timeseries"
    label = "series"
    own_parameters = frozenset({"order"})
    refused_parameters = frozenset({"rules", "condition", "evaluate", "target"})

    def sample(self, limit: int, options: FitOptions) -> RowSample:
        from datagen_nb.synth.series.sampling import SeriesSample

        return SeriesSample(limit, options)

    def split(self, rows: pa.Table, options: FitOptions) -> tuple[pa.Table, pa.Table]:
        from datagen_nb.synth.series.sampling import split

        return split(rows, options)

    def few(self, rows: pa.Table, count: int, options: FitOptions) -> pa.Table:
        from datagen_nb.synth.series.sampling import few

        return few(rows, count, options)

    def fit(
        self,
        rows: pa.Table,
        options: FitOptions,
        *,
        profile: Profile | None = None,
        held_back: pa.Table | None = None,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Model:
        from datagen_nb.synth.series.fitting import fit

        return fit(rows, options, profile=profile, held_back=held_back, on_progress=on_progress)

    def judged(self, report: Report, rows: pa.Table, made: pa.Table, model: Model) -> Report:
        from datagen_nb.synth.quality.series import compare_series
        from datagen_nb.synth.series.model import SeriesModel

        if not isinstance(model, SeriesModel):
            return report
        found = compare_series(model.axis, model.kinds, model.codecs, rows, made)
        return report.model_copy(update={"series": found})


TYPE = TimeSeries()
