"""Jobs of the data type schema, with the real pipeline behind a client."""

import asyncio
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.errors import (
    ArgumentTypeError,
    ConfigurationError,
    InputError,
)

COLUMNS = {
    "order_id": {"kind": "id", "pattern": "ORD-####"},
    "customer_id": {"kind": "id", "rows_per_key": 3},
    "customer": {"kind": "person", "per": "customer_id"},
    "email": {"kind": "email", "per": "customer_id"},
    "ordered": {"kind": "date", "from": "2024-01-01", "to": "2024-12-31", "format": "%d/%m/%Y"},
    "quantity": {"kind": "integer", "distribution": "poisson", "mean": 3, "min": 1},
    "price": {"kind": "number", "mean": 40, "sd": 9, "min": 1, "decimals": 2},
    "amount": {"formula": "quantity * price", "decimals": 2},
    "status": {"kind": "category", "values": {"open": 0.2, "paid": 0.8}},
    "note": {"kind": "text", "nulls": 0.05},
}


@pytest.fixture
def schema():
    return dg.Schema(COLUMNS, name="orders")


def test_a_schema_becomes_rows_a_report_and_a_model(tmp_path, schema):
    """All that a job on a table has: estimate, preview, result, report, model, another format."""
    with dg.connect(home=tmp_path / "home") as client:
        try:
            assert "schema" in client.pipeline().data_types
            config = client.configure(schema=schema, rows=4_000, seed=3)
            assert (config.data_type, config.input_path) == ("schema", "")
            estimate = client.estimate(config)
            assert 0 < estimate.bytes_low < estimate.bytes_high
            assert estimate.input_rows == 0
            assert list(client.preview(config).columns) == list(COLUMNS)

            job = client.submit(config)
            made = job.result().to_pandas()
            assert made.equals(schema.sample(4_000, seed=3))
            assert job.name == "orders"
            parts = client.submit(
                schema=schema, rows=4_000, seed=3, parameters={"part_rows": 301}, format="csv"
            )
            assert len(parts.result().to_csv().splitlines()) == 4_001
            assert parts.result().to_pandas().order_id.tolist() == made.order_id.tolist()

            report = job.report
            assert report.memorisation.no_input
            assert report.fidelity > 0.95
            assert report.rows_training == 0
            assert report.relations[0].share_synthetic == 1
            assert {one.name for one in report.not_compared} >= {"order_id", "customer"}
            assert "made of a schema" in repr(report)
            page = report.to_html(tmp_path / "report.html").read_text()
            assert "Fidelity to the schema" in page
            assert "There is no input" in page

            model = dg.load_model(job.model.download(tmp_path / "orders.model"))
            assert "declared" in model._repr_html_()
            assert model.sample(4_000).equals(made)
            more = client.submit(model=job, rows=5_000)
            assert more.result().to_pandas()[:4_000].equals(made)
            assert more.report.of_job == job.id

            again = dg.JobConfiguration.from_yaml(config.to_yaml())
            assert again == config
            assert 'input_path=""' in config.to_code()
            assert job.rerun().result().to_pandas().equals(made)
            assert "orders" in repr(client.jobs.list())

            _select(client, schema)
            _refuse(client, schema, job)
            job.delete()
        finally:
            main(["stop", "--home", str(tmp_path / "home")])


def _select(client, schema):
    """Rules and conditions select among declared rows as among others."""
    rules = ["amount >= 50", 'ordered >= on("2024-06-01")']
    parameters = {"rules": rules, "condition": {"status": "open"}}
    job = client.submit(schema=schema, rows=300, parameters=parameters)
    made = job.result().to_pandas()
    assert len(made) == 300
    assert (made.amount >= 50).all()
    assert set(made.status) == {"open"}
    assert (pd.to_datetime(made.ordered, format="%d/%m/%Y") >= "2024-06-01").all()
    assert made.order_id.is_unique
    assert job.report.selected.drawn > 300


