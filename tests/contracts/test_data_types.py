"""What every type of data keeps to: the public suite over each of ours."""

import numpy as np
import pandas as pd
import pyarrow as pa

from datagen_nb.core.data_types import DATA_TYPES, is_of_one_table
from datagen_nb.synth.data_types import tabular, timeseries
from datagen_nb.testing import DataTypeSuite


def test_each_of_ours_is_tested_here():
    """None that is fitted to one table is left out.

    tests/unit/test_relational_jobs.py makes several tables, tests/unit/test_schema_jobs.py those
    without an input.
    """
    one_table = set(filter(is_of_one_table, DATA_TYPES))
    assert one_table == {suite.type.name for suite in (TestTabular, TestTimeSeries)}


class TestTabular(DataTypeSuite):
    """Orders."""

    type = tabular.TYPE

    def make_table(self, random):
        return pa.table(
            {
                "order": [f"K-{one:06}" for one in random.choice(10**6, 600, replace=False)],
                "amount": random.gamma(2, 30, 600).round(2),
                "town": random.choice(["Bath", "Leeds", "York"], 600),
            }
        )


class TestTimeSeries(DataTypeSuite):
    """Measurements of some stations."""

    type = timeseries.TYPE

    def make_table(self, random):
        whens = pd.date_range("2024-01-01", periods=25, freq="h").astype("datetime64[ms]")
        return pa.table(
            {
                "station": np.repeat([f"S-{one:05}" for one in random.permutation(24)], 25),
                "at": np.tile(whens, 24),
                "level": random.normal(0, 1, (24, 25)).cumsum(axis=1).ravel().round(2),
                "state": random.choice(["dry", "wet"], 600),
            }
        )
