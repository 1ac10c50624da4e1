"""Jobs that take the model of another job, with the real pipeline behind a plain client."""

import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.errors import ArgumentTypeError, ConfigurationError, JobNotFound


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("age;kind\n" + "".join(f"{i % 60};{'xyz'[i % 3]}\n" for i in range(300)))
    return path


def test_a_model_makes_more_rows_and_is_taken_along(tmp_path, table):
    """While its job runs, or afterwards; into a file, and from there without the service."""
    with dg.connect(home=tmp_path / "home") as client:
        try:
            first = client.submit(table, rows=200, seed=3)
            more = client.submit(model=first, rows=900)
            assert more.configuration.after == (first.id,)
            assert more.name == first.name
            rows = first.result().to_pandas()
            assert len(more.result()) == 900
            assert more.result().to_pandas()[:200].equals(rows)
            assert more.report.of_job == first.id
            assert any("no new fit" in line.message for line in more.logs())

            other = client.submit(model=first.id, rows=200, seed=4, format="parquet")
            assert not other.result().to_pandas().equals(rows)

            path = first.model.download(tmp_path / "people.model")
            assert path.stat().st_size == first.model.size()
            model = dg.load_model(path)
            assert model.kinds == {"age": "numeric", "kind": "categorical"}
            assert model.sample(200).equals(rows)
            # What a CSV file looks like belongs to what was fitted.
            text = more.result().to_csv()
            assert text.splitlines()[0] == "age;kind"

            _refuse(client, first, table)

            first.delete()
            with pytest.raises(JobNotFound):
                client.submit(model=first.id, rows=5)
            with pytest.raises(JobNotFound):
                first.model.download(path)
            again = client.submit(model=more, rows=200, seed=4)
            assert again.result().to_pandas().equals(other.result().to_pandas())
            assert again.report.of_job == first.id
        finally:
            main(["stop", "--home", str(tmp_path / "home")])


def _refuse(client, job, table):
    """What cannot be asked of a model."""
    with pytest.raises(ArgumentTypeError, match="not both"):
        client.submit(table, model=job, rows=5)
    with pytest.raises(ArgumentTypeError, match="model="):
        client.submit(rows=5)
    for file in (3, "a.model", "models/a"):
        with pytest.raises(ArgumentTypeError, match="load_model"):
            client.submit(model=file, rows=5)
    with pytest.raises(ConfigurationError) as raised:
        client.submit(model=job, rows=5, parameters={"columns": {"age": "id"}, "min_count": 2})
    fields = [problem.field for problem in raised.value.problems]
    assert fields == ["parameters.columns", "parameters.minCount"]


def test_how_large_a_model_is_can_be_asked_of_a_job_that_has_completed(table):
    """A mock pipeline keeps none; before the end there is nothing to say."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=20)
        with pytest.raises(dg.errors.ResultNotReady):
            job.model.size()
    with dg.connect("mock", speed=1_000) as client:
        assert client.submit(table, rows=20).wait().model.size() is None


def test_a_mock_pipeline_keeps_no_model(table):
    """Its rows are made up: there is nothing to take along, and it says so."""
    with dg.connect("mock", speed=1_000) as client:
        job = client.submit(table, rows=20)
        job.wait()
        with pytest.raises(dg.errors.NotFound) as raised:
            job.model.download(table.with_suffix(".model"))
        assert raised.value.code == "model_not_kept"
        with pytest.raises(dg.errors.NotFound) as raised:
            client.submit(model=job, rows=5)
        assert raised.value.code == "model_not_kept"
        assert not table.with_suffix(".model").exists()
