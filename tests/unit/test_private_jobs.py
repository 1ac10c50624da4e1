"""Jobs with ``parameters.epsilon``, with the real pipeline behind a plain client."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.errors import ConfigurationError, InputError

SECRET = "Zebulon"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.parquet"
    columns = {
        "age": [20 + place % 60 for place in range(3_000)],
        "city": [("Ulm", "Bonn", "Kiel")[place % 3] for place in range(2_999)] + [SECRET],
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_a_job_with_epsilon_shows_nothing_but_noisy_counts(tmp_path, table):
    """Its rows, model, report and log; another job can take its model along."""
    with dg.connect(home=tmp_path / "home") as client:
        try:
            parameters = {"epsilon": 2.0, "bounds": {"age": [0, 120]}}
            job = client.submit(table, rows=500, parameters=parameters, seed=3)
            made = job.result().to_pandas()
            assert set(made["city"]) <= {"Ulm", "Bonn", "Kiel"}
            assert made["age"].between(0, 120).all()

            report = job.report
            budget = report.memorisation.budget
            assert (budget.epsilon, budget.delta) == (2.0, 1e-9)
            assert 0.9 * budget.rho < sum(one.rho for one in budget.spent) <= budget.rho
            assert "epsilon 2 and delta 1e-09" in repr(report)
            assert any("not with your rows" in note for note in report.notes)

            assert job.status.estimate is None  # it counts rows
            assert not report.seconds

            path = job.model.download(tmp_path / "people.model")
            assert SECRET.encode() not in path.read_bytes()
            said = "\n".join(line.message for line in job.logs())
            assert SECRET not in said
            assert "3,000" not in said
            assert "2,999" not in said

            more = client.submit(model=job, rows=500)
            assert more.result().to_pandas().equals(made)
            _refuse(client, table)
        finally:
            main(["stop", "--home", str(tmp_path / "home")])


def _refuse(client, table):
    """What looks at rows outside the budget, and what is for a budget that is not there."""
    for parameters, field in [
        ({"epsilon": 1, "min_count": 3}, "parameters.minCount"),
        ({"epsilon": 1, "relations": "auto"}, "parameters.relations"),
        ({"bounds": {"age": [0, 9]}}, "parameters.bounds"),
        ({"delta": 1e-6}, "parameters.delta"),
        ({"epsilon": 0}, "parameters.epsilon"),
    ]:
        with pytest.raises(ConfigurationError) as caught:
            client.submit(table, rows=5, parameters=parameters)
        assert [one.field for one in caught.value.problems] == [field]
    with pytest.raises(ConfigurationError, match="dataType"):
        client.submit(table, rows=5, parameters={"epsilon": 1}, data_type="timeseries")


def test_a_preview_is_refused(tmp_path, table):
    """It would look at rows that no budget pays for."""
    with dg.connect(home=tmp_path / "home") as client:
        try:
            config = dg.JobConfiguration(
                input_bucket="file",
                input_path=str(table),
                input_format="parquet",
                output_format="parquet",
                data_size=10,
                parameters={"epsilon": 1},
            )
            with pytest.raises(InputError, match="budget") as caught:
                client.preview(config)
            assert caught.value.code == "preview_not_private"
        finally:
            main(["stop", "--home", str(tmp_path / "home")])


def test_declared_categories_of_a_frame_are_counted_too(tmp_path):
    """One that a single row has does not come back, nor does one that no row has."""
    frame = pd.DataFrame({"city": pd.Categorical(["Ulm"] * 2_000 + [SECRET])})
    with dg.connect(home=tmp_path / "home") as client:
        try:
            job = client.submit(frame, rows=100, parameters={"epsilon": 5})
            assert job.result().to_pandas()["city"].cat.categories.tolist() == ["Ulm"]
        finally:
            main(["stop", "--home", str(tmp_path / "home")])