def _refuse(client, schema, job):
    """What a schema cannot be asked for."""
    for arguments in ({"schema": schema, "model": job}, {}):
        with pytest.raises(ArgumentTypeError, match="schema="):
            client.submit(rows=5, **arguments)
    with pytest.raises(ArgumentTypeError, match="not both"):
        client.submit(pd.DataFrame({"a": [1, 2]}), schema=schema, rows=5)
    with pytest.raises(ConfigurationError, match="Did you mean columns") as raised:
        client.submit(schema={"colums": {}}, rows=5)
    assert raised.value.problems[0].field == "schema.colums"

    refused = {"min_count": 3, "target": "status", "sample_rows": 500, "relations": "off"}
    with pytest.raises(ConfigurationError) as raised:
        client.submit(schema=schema, rows=5, parameters=refused)
    assert {one.field for one in raised.value.problems} == {
        *("parameters.minCount", "parameters.target"),
        *("parameters.sampleRows", "parameters.relations"),
    }
    with pytest.raises(ConfigurationError) as raised:
        client.submit(schema=schema, rows=10_001)
    (problem,) = raised.value.problems
    assert problem.field == "dataSize"
    assert "at most 10,000" in problem.rule
    columns = {"a": {"formula": "b - b"}, "b": COLUMNS["ordered"]}
    with pytest.raises(ConfigurationError) as raised:
        client.submit(schema={"columns": columns}, rows=5)
    assert raised.value.problems[0].field == "parameters.schema.columns.a.formula"
    with pytest.raises(InputError, match="Did you mean 'amount'"):
        client.submit(schema=schema, rows=5, parameters={"rules": ["amont > 3"]})
    config = client.configure(schema=schema, rows=5)
    with pytest.raises(InputError, match="no table that could be inspected"):
        client.inspect(config)

    many = {f"c{n}": {"kind": "number", "min": 0, "max": 1} for n in range(1_500)}
    with pytest.raises(ConfigurationError, match="fewer columns of a `schema`"):
        client.submit(schema=dg.Schema(many), rows=5)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dataType": "schema", "parameters": {}}, "is required for dataType schema"),
        ({"dataType": "tabular"}, "inputPath"),
        ({"dataType": "schema", "inputPath": "a.csv"}, "dataType schema has no input"),
        ({"dataType": "schema", "inputBucket": "models"}, "dataType schema has no input"),
        ({"dataType": "tabular", "inputPath": "a.csv"}, "is for dataType schema"),
    ],
)
async def test_a_schema_and_an_input_exclude_each_other(fields, expected):
    """On the wire: a schema has no path, all else has one, and neither the other's parameters."""
    from datagen_nb.pipelines.local import LocalPipeline

    given = {
        "dataSize": 5,
        "inputFormat": "csv",
        "outputFormat": "csv",
        "parameters": {"schema": {"columns": {"id": "id"}}},
        **fields,
    }
    pipeline = LocalPipeline()
    info = await pipeline.describe()
    with pytest.raises(ConfigurationError, match=expected):
        await pipeline.check(info.configuration(given))


def test_a_schema_on_the_wire_needs_no_word_about_an_input():
    """Its path and format are filled in."""
    config = dg.JobConfiguration.model_validate(
        {
            "dataType": "schema",
            "dataSize": 5,
            "outputFormat": "jsonl",
            "parameters": {"schema": {"columns": {"id": "id"}}},
        }
    )
    assert (config.input_path, config.input_format) == ("", "jsonl")
    assert config.input_title == "The schema"


async def test_the_asynchronous_client_takes_a_schema_too(tmp_path, schema):
    """And writes the result where it is told to."""
    async with dg.AsyncClient.connect(home=tmp_path / "home") as client:
        try:
            output = tmp_path / "orders.csv"
            job = await client.submit(schema=schema, rows=200, output=output)
            await job
            assert len(pd.read_csv(output)) == 200
        finally:
            await asyncio.to_thread(main, ["stop", "--home", str(tmp_path / "home")])


def test_a_mock_pipeline_plays_a_schema(schema):
    """Its rows are made up, as those of a table are."""
    with dg.connect("mock", speed=1_000) as client:
        job = client.submit(schema=schema, rows=20)
        assert len(job.result()) == 20


def test_the_command_makes_rows_of_a_file(tmp_path, capsys):
    """YAML in, Parquet out; neither a table nor a schema is one clear error."""
    home = ["--home", str(tmp_path / "home")]
    path, out = tmp_path / "orders.yaml", tmp_path / "out.parquet"
    path.write_text(json.dumps({"locale": "de", "columns": COLUMNS}))
    rows = ["--rows", "500", "-o", str(out)]
    try:
        assert main(["generate", "--schema", str(path), *rows, *home]) == 0
        assert pq.read_table(out).column_names == list(COLUMNS)
        assert "made of a schema" in capsys.readouterr().out
        assert main(["generate", *rows, *home]) != 0
        assert "schema=" in capsys.readouterr().err
        path.write_text("columns: {a: nubmer}")
        assert main(["generate", "--schema", str(path), *rows, "--overwrite", *home]) != 0
        assert "Did you mean number?" in capsys.readouterr().err
    finally:
        main(["stop", *home])
