"""Looks at an input before it is a job: quick, at rows from all over it, keeping nothing."""

import asyncio

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.local import LocalFiles
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import InputError, ServiceError
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.pipeline import InputProbe
from datagen_nb.pipelines.inspection import probes
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.tables.formats import write_part
from tests.deadline import DEADLINE

ROWS = 30_000


def table(rows):
    numbers = list(range(rows))
    return pa.table(
        {
            "a": numbers,
            "b": [0.5 * (number % 97) for number in numbers],
            'word, with "marks"': [f"line {number % 5}\nof, it" for number in numbers],
            "gone": [None if number % 3 else "x" for number in numbers],
        }
    )


def probe(path, **fields):
    usual = {
        "data_size": 100,
        "input_format": path.suffix[1:],
        "output_format": "csv",
        "input_bucket": "file",
        "input_path": str(path),
    }
    return InputProbe(JobConfiguration(**usual | fields), LocalFiles())


@pytest.fixture(params=FORMATS)
def file(request, tmp_path):
    path = tmp_path / f"in.{request.param}"
    with path.open("wb") as out:
        write_part(table(ROWS), request.param, out)
    return path


def test_rows_and_columns_are_counted(file):
    """A table of a few megabytes is counted."""
    found = probes.measure(probe(file))

    assert found.columns == 4
    assert found.size == file.stat().st_size
    assert found.rows == ROWS


@pytest.mark.parametrize("rows", [2, 99, 100, 2_000])
def test_a_small_table_is_counted_exactly(tmp_path, rows):
    """It is looked at whole."""
    for format in FORMATS:
        path = tmp_path / f"in{rows}.{format}"
        with path.open("wb") as out:
            write_part(table(rows), format, out)
        assert probes.measure(probe(path)).rows == rows


def test_bytes_of_rows_are_those_of_the_format_that_is_written(file):
    """The estimate for this table is about what writing it takes."""
    found = probes.measure(probe(file))

    for format in ("csv", "json", "jsonl"):
        path = file.with_name(f"out.{format}")
        with path.open("wb") as out:
            write_part(table(ROWS), format, out)
        predicted = found.bytes_fixed[format] + ROWS * found.bytes_per_row[format]
        assert predicted == pytest.approx(path.stat().st_size, rel=0.1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "utf-8-sig"])
def test_other_encodings_are_looked_at_too(tmp_path, encoding):
    """Cut where a row ends, not inside of a character."""
    path = tmp_path / "in.csv"
    text = "größe,wort\n" + "".join(f"{row},straße {row % 7}\n" for row in range(ROWS))
    path.write_bytes(text.encode(encoding))

    found = probes.measure(probe(path, parameters={"encoding": encoding}))
    seen = probes.preview(probe(path, parameters={"encoding": encoding}))

    assert found.rows == pytest.approx(ROWS, rel=0.1)
    assert [column.name for column in seen.columns] == ["größe", "wort"]


def test_an_inspection_tells_columns_and_first_rows(file):
    """The same of every format, as far as the format can tell types."""
    found = probes.inspect(probe(file))

    assert [column.name for column in found.columns] == table(1).schema.names
    assert [column.kind for column in found.columns[:3]] == ["id", "numeric", "categorical"]
    assert found.columns[3].nulls == pytest.approx(found.looked_at * 2 / 3, rel=0.01)
    assert found.sample[1] == (1, 0.5, "line 1\nof, it", None)
    assert found.exact
    assert found.rows == found.looked_at == ROWS


def test_a_preview_has_the_inputs_columns_in_json_values(file):
    """Twenty rows, each with a value for every column, ``None`` where it is missing."""
    seen = probes.preview(probe(file))

    assert [column.name for column in seen.columns] == table(1).column_names
    assert len(seen.rows) == 20
    assert all(len(row) == 4 for row in seen.rows)
    assert {type(row[1]) for row in seen.rows} <= {float, int}
    assert {row[3] for row in seen.rows} == {None, "x"}
    assert probes.preview(probe(file)) == seen


@pytest.mark.parametrize("question", ["inspect", "preview"])
def test_a_look_leaves_out_what_is_excluded(file, question):
    """As the job does."""
    asked = probe(file, parameters={"exclude": ["b", "gone"]})
    seen = probes.run_probe(question, asked)
    assert [column.name for column in seen.columns] == ["a", 'word, with "marks"']
    assert probes.measure(asked).columns == 2


def test_a_preview_selects_as_the_job_does(file):
    """By rules and conditions; what a job would end with is said at once."""
    parameters = {"rules": ["b >= 20"], "condition": {"gone": "x"}}
    seen = probes.preview(probe(file, parameters=parameters))
    assert len(seen.rows) == 20
    assert all(row[1] >= 20 and row[3] == "x" for row in seen.rows)

    error = probes.run_probe("preview", probe(file, parameters={"rules": ["b < 0"]}))
    assert error.code == "unmet_rule"


