"""Jobs of the data type timeseries, with the real pipeline behind a plain client."""

import numpy as np
import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.errors import ConfigurationError, InputError, JobFailed


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(3)
    whens = pd.date_range("2024-01-01", periods=50, freq="15min").strftime("%Y-%m-%d %H:%M")
    frame = pd.DataFrame(
        {
            "at": np.repeat(whens, 8),
            "sensor": [f"sensor-{one:03}" for one in range(8)] * 50,
            "level": random.normal(0, 1, (50, 8)).cumsum(axis=0).ravel().round(2),
            "meter": random.random((50, 8)).cumsum(axis=0).ravel().round(2),
        }
    )
    path = tmp_path / "telemetry.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_series_is_made_from_an_inspection_to_the_report(tmp_path, table):
    """What an inspection finds is what a job does; its model makes the same rows elsewhere."""
    with dg.connect(home=tmp_path / "home") as client:
        try:
            assert "timeseries" in client.pipeline().data_types
            found = client.inspect(table)
            assert (found.series.entity, found.series.order) == ("sensor", "at")
            assert any("data_type='timeseries'" in note for note in found.notes)

            parameters = {"part_rows": 300}
            job = client.submit(
                table, rows=800, data_type="timeseries", seed=2, parameters=parameters
            )
            made = job.result().to_pandas()
            assert made.sensor.nunique() == 16
            whens = pd.to_datetime(made["at"])
            made = made.assign(at=whens).sort_values(["sensor", "at"])
            assert not made.duplicated(["sensor", "at"]).any()
            assert (made.groupby("sensor")["at"].diff().dropna() == pd.Timedelta("15min")).all()
            assert (made.groupby("sensor").meter.diff().dropna() >= 0).all()
            assert job.report.series.repeated_synthetic == 0
            assert job.report.series.steps[1].kept
            assert "Series: " in repr(job.report)
            assert 'data_type="timeseries"' in job.configuration.to_code()

            model = dg.load_model(job.model.download(tmp_path / "a.model"))
            assert set(model.sample(800).sensor) == set(made.sensor)
            few = client.preview(job.configuration)
            assert len(few) > 0

            _refuse(client, table)
        finally:
            main(["stop", "--home", str(tmp_path / "home")])


def _refuse(client, table):
    """What is not for a series, or has no order."""
    rules = {"rules": ["level > 0"]}
    with pytest.raises(ConfigurationError, match="is not for dataType timeseries"):
        client.submit(table, rows=5, data_type="timeseries", parameters=rules)
    with pytest.raises(ConfigurationError, match="is for dataType timeseries"):
        client.submit(table, rows=5, parameters={"order": "at"})
    with pytest.raises(InputError, match="Did you mean 'meter'"):
        client.submit(table, rows=5, data_type="timeseries", parameters={"order": "metre"})
    frame = pd.DataFrame({"word": ["a", "b", "c"] * 20, "other": ["x", "y"] * 30})
    with pytest.raises(JobFailed, match="No column was found by which the rows follow"):
        client.submit(frame, rows=5, data_type="timeseries").result()
