"""The wizard's Python side over the mock: the draft, the table, an upload, the job."""

import hashlib

import pandas as pd
import pyarrow as pa
import pytest

import datagen_nb as dg
from datagen_nb.core.errors import ConfigurationError, InputError
from datagen_nb.ui import candidates
from datagen_nb.ui import wizard as wizard_module
from tests.widgets import until


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "people.csv"
    path.write_text("age,town\n" + "".join(f"{20 + n % 50},t{n % 3}\n" for n in range(300)))
    return path


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as connected:
        yield connected


def looked_at(snapshot):
    return "rows" in snapshot.get("table", {}) and "estimate" in snapshot


def test_a_new_wizard_has_no_table_and_says_what_to_do(client):
    """And is not submitted."""
    wizard = dg.wizard(client)

    assert [one["field"] for one in wizard.snapshot["problems"]] == ["inputPath"]
    with pytest.raises(ConfigurationError, match="Drop a file"):
        _ = wizard.configuration
    assert wizard.static_repr()[0] == "Wizard: no table is chosen yet"
    wizard.close()


def test_a_path_is_looked_at_and_gives_what_is_usual(client, table):
    """As many rows as there are, the same format, the file's name; and the cell for it."""
    wizard = dg.wizard(client)
    wizard.use("people.csv")
    seen = until(wizard, looked_at)

    assert (seen["table"]["rows"], seen["table"]["columns"]) == (300, 2)
    assert wizard.configuration.data_size == 300
    assert wizard.code() == 'job = client.submit("people.csv", rows=300)'
    assert "people.csv" in wizard.static_repr()[1]
    wizard.close()


def test_a_frame_is_said_by_its_name(client, monkeypatch):
    """The one that it has in the notebook."""
    frame = pd.DataFrame({"x": range(50)})
    monkeypatch.setattr(candidates, "namespace", lambda: {"prices": frame})
    wizard = dg.wizard(client)
    wizard.use(frame)
    until(wizard, looked_at)

    assert wizard.code() == 'job = client.submit(prices, rows=50, name="prices")'
    wizard.close()


def test_frames_and_files_at_hand_are_reported(client, table, ask, monkeypatch):
    """Names of the notebook that begin with an underscore are its own."""
    names = {
        "frame": pd.DataFrame({"x": [1, 2]}),
        "arrow": pa.table({"a": [1, 2, 3], "b": [2, 3, 4]}),
        "_1": pd.DataFrame({"x": [1]}),
        "number": 3,
    }
    monkeypatch.setattr(candidates, "namespace", lambda: names)
    wizard = dg.wizard(client)

    found = ask(wizard, "candidates")["result"]

    assert [(one["name"], one["rows"], one["columns"]) for one in found["frames"]] == [
        ("arrow", 3, 2),
        ("frame", 2, 1),
    ]
    assert found["files"] == [{"path": "people.csv", "size": table.stat().st_size}]
    assert "no DataFrame 'gone'" in ask(wizard, "frame", name="gone")["error"]
    assert ask(wizard, "frame", name="arrow") == {"result": None}
    wizard.close()


def test_a_table_that_cannot_be_read_is_left_for_the_next(client, table, ask):
    """One error at a time: neither the dead choice nor its error stays."""
    wizard = dg.wizard(client)
    assert ask(wizard, "path", path="gs://nowhere/table.csv") == {"result": None}
    until(wizard, lambda snapshot: snapshot["trouble"])
    assert "does not exist" in ask(wizard, "path", path="missing.csv")["error"]
    seen = until(wizard, lambda snapshot: not snapshot["trouble"])
    assert "table" not in seen
    assert "inputPath" not in wizard.config
    assert ask(wizard, "path", path=str(table)) == {"result": None}
    until(wizard, looked_at)
    wizard.close()


def test_a_file_is_placed_as_it_is_read(client, table, ask):
    """How it is read is known by the wire's names here and by Python's to the client."""
    wizard = dg.wizard(client)
    ask(wizard, "edit", changes={"parameters": {"badLines": "skip"}})
    assert ask(wizard, "path", path=str(table)) == {"result": None}
    wizard.close()


