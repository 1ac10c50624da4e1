"""Jobs with ``parameters.evaluate`` and ``parameters.target``, from the table to the report."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.changes import Completed, Failed, StageStarted, Warned
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError
from datagen_nb.core.pipeline import Signal, Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.checks import check_of_epsilon, check_of_type
from datagen_nb.pipelines.engine.attempt import run_attempt

ALL = {"evaluate": ["detection", "membership"], "target": "price"}


def configured(source, data_type="tabular", **parameters) -> JobConfiguration:
    return JobConfiguration(
        data_size=1_500,
        data_type=data_type,
        input_format="parquet",
        output_format="parquet",
        input_bucket="file",
        input_path=str(source),
        parameters=parameters,
    )


def run(source, **parameters) -> list[Signal]:
    files, bucket = LocalFiles(), LocalBucket(source.parent / "bucket")
    signals: list[Signal] = []
    config = configured(source, **parameters)
    run_attempt(Task("j", 1, config, bucket, files, files), signals.append)
    return signals


def report_of(source) -> Report:
    return Report.from_wire(LocalBucket(source.parent / "bucket").get("jobs/j/report.json"))


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    weight = random.random(1_500)
    columns = {
        "weight": weight,
        "price": 10 * weight + random.normal(size=1_500),
        "city": np.where(weight > 0.5, "Ulm", "Bonn"),
        "nothing": pa.nulls(1_500, pa.float64()),
        "same": ["x"] * 1_500,
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def test_a_job_measures_what_it_is_asked_for(table):
    """By rows held back, of which there are 300; the report crosses the wire with it."""
    assert isinstance(run(table, **ALL)[-1], Completed)
    report = report_of(table)
    assert 0.45 < report.detection.auc.mean < 0.75
    assert report.detection.rows == report.membership.rows == 300
    assert report.utility.target == "price"
    assert report.utility.score.mean > 0.7
    assert Report.from_wire(report.to_wire()) == report


def test_a_job_measures_nothing_that_it_is_not_asked_for(table):
    """The usual report takes no longer than it did."""
    assert isinstance(run(table)[-1], Completed)
    report = report_of(table)
    assert (report.detection, report.utility, report.membership) == (None, None, None)
    assert {"detection", "utility", "membership"} & report.to_wire().keys() == set()


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("prize", "unknown_column", "Did you mean 'price'"),
        ("nothing", "unfit_target", "has no values"),
        ("same", "unfit_target", "one value only"),
    ],
)
def test_a_target_that_is_none_ends_the_job_before_rows_are_made(table, target, code, message):
    """It names the parameter, the column, and what to do."""
    *before, ended = run(table, target=target)
    assert isinstance(ended, Failed)
    assert "generate" not in [one.stage for one in before if isinstance(one, StageStarted)]
    assert ended.error.code == code
    assert f"parameters.target names '{target}'" in ended.error.message
    assert message in ended.error.message


def test_a_target_that_is_excluded_ends_the_job(table):
    """It is not in the result."""
    ended = run(table, target="price", exclude=["price"])[-1]
    assert isinstance(ended, Failed)
    assert "parameters.exclude" in ended.error.message


def test_a_table_that_is_too_short_is_warned_of(tmp_path):
    """In the log of the job and in its report."""
    pq.write_table(
        pa.table({"price": np.arange(60.0)[::-1] ** 2, "b": [0, 1] * 30}), tmp_path / "t.parquet"
    )
    signals = run(tmp_path / "t.parquet", **ALL)
    warned = [one.message for one in signals if isinstance(one, Warned)]
    notes = report_of(tmp_path / "t.parquet").notes
    for name in ("classifier two-sample test", "Utility", "Membership inference"):
        assert sum(name in one and "100 rows held back" in one for one in warned) == 1
        assert sum(name in one and "100 rows held back" in one for one in notes) == 1


@pytest.mark.parametrize(("name", "value"), ALL.items())
def test_epsilon_and_series_refuse_what_is_measured_by_rows(table, name, value):
    """A figure of the rows would break the guarantee, and rows of a series are not independent."""
    with pytest.raises(ConfigurationError) as caught:
        check_of_epsilon(configured(table, epsilon=1, **{name: value}))
    assert [one.field for one in caught.value.problems] == [f"parameters.{name}"]
    with pytest.raises(ConfigurationError, match="is not for dataType timeseries"):
        check_of_type(configured(table, "timeseries", **{name: value}))
