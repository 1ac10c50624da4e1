"""A table format from outside of the package: found by its entry point, known everywhere."""

import json

import pyarrow as pa

from tests.own_package import Environment

MODULE = """
import pyarrow as pa

from datagen_nb.tables.table_format import TableFormat


class ArrowFile(TableFormat):
    name = "arrow"
    label = "Arrow"
    endings = (".arrow",)
    is_text = False
    magic = b"ARROW1"

    def read(self, file, reading):
        source = pa.ipc.open_file(file)
        for place in range(source.num_record_batches):
            yield source.get_batch(place)

    def read_part(self, file, schema):
        return pa.ipc.open_file(file).read_all().cast(schema)

    def write_part(self, table, file):
        with pa.ipc.new_file(file, table.schema) as target:
            target.write_table(table)

    def join(self, parts, target, schema):
        tables = [pa.ipc.open_file(part).read_all() for part in parts]
        self.write_part(pa.concat_tables(tables), target)
"""

SCRIPT = """
import json
import datagen_nb as dg
from datagen_nb.core.errors import DatagenError

with dg.connect() as client:
    found = client.inspect("real.arrow")
    job = client.submit("real.arrow", rows=300, output="made.arrow", parameters={"part_rows": 100})
    data = job.result()
    as_csv = client.submit("real.arrow", rows=20, format="csv").result()
    from_csv = client.submit("real.csv", rows=20, output="from_csv.arrow").result()
    wizard = dg.wizard(client)
    wizard.use("real.arrow")
    try:
        client.submit("broken.arrow", rows=20)
    except DatagenError as error:
        refused = str(error)
    print(json.dumps({
        "rows": found.rows,
        "kinds": [column.kind for column in found.columns],
        "estimate": bool(client.estimate(job.configuration)),
        "formats": [data.format, as_csv.format, from_csv.format],
        "parts": len(data.parts),
        "types": [str(type) for type in data.schema.types],
        "fidelity": data.report.fidelity,
        "offered": [choice["name"] for choice in wizard._snapshot()["choices"]["outputFormat"]],
        "refused": refused,
    }))
"""


def test_a_format_of_another_package_goes_through_everything(tmp_path):
    """Inspected, submitted, written, joined, reported on, offered by the wizard."""
    table = pa.table({"n": [n / 4 for n in range(400)], "word": ["a", "b"] * 200})
    with (
        pa.OSFile(str(tmp_path / "real.arrow"), "wb") as file,
        pa.ipc.new_file(file, table.schema) as target,
    ):
        target.write_table(table)
    table.to_pandas().to_csv(tmp_path / "real.csv", index=False)
    (tmp_path / "broken.arrow").write_text("n,word\n1,a\n2,b\n")
    environment = Environment(tmp_path)
    environment.install("arrow_format", MODULE, "datagen_nb.table_formats", arrow="ArrowFile")

    done = environment.run_beside_a_service(SCRIPT)

    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    assert output.pop("fidelity") > 0.5
    assert "is said to be Arrow, but it is CSV inside" in output.pop("refused")
    assert output == {
        "rows": 400,
        "kinds": ["numeric", "categorical"],
        "estimate": True,
        "formats": ["arrow", "csv", "arrow"],
        "parts": 3,
        "types": ["double", "string"],
        "offered": ["csv", "json", "jsonl", "parquet", "arrow"],
    }
    with pa.ipc.open_file(str(tmp_path / "made.arrow")) as made:
        assert made.read_all().num_rows == 300
