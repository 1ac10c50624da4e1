"""Jobs that learn from what other jobs make, with the real pipeline behind a plain client."""

import pytest

import datagen_nb as dg
from datagen_nb.core.errors import ConfigurationError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    rows = "".join(f"{i % 60},{'xyz'[i % 3]}\n" for i in range(300))
    path.write_text("age,kind\n" + rows)
    return path


def test_a_job_and_a_dataset_are_tables_to_learn_from(tmp_path, table):
    """A job that still runs too: the new one waits for it, and is a job like any other."""
    with dg.connect(home=tmp_path / "home") as client:
        try:
            first = client.submit(table, rows=500, parameters={"part_rows": 200})
            second = client.submit(first, rows=50)
            data = second.result()
            assert (data.num_rows, data.schema.names) == (50, ["age", "kind"])
            assert second.configuration.after == (first.id,)

            third = client.submit(first.result(), rows=20, format="parquet")
            assert third.result().num_rows == 20

            larger = third.rerun(rows=30, seed=9)
            assert larger.result().num_rows == 30
            assert larger.configuration.parameters == {"seed": 9}

            first.delete()
            with pytest.raises(ConfigurationError, match=first.id):
                third.rerun()
        finally:
            from datagen_nb.cli.main import main

            main(["stop", "--home", str(tmp_path / "home")])
