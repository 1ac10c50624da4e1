"""A model writes its rows into a file: those of a job, part by part, whole or not at all."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.errors import ArgumentError, ConfigurationError, InputError, OutputError
from datagen_nb.synth.fitting import fit
from datagen_nb.tables.forms import with_types

MANY = 110_000
"""Rows of three parts."""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with dg.connect(home=home) as client:
        yield client
    main(["stop", "--home", str(home)])


@pytest.fixture(scope="module")
def job(client, tmp_path_factory):
    path = tmp_path_factory.mktemp("input") / "people.csv"
    path.write_text("age;kind\n" + "".join(f"{i % 60};{'xyz'[i % 3]}\n" for i in range(300)))
    job = client.submit(path, rows=100, seed=3)
    job.wait()
    return job


@pytest.fixture(scope="module")
def model(job, tmp_path_factory):
    return dg.load_model(job.model.download(tmp_path_factory.mktemp("models") / "people.model"))


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.parquet", "o.json", "o.jsonl"])
def test_a_file_is_that_of_a_job_with_the_same_seed(client, job, model, tmp_path, name):
    """Byte for byte, in any format, over several parts; in the dialect of the fitted table."""
    path = model.write(tmp_path / name, MANY, seed=8)
    client.submit(model=job, rows=MANY, seed=8, output=tmp_path / f"job-{name}").wait()

    assert path == tmp_path / name
    assert path.read_bytes() == (tmp_path / f"job-{name}").read_bytes()


def test_a_file_of_selected_rows_is_that_of_a_job(client, job, model, tmp_path):
    """Rules and shares hold in it as in the job's."""
    parameters = {"rules": ["age >= 30"], "condition": {"kind": {"x": 0.6}}}
    path = model.write(tmp_path / "o.csv", MANY, **parameters)
    job = client.submit(model=job, rows=MANY, output=tmp_path / "job.csv", parameters=parameters)
    job.wait()

    assert path.read_bytes() == (tmp_path / "job.csv").read_bytes()
    assert path.read_text().count(";x\n") == 0.6 * MANY


def series():
    random = np.random.default_rng(1)
    return pa.table(
        {
            "meter": np.repeat([f"M{one:02d}" for one in range(12)], 50),
            "at": np.tile(np.arange("2024-01-01", "2024-02-20", dtype="datetime64[D]"), 12),
            "power": random.normal(50, 5, 600),
        }
    )


def nested():
    random = np.random.default_rng(2)
    people = [
        {"id": f"P-{row:05d}", "age": int(age)}
        for row, age in enumerate(random.integers(18, 90, 300))
    ]
    return pa.table({"user": people, "spent": random.gamma(2, 20, 300).round(2)})


@pytest.mark.parametrize(
    ("make", "fitting", "making", "name"),
    [
        (series, {"data_type": "timeseries"}, {}, "o.csv"),
        (nested, {}, {}, "o.json"),
        (
            nested,
            {},
            {"rules": ['"user.age" >= 40'], "condition": {"user.age": {"50": 0.1}}},
            "o.jsonl",
        ),
        (series, {"parameters": {"epsilon": 3}}, {"rules": ["power >= 50"]}, "o.parquet"),
    ],
)
def test_a_model_of_any_kind_writes_what_a_job_does(client, tmp_path, make, fitting, making, name):
    """Series, nested columns, differential privacy."""
    job = client.submit(make(), rows=50, **fitting)
    job.wait()
    model = dg.load_model(job.model.download(tmp_path / "a.model"))

    path = model.write(tmp_path / name, 700, seed=5, **making)
    output = tmp_path / f"job-{name}"
    client.submit(model=job, rows=700, seed=5, output=output, parameters=making).wait()

    assert path.read_bytes() == output.read_bytes()


def test_progress_is_reported_part_by_part(model, tmp_path):
    """Up to 1."""
    shares = []
    model.write(tmp_path / "o.csv", MANY, on_progress=shares.append)
    assert shares == [pytest.approx(50_000 / MANY), pytest.approx(100_000 / MANY), 1]


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(model, tmp_path):
    """Nothing is made for a name that is taken."""
    path = tmp_path / "o.csv"
    path.write_text("mine")
    calls = []
    with pytest.raises(OutputError) as raised:
        model.write(path, 10, on_progress=calls.append)
    assert raised.value.code == "output_exists"
    assert path.read_text() == "mine"
    assert calls == []

    model.write(path, 10, overwrite=True)
    assert len(path.read_text().splitlines()) == 11


def test_a_write_that_breaks_off_leaves_nothing(model, tmp_path):
    """Neither a part of a file nor a change of one that was there."""
    path = tmp_path / "o.csv"
    path.write_text("mine")

    def interrupt(share):
        raise KeyboardInterrupt

    for options in ({"on_progress": interrupt}, {"condition": {"kind": "w"}}):
        with pytest.raises((KeyboardInterrupt, InputError)):
            model.write(path, MANY, overwrite=True, **options)
        assert path.read_text() == "mine"
        assert [one.name for one in tmp_path.iterdir()] == ["o.csv"]


@pytest.mark.parametrize(
    ("name", "rows", "options", "error", "words"),
    [
        ("o.xlsx", 5, {}, ConfigurationError, "ends in .xlsx, which is not written"),
        ("o.csv.gz", 5, {}, ConfigurationError, "which is not written"),
        ("o", 5, {}, ConfigurationError, "has no ending that names a format"),
        ("o.csv", 5, {"format": "xls"}, ConfigurationError, "format = 'xls'"),
        ("o.csv", 0, {}, ArgumentError, "rows = 0"),
        ("o.csv", 5, {"seed": -1}, ArgumentError, "seed = -1"),
        ("o.csv", 5, {"rules": ["agee > 1"]}, InputError, "'agee'"),
        ("none/o.csv", 5, {}, OutputError, "none"),
    ],
)
def test_what_cannot_be_written_is_refused(model, tmp_path, name, rows, options, error, words):
    """And no file is made."""
    with pytest.raises(error, match=words):
        model.write(tmp_path / name, rows, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_an_ending_takes_a_format(model, tmp_path):
    """It is said apart."""
    path = model.write(tmp_path / "rows", 5, format="jsonl")
    assert len(path.read_text().splitlines()) == 5


def test_a_damaged_model_is_named_and_leaves_no_file(tmp_path):
    """As where its rows are handed out."""
    table = pa.table({"size": pa.array(list("smsm") * 50), "price": np.arange(200)})
    fitted = fit(table.cast(with_types(table)), seed=3)
    path = tmp_path / "prices.model"
    path.write_bytes(fitted.to_bytes())
    model = dg.load_model(path)
    model._fitted = replace(fitted, stages=())

    with pytest.raises(InputError, match=r"prices\.model cannot make rows") as raised:
        model.write(tmp_path / "o.csv", 10)

    assert raised.value.code == "model_damaged"
    assert [one.name for one in tmp_path.iterdir()] == ["prices.model"]


@pytest.mark.parametrize("name", ["o.csv", "o.parquet"])
def test_memory_does_not_grow_with_the_rows(model, tmp_path, name):
    """Sixteen times as many take as much: one part is held, whatever their number."""
    peaks = []
    for rows in (100_000, 1_600_000):
        tracemalloc.start()
        before = pa.total_allocated_bytes()
        held = []
        model.write(
            tmp_path / f"{rows}-{name}",
            rows,
            on_progress=lambda _, held=held, before=before: held.append(
                pa.total_allocated_bytes() - before
            ),
        )
        peaks.append(tracemalloc.get_traced_memory()[1] + max(held))
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