@pytest.mark.parametrize("address", ["ftp://example.com/x.csv", "s3://bucket/x.parquet"])
def test_an_address_is_refused_as_an_address(client, ask, address):
    """Not as a path below the notebook's folder."""
    wizard = dg.wizard(client)
    fields = ask(wizard, "path", path=address)["error"]
    assert fields == (
        f"{address} is an address, not the path of a file. "
        "Download the table and give the path of the file."
    )
    wizard.close()


def test_the_browser_knows_how_many_rows_the_facts_are_of(client, table, ask):
    """And how many there are."""
    wizard = dg.wizard(client)
    wizard.use(table)
    facts = until(wizard, looked_at)["table"]
    assert 0 < facts["lookedAt"] <= facts["rows"]
    wizard.close()


def test_what_is_typed_is_judged_by_the_rules(client, table, ask):
    """In words beside the field; taken back, it is right again."""
    wizard = dg.wizard(client)
    wizard.use(table)
    until(wizard, looked_at)

    ask(wizard, "edit", changes={"dataSize": "many"})
    seen = until(wizard, lambda snapshot: snapshot["problems"])
    assert seen["problems"][0]["field"] == "dataSize"
    assert "whole number from 1" in seen["problems"][0]["words"]
    assert "code" not in seen
    assert ask(wizard, "submit")["error"]

    ask(wizard, "edit", changes={"dataSize": 7})
    assert until(wizard, looked_at)["config"]["dataSize"] == 7
    wizard.close()


def test_a_column_is_judged_anew_and_the_page_says_so(client, table, ask):
    """The override is in the configuration; taking it back leaves nothing."""
    wizard = dg.wizard(client)
    wizard.use(table)
    until(wizard, looked_at)

    ask(wizard, "column", name="age", kind="categorical")
    page = ask(wizard, "columns", start=0, search="AG")["result"]

    assert page["count"] == 1
    assert (page["columns"][0]["kind"], page["columns"][0]["chosen"]) == ("numeric", "categorical")
    assert wizard.configuration.parameters == {"columns": {"age": "categorical"}}
    ask(wizard, "column", name="age", kind=None)
    assert wizard.configuration.parameters == {}
    wizard.close()


def test_a_table_that_cannot_be_read_is_reported_until_it_is_read_otherwise(client, tmp_path, ask):
    """The way of reading is part of the draft."""
    path = tmp_path / "odd.jsonl"
    rows = '{"name": "ä", "größe": 1}\n{"name": "ö", "größe": 2}\n'
    path.write_bytes(rows.encode("latin-1"))
    config = dg.JobConfiguration(
        data_size=5,
        input_bucket="file",
        input_path=str(path),
        input_format="jsonl",
        output_format="csv",
    )
    wizard = dg.wizard(client, config)

    assert "UTF-8" in until(wizard, lambda snapshot: snapshot["trouble"])["trouble"]
    ask(wizard, "edit", changes={"parameters": {"encoding": "latin-1"}})
    seen = until(wizard, looked_at)

    assert (seen["trouble"], seen["table"]["columns"]) == ("", 2)
    wizard.close()


def test_a_missing_file_is_reported_and_nothing_is_lost(client, table):
    """The table before stays chosen."""
    wizard = dg.wizard(client)
    wizard.use(table)
    until(wizard, looked_at)

    with pytest.raises(InputError, match="does not exist"):
        wizard.use("nope.csv")

    assert wizard.configuration.input_path == str(table)
    wizard.close()


def test_another_table_takes_along_what_was_chosen(client, table, tmp_path):
    """Rows and name that came from the old table do not stay; those that were said do."""
    other = tmp_path / "other.csv"
    other.write_text("x\n" + "1\n" * 40)
    wizard = dg.wizard(client)
    wizard.use(table)
    until(wizard, looked_at)
    wizard.update(seed=3)
    wizard.use(other)
    until(wizard, lambda snapshot: snapshot["config"].get("dataSize") == 40)
    assert (wizard.configuration.name, wizard.configuration.parameters) == ("other", {"seed": 3})

    wizard.update(rows=7, name="mine")
    wizard.use(table)
    until(wizard, looked_at)
    assert (wizard.configuration.data_size, wizard.configuration.name) == (7, "mine")
    wizard.close()


