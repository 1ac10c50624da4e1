"""Looks at an input before it is a job: quick, from its beginning, keeping nothing."""

import asyncio

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.local import LocalFiles
from datagen_nb.core.config import FORMATS, JobConfiguration
from datagen_nb.core.errors import InputError
from datagen_nb.core.ports import Look
from datagen_nb.pipelines import looks
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.tables.formats import write_part

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


def look(path, **fields):
    usual = {
        "data_size": 100,
        "input_format": path.suffix[1:],
        "output_format": "csv",
        "input_bucket": "file",
        "input_path": str(path),
    }
    return Look(JobConfiguration(**usual | fields), LocalFiles())


@pytest.fixture(params=FORMATS)
def file(request, tmp_path):
    path = tmp_path / f"in.{request.param}"
    with path.open("wb") as out:
        write_part(table(ROWS), request.param, out)
    return path


def test_rows_and_columns_are_told_from_the_beginning(file):
    """To a few percent; exactly where the file says it itself."""
    found = looks.measure(look(file))

    assert found.columns == 4
    assert found.size == file.stat().st_size
    assert found.rows == pytest.approx(ROWS, rel=0 if file.suffix == ".parquet" else 0.1)


@pytest.mark.parametrize("rows", [2, 99, 100, 2_000])
def test_a_small_table_is_counted_exactly(tmp_path, rows):
    """It is looked at whole."""
    for format in FORMATS:
        path = tmp_path / f"in{rows}.{format}"
        with path.open("wb") as out:
            write_part(table(rows), format, out)
        assert looks.measure(look(path)).rows == rows


def test_bytes_of_rows_are_those_of_the_format_that_is_written(file):
    """What is foretold of this table is about what writing it takes."""
    found = looks.measure(look(file))

    for format in ("csv", "json", "jsonl"):
        path = file.with_name(f"out.{format}")
        with path.open("wb") as out:
            write_part(table(ROWS), format, out)
        said = found.bytes_fixed[format] + ROWS * found.bytes_per_row[format]
        assert said == pytest.approx(path.stat().st_size, rel=0.1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "utf-8-sig"])
def test_other_encodings_are_looked_at_too(tmp_path, encoding):
    """Cut where a row ends, not inside of a character."""
    path = tmp_path / "in.csv"
    text = "größe,wort\n" + "".join(f"{row},straße {row % 7}\n" for row in range(ROWS))
    path.write_bytes(text.encode(encoding))

    found = looks.measure(look(path, parameters={"encoding": encoding}))
    seen = looks.preview(look(path, parameters={"encoding": encoding}))

    assert found.rows == pytest.approx(ROWS, rel=0.1)
    assert [column.name for column in seen.columns] == ["größe", "wort"]


def test_an_inspection_tells_columns_and_first_rows(file):
    """The same of every format, as far as the format can tell types."""
    found = looks.inspect(look(file))

    assert [column.name for column in found.columns] == table(1).schema.names
    assert [column.kind for column in found.columns[:3]] == ["id", "numeric", "categorical"]
    assert found.columns[3].nulls == pytest.approx(found.looked_at * 2 / 3, rel=0.01)
    assert found.sample[1] == (1, 0.5, "line 1\nof, it", None)
    assert found.exact is (file.suffix == ".parquet")


def test_a_preview_has_the_inputs_columns_in_json_values(file):
    """Twenty rows, each with a value for every column, ``None`` where it is missing."""
    seen = looks.preview(look(file))

    assert [column.name for column in seen.columns] == table(1).column_names
    assert len(seen.rows) == 20
    assert all(len(row) == 4 for row in seen.rows)
    assert {type(row[1]) for row in seen.rows} <= {float, int}
    assert {row[3] for row in seen.rows} == {None, "x"}
    assert looks.preview(look(file)) == seen


def test_a_preview_shows_no_more_rows_than_the_job_makes(file):
    """Of a job of three rows, three."""
    assert len(looks.preview(look(file, data_size=3)).rows) == 3


def test_a_wide_table_is_cut_and_the_preview_says_so(tmp_path):
    """In columns and in the rows that it is learnt from."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({f"c{place}": range(3_000) for place in range(500)}), path)

    seen = looks.preview(look(path))

    assert len(seen.columns) == looks.MOST_COLUMNS
    assert seen.learnt_rows * len(seen.columns) <= looks.HEAD_CELLS
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
        ("in.csv", "ä,b\n1,2\n3,4\n".encode("latin-1"), None),
    ],
)
def test_what_cannot_be_learnt_from_is_told_as_a_job_would(tmp_path, name, data, code):
    """Before it is submitted, with the same error."""
    path = tmp_path / name
    path.write_bytes(data)

    for do in (looks.measure, looks.inspect, looks.preview):
        with pytest.raises(InputError) as told:
            do(look(path))
        assert code in {None, told.value.code}


def test_a_named_column_has_to_be_there(file):
    """As in a job."""
    with pytest.raises(InputError, match="nope"):
        looks.preview(look(file, parameters={"columns": {"nope": "id"}}))


def test_the_end_of_a_large_file_is_not_read(tmp_path):
    """A file of many gigabytes costs what a small one does."""
    path = tmp_path / "in.csv"
    with path.open("wb") as out:
        out.write(b"a,b\n" + b"1,2\n" * 100_000)
        out.truncate(1 << 40)  # the rest is a hole

    assert looks.measure(look(path)).rows == pytest.approx((1 << 40) / 4, rel=0.01)


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

    found = await pipeline.measure(look(file))
    seen = await pipeline.preview(look(file))
    assert (await pipeline.inspect(look(file))).columns

    assert (found.columns, len(seen.rows)) == (4, 20)
    assert sorted(folder.iterdir()) == before
    assert parent.children() == []


async def test_errors_come_from_the_worker_as_they_are(pipeline, tmp_path):
    """Class, code and details."""
    with pytest.raises(InputError) as told:
        await pipeline.preview(look(tmp_path / "nowhere.csv"))

    assert told.value.code == "input_not_found"


async def test_a_look_that_is_given_up_ends_its_worker(pipeline, parent, tmp_path):
    """Whatever it was doing."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({f"c{place}": range(2_000) for place in range(3_000)}), path)
    asking = asyncio.create_task(pipeline.preview(look(path)))
    async with asyncio.timeout(20):
        while not parent.children():
            await asyncio.sleep(0)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    async with asyncio.timeout(20):
        while [child for parent in psutil.Process().children() for child in parent.children()]:
            await asyncio.sleep(0.01)