def test_a_preview_shows_no_more_rows_than_the_job_makes(file):
    """Of a job of three rows, three."""
    assert len(probes.preview(probe(file, data_size=3)).rows) == 3


def test_a_wide_table_is_cut_and_the_preview_says_so(tmp_path):
    """In columns and in the rows to fit to."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({f"c{place}": range(3_000) for place in range(500)}), path)

    seen = probes.preview(probe(path))

    assert len(seen.columns) == probes.MAX_COLUMNS
    assert seen.training_rows * len(seen.columns) <= probes.FITTED_CELLS
    assert any("200 of 500 columns" in note for note in seen.notes)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("in.csv", b"", "input_empty"),
        ("in.csv", b"a,b\n", "too_few_rows"),
        ("in.csv", b"a,b\n1,2\n", "too_few_rows"),
        ("in.csv", b"a,b\n1,2\n3\n", "ragged_row"),
        ("in.csv", b"PAR1", "input_wrong_format"),
        ("in.parquet", b"a,b\n1,2\n", "input_wrong_format"),
        ("in.json", b'{"a": 1}', "input_wrong_format"),
        ("in.jsonl", b'{"a": 1}\n{"a": \n', None),
        ("in.jsonl", '{"a": "ä"}\n{"a": "b"}\n'.encode("latin-1"), None),
    ],
)
def test_what_cannot_be_fitted_is_reported_as_a_job_would(tmp_path, name, data, code):
    """Before it is submitted, with the same error."""
    path = tmp_path / name
    path.write_bytes(data)

    for do in (probes.measure, probes.inspect, probes.preview):
        with pytest.raises(InputError) as caught:
            do(probe(path))
        assert code in {None, caught.value.code}


def test_a_named_column_has_to_be_there(file):
    """As in a job."""
    with pytest.raises(InputError, match="nope"):
        probes.preview(probe(file, parameters={"columns": {"nope": "id"}}))


MANY = 400_000


def sorted_table():
    """Sorted by its first column, so that the first rows are like no others."""
    numbers = range(MANY)
    return pa.table(
        {
            "price": [number // 100 for number in numbers],
            "cut": [("Fair", "Good", "Ideal", "Premium")[number * 4 // MANY] for number in numbers],
            "note": [f'a "b",\nc {number % 7}' for number in numbers],
        }
    )


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "one group"])
def test_a_large_sorted_table_is_judged_by_rows_from_all_over_it(tmp_path, format):
    """First and last are seen, and about as many rows are said as there are."""
    path = tmp_path / f"in.{format if format != 'one group' else 'parquet'}"
    with path.open("wb") as out:
        if path.suffix == ".parquet":
            group = MANY if format == "one group" else 10_000
            pq.write_table(sorted_table(), out, row_group_size=group)
        else:
            write_part(sorted_table(), format, out)

    found = probes.inspect(probe(path))
    price, cut, _ = found.columns

    assert found.rows == pytest.approx(MANY, rel=0 if found.exact else 0.05)
    assert found.exact is (path.suffix == ".parquet")
    assert found.looked_at < MANY
    assert {bar.label for bar in cut.bars} == {"Fair", "Good", "Ideal", "Premium"}
    assert min(bar.count for bar in cut.bars) > found.looked_at / 50
    assert price.bars[-1].count > 0
    assert [row[0] for row in found.sample] == [0] * 20
    assert any("from all over the table" in note for note in found.notes)
    rows = probes.preview(probe(path)).rows
    assert max(row[0] for row in rows) > MANY / 100 / 2


def test_a_large_json_array_is_judged_by_its_first_rows(tmp_path):
    """Which is said: where one of its objects begins cannot be known from the middle."""
    path = tmp_path / "in.json"
    with path.open("wb") as out:
        write_part(sorted_table().slice(0, 150_000), "json", out)

    found = probes.inspect(probe(path))

    assert not found.exact
    assert any("of its first rows" in note for note in found.notes)


def test_pieces_that_begin_inside_of_quotes_are_left_out(tmp_path):
    """A piece of text fields that looks like rows is not taken for rows."""
    path = tmp_path / "in.csv"
    row = b'1,"' + b"x\n" * 4_000 + b'"\n'
    path.write_bytes(b"a,b\n" + row * 700)

    found = probes.inspect(probe(path))

    assert found.columns[0].type == "int64"
    assert found.rows == pytest.approx(700, rel=0.1)


def test_the_end_of_a_large_file_is_not_read(tmp_path):
    """A file of many gigabytes costs what a small one does."""
    path = tmp_path / "in.csv"
    with path.open("wb") as out:
        out.write(b"a,b\n" + b"1,2\n" * 100_000)
        out.truncate(1 << 40)  # the rest is a hole

    assert probes.measure(probe(path)).rows == pytest.approx((1 << 40) / 4, rel=0.01)


@pytest.fixture
async def started():
    """A pipeline, and its parent of workers: the child that came with it."""
    before = set(psutil.Process().children())
    pipeline = LocalPipeline()
    await pipeline.warm()
    (parent,) = set(psutil.Process().children()) - before
    yield pipeline, parent
    await pipeline.aclose()


@pytest.fixture
def pipeline(started):
    return started[0]


@pytest.fixture
def parent(started):
    return started[1]


async def test_looks_run_in_a_process_of_their_own_and_leave_nothing(pipeline, parent, file):
    """No file, no process."""
    folder = file.parent
    before = sorted(folder.iterdir())

    found = await pipeline.measure(probe(file))
    seen = await pipeline.preview(probe(file))
    assert (await pipeline.inspect(probe(file))).columns

    assert (found.columns, len(seen.rows)) == (4, 20)
    assert sorted(folder.iterdir()) == before
    assert parent.children() == []


async def test_errors_come_from_the_worker_as_they_are(pipeline, tmp_path):
    """Class, code and details."""
    with pytest.raises(InputError) as caught:
        await pipeline.preview(probe(tmp_path / "nowhere.csv"))

    assert caught.value.code == "input_not_found"


def test_an_unexpected_exception_is_an_error_of_ours_and_printed_whole(file, monkeypatch, capfd):
    """The worker ends well, and its log has the traceback."""

    def broken(probe):
        raise ZeroDivisionError("no rows")

    monkeypatch.setattr(probes, "inspect", broken)

    error = probes.run_probe("inspect", probe(file))

    assert (type(error), error.code) == (ServiceError, "internal_error")
    assert "ZeroDivisionError: no rows" in str(error)
    assert "in broken" in capfd.readouterr().err


async def test_a_look_that_is_given_up_ends_its_worker(pipeline, parent, tmp_path):
    """Whatever it was doing."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({f"c{place}": range(2_000) for place in range(3_000)}), path)
    asking = asyncio.create_task(pipeline.preview(probe(path)))
    async with asyncio.timeout(DEADLINE):
        while not parent.children():
            await asyncio.sleep(0)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    async with asyncio.timeout(DEADLINE):
        while [child for parent in psutil.Process().children() for child in parent.children()]:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"relations": ["a = gone_too * 2"]}, "unknown_column"),
        ({"relations": ["b = a * 2"]}, "broken_relation"),
        ({"columns": {"gone": {"kind": "datetime", "pattern": "%d.%m.%Y"}}}, "wrong_pattern"),
        ({"relations": ["b -> gone"]}, "broken_relation"),
        ({"exclude": ["a", "lost"]}, "unknown_column"),
        ({"exclude": ["b"], "relations": ["gone <- b"]}, "unknown_column"),
        ({"exclude": table(1).column_names}, "no_columns"),
        ({"rules": ["lost > 1"]}, "unknown_column"),
        ({"rules": ["gone > 1"]}, "unfit_rule"),
        ({"condition": {"lost": 1}}, "unknown_column"),
        ({"condition": {"b": "x"}}, "unfit_condition"),
        ({"condition": {"gone": {"y": 0.5}}}, "unknown_level"),
    ],
)
def test_what_a_table_does_not_keep_is_refused_by_an_inspection(file, parameters, code):
    """So that a client can ask before a job is made of it."""
    answer = probes.run_probe("inspect", probe(file, parameters=parameters))
    assert isinstance(answer, InputError)
    assert answer.code == code


@pytest.mark.parametrize("format", FORMATS)
def test_what_a_table_keeps_is_not_refused(tmp_path, format):
    """Judged by rows from all over it."""
    path = tmp_path / f"in.{format}"
    quantity = [1 + place % 7 for place in range(ROWS)]
    price = [0.25 * (1 + place % 31) for place in range(ROWS)]
    kept = pa.table(
        {
            "order": [f"ORD-{place:06}" for place in range(ROWS)],
            "quantity": quantity,
            "price": price,
            "total": [one * other for one, other in zip(quantity, price, strict=True)],
        }
    )
    with path.open("wb") as out:
        write_part(kept, format, out)
    parameters = {
        "relations": ["total = quantity * price", "total >= price"],
        "columns": {"order": {"kind": "id", "pattern": "ORD-######"}},
    }
    assert probes.inspect(probe(path, parameters=parameters)).rows == ROWS