def test_a_past_job_is_where_one_begins(client, table):
    """Every field, and the job that comes of it is the same but for its id."""
    kinds = {"columns": {"age": "text"}}
    job = client.submit(table, rows=20, seed=9, tags=["a"], timeout=60, parameters=kinds)
    wizard = dg.wizard(client, job)
    until(wizard, looked_at)

    assert wizard.configuration == job.configuration
    wizard.close()


def test_config_links_and_restores(client, table):
    """It is a trait like any other."""
    first, second = dg.wizard(client), dg.wizard(client)
    first.use(table)
    until(first, looked_at)
    second.config = first.config

    assert until(second, looked_at)["code"] == first.code()
    first.close()
    second.close()


def test_an_upload_goes_on_where_it_broke_off(client, tmp_path, ask):
    """Chunks in their order, also when several are on their way; the digest is checked."""
    data = b"x,y\n" + b"".join(b"%d,%d\n" % (n, n % 7) for n in range(50_000))
    fields = {"name": "big.csv", "size": len(data), "digest": hashlib.sha256(data).hexdigest()}
    wizard = dg.wizard(client)
    half = len(data) // 2

    assert ask(wizard, "begin", **fields)["result"] == {"offset": 0, "whole": False}
    ask(wizard, "chunk", [memoryview(data[:half])], offset=0)
    wizard.close()

    again = dg.wizard(client)
    assert ask(again, "begin", **fields)["result"]["offset"] == half
    assert "continues at byte" in ask(again, "chunk", [memoryview(b"zz")], offset=0)["error"]
    assert ask(again, "chunk", [memoryview(data[half:])], offset=half)["result"]["whole"]
    seen = until(again, looked_at)
    assert seen["table"]["label"] == "big.csv"
    assert again.configuration.name == "big"
    assert 'client.submit("big.csv", rows=' in again.code()
    assert ask(again, "begin", **fields)["result"]["whole"]  # sent once, known for ever
    again.close()


def test_an_upload_that_is_no_table_or_damaged_is_refused(client, ask):
    """In words, and the draft stays as it was."""
    wizard = dg.wizard(client)
    digest = hashlib.sha256(b"other").hexdigest()

    assert "no ending" in ask(wizard, "begin", name="a.exe", size=3, digest=digest)["error"]
    assert "SHA-256" in ask(wizard, "begin", name="a.csv", size=3, digest="x")["error"]
    ask(wizard, "begin", name="a.csv", size=3, digest=digest)
    assert "damaged" in ask(wizard, "chunk", [memoryview(b"abc")], offset=0)["error"]
    assert "inputPath" not in wizard.config
    wizard.close()


def test_preview_limits_and_submit(client, table, ask):
    """New rows beside real ones, where one stands, and the job's card below."""
    wizard = dg.wizard(client)
    wizard.use(table)
    until(wizard, looked_at)

    preview = ask(wizard, "preview")["result"]
    assert len(preview["new"]) == wizard_module.PREVIEWED_ROWS
    assert preview["yours"] == []  # the mock makes up columns of its own
    assert ask(wizard, "limits")["result"]["maxJobs"] == 5
    ask(wizard, "step", to="review")
    assert wizard.step == "review"

    assert ask(wizard, "submit").get("error") is None
    wizard.job.wait()
    until(wizard, lambda snapshot: snapshot.get("job") == wizard.job.id)
    assert len(wizard.children) == 2
    assert wizard.job.configuration == wizard.configuration
    wizard.close()


def test_a_cancelled_preview_is_an_answer(client, table, ask):
    """And what cannot be done is said."""
    wizard = dg.wizard(client)
    assert "Drop a file" in ask(wizard, "preview")["error"]
    assert ask(wizard, "stop") == {"result": None}
    assert "cannot fly" in ask(wizard, "fly")["error"]
    wizard.close()
