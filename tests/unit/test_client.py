"""The clients, asynchronous and plain, over the mock pipeline under the real service."""

import asyncio
import gc
import inspect
import pydoc
import threading

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datagen_nb as dg
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.dataset import AsyncDataset
from datagen_nb.client.history import AsyncHistory
from datagen_nb.client.plain import plain_words
from datagen_nb.client.sync import Dataset, History, Job
from datagen_nb.core.errors import (
    ActionRefused,
    ArgumentError,
    ConfigurationError,
    InputError,
    JobCancelled,
    JobFailed,
    JobNotFound,
    OutputError,
    Rejected,
)
from datagen_nb.core.status import State
from tests.deadline import DEADLINE


@pytest.fixture
def client():
    with dg.connect("mock", speed=500) as client:
        yield client


def table(rows: int = 50) -> pa.Table:
    return pa.table({"n": list(range(rows)), "word": [f"w{i % 5}" for i in range(rows)]})


@pytest.mark.parametrize(
    ("plain", "asynchronous"),
    [
        (dg.Client, dg.AsyncClient),
        (History, AsyncHistory),
        (Job, AsyncJob),
        (Dataset, AsyncDataset),
    ],
)
def test_the_plain_client_has_every_name_of_the_asynchronous_one(plain, asynchronous):
    """A cell that drops its ``await`` needs no other names."""

    def names(kind):
        return {name for name in dir(kind) if not name.startswith("_")}

    renamed = {"aclose": "close", "connect": None, "refresh": None}
    wanted = {renamed.get(name, name) for name in names(asynchronous)} - {None}
    assert wanted <= names(plain)


def test_a_plain_method_shows_the_help_of_the_asynchronous_one():
    """Its parameters and its words, without ``await``, and what it returns in plain calls."""
    shown = pydoc.plain(pydoc.render_doc(dg.Client.submit))
    taken = "Source | Made | Mapping[str, Source] | JobConfiguration | None = None"
    assert f"submit(self, source: {taken}, *, model" in shown
    assert ") -> Job\n" in shown
    assert "rows: Rows to generate; of several tables" in shown
    assert dg.Client.submit.__qualname__ == "Client.submit"
    plain, asynchronous = (inspect.signature(each.submit) for each in (dg.Client, dg.AsyncClient))
    assert list(plain.parameters) == list(asynchronous.parameters)


def test_an_asynchronous_docstring_becomes_a_plain_one():
    """An example runs in a plain cell as it stands there."""
    text = "async with f() as client:\n    data = await client.submit(x)  # the AsyncDataset"
    assert plain_words(text) == "with f() as client:\n    data = client.submit(x)  # the Dataset"
    assert plain_words("AsyncGenerator[JobStatus, None]") == "Iterator[JobStatus]"
    assert plain_words("AsyncGenerator[pa.RecordBatch]") == "Iterator[pa.RecordBatch]"


def test_a_frame_becomes_a_job_and_the_job_a_table(client):
    """The whole way in plain calls."""
    job = client.submit(table().to_pandas(), rows=120, name="first")
    data = job.result()
    assert job.status.status is State.COMPLETED
    assert data.num_rows == len(data) == 120
    assert len(data.head(3)) == 3
    assert data.to_arrow().num_rows == 120
    assert len(data.to_pandas()) == 120
    assert sum(batch.num_rows for batch in data.iter_batches()) == 120


async def test_a_job_can_be_awaited(tmp_path):
    """The whole way with ``await``, on the caller's own loop."""
    async with dg.AsyncClient.connect("mock", speed=500) as client:
        job = await client.submit(table(), rows=70)
        seen = [status.status async for status in job.updates()]
        data = await job
        assert seen[-1] is State.COMPLETED
        assert (await data.to_arrow()).num_rows == 70
        assert (await data.download(tmp_path / "out.csv")).read_text().count("\n") == 71


async def test_a_plain_job_can_be_awaited_too(client):
    """``await job`` in a cell works without the asynchronous client."""
    job = await asyncio.to_thread(client.submit, table(), rows=10)
    data = await job
    assert data.num_rows == 10


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "jsonl"])
def test_a_download_holds_the_rows_in_the_format_of_its_name(client, tmp_path, ending):
    """Each format reads back as the same rows."""
    data = client.submit(table(), rows=40).result()
    path = data.download(tmp_path / f"out.{ending}")
    readers = {
        "parquet": pd.read_parquet,
        "csv": pd.read_csv,
        "json": pd.read_json,
        "jsonl": lambda file: pd.read_json(file, lines=True),
    }
    back = readers[ending](path)
    assert list(back.columns) == data.schema.names
    assert len(back) == 40


def test_a_download_does_not_replace_the_input(client, tmp_path):
    """By a link to it neither; the real table may have no other copy."""
    real = tmp_path / "real.csv"
    table().to_pandas().to_csv(real, index=False)
    (tmp_path / "link.csv").symlink_to(real)
    data, before = client.submit(real, rows=10).result(), real.read_bytes()
    for path in (real, tmp_path / "link.csv"):
        with pytest.raises(OutputError, match="is the input") as raised:
            data.download(path)
        assert raised.value.code == "output_is_input"
    assert real.read_bytes() == before


def test_an_interrupted_wait_leaves_the_job_running():
    """Interrupting detaches; only ``cancel`` cancels."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table(), rows=10)
        waiting = client.portal.start(job.asynchronous.wait())
        waiting.cancel()
        assert job.status.status in {State.QUEUED, State.RUNNING}
        job.cancel()
        with pytest.raises(JobCancelled):
            job.wait()


def test_a_failed_job_tells_its_stage_and_reason():
    """Waiting raises with the failure's own code."""
    with dg.connect("mock", scenario="fails_at_stage", speed=500) as client:
        job = client.submit(table(), rows=10)
        with pytest.raises(JobFailed) as raised:
            job.wait()
        assert raised.value.details["jobId"] == job.id
        assert raised.value.code == job.error.code
        assert str(raised.value).startswith("In ")


def test_a_rejected_configuration_becomes_no_job():
    """The pipeline's no is an error of submit."""
    with dg.connect("mock", scenario="rejected") as client:
        with pytest.raises(Rejected):
            client.submit(table(), rows=10)
        assert client.jobs.last() is None


@pytest.mark.parametrize("rows", [0, -1, 1.5, "10", 10**18, None, True])
def test_rows_that_are_no_count_are_reported_in_the_callers_word(client, rows):
    """The problem names ``rows``, as the caller wrote it, and nothing is sent."""
    with pytest.raises(ConfigurationError) as raised:
        client.submit(table(), rows=rows)
    assert [problem.field for problem in raised.value.problems] == ["rows"]
    assert client.jobs.last() is None


def test_every_problem_is_reported_at_once(client):
    """One round is enough to correct a call."""
    with pytest.raises(ConfigurationError) as raised:
        client.submit(table(), rows=0, seed=-1, format="xls", parameters={"sead": 1})
    fields = {problem.field for problem in raised.value.problems}
    assert fields == {"rows", "seed", "format", "parameters.sead"}
    assert "Did you mean seed?" in str(raised.value)


def test_a_missing_file_is_reported_before_anything_is_sent(client, tmp_path):
    """The message names the path."""
    with pytest.raises(InputError, match=r"nowhere\.csv") as raised:
        client.submit(tmp_path / "nowhere.csv", rows=10)
    assert raised.value.code == "input_not_found"
    assert client.jobs.last() is None


def test_frames_that_hold_no_table_are_refused(client):
    """Empty, twice the same name, types that cannot be trained on: each says which column."""
    for rows, has in enumerate(("no rows", "one row only")):
        with pytest.raises(InputError, match=f"^The table has {has}: there is nothing") as raised:
            client.submit(pd.DataFrame({"a": [1] * rows}), rows=1)
        assert raised.value.code == "too_few_rows"
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputError, match="two columns named 'a'"):
        client.submit(twice, rows=1)
    strange = {
        "of mixed or unknown types": pd.Series([1, "x", b"y"], dtype=object),
        "whose text is not Unicode": pd.Series(["\ud800", "x", "y"], dtype=object),
        "of type binary": pd.Series([b"1", b"x", b"y"]),
        "of type map": pd.Series(
            [[("k", 1)]] * 3, dtype=pd.ArrowDtype(pa.map_(pa.string(), pa.int64()))
        ),
        "of type pandas.period": pd.period_range("2026-01", periods=3, freq="M").to_series(),
        "of type pandas.interval": pd.interval_range(0, 3).to_series(),
    }
    for what, values in strange.items():
        frame = pd.DataFrame({"good": [1, 2, 3]}).assign(bad=values.set_axis([0, 1, 2]))
        with pytest.raises(InputError, match=f"^The table has a column 'bad' {what}") as raised:
            client.submit(frame, rows=1)
        assert raised.value.code == "unsupported_column"
        assert raised.value.details["column"] == "bad"
    with pytest.raises(TypeError, match="Cannot take a table from list"):
        client.submit([1, 2], rows=1)


def test_a_path_that_no_file_can_have_is_refused(client):
    """An empty one is not the working directory, and of one that is too long the end is shown."""
    for use in (client.inspect, dg.view, lambda path: client.submit(path, rows=1)):
        with pytest.raises(InputError, match=r"too long") as raised:
            use("x" * 5_000 + ".csv")
        assert len(str(raised.value)) < 400
    for use in (client.inspect, lambda path: client.submit(path, rows=1)):
        with pytest.raises(ArgumentError, match="is empty"):
            use("")


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, data: data.read(-1, 5),
        lambda client, data: data.read(0, -5),
        lambda client, data: data.head(-1),
        lambda client, data: client.jobs.list(limit=-1),
    ],
)
def test_a_count_below_0_is_refused(client, ask):
    """Not taken as another one in silence."""
    data = client.submit(table(), rows=10).result()
    with pytest.raises(ArgumentError, match=r"= -\d is below 0"):
        ask(client, data)


def test_a_job_that_was_deleted_is_not_waited_for(client):
    """By a handle that has not seen its end, too."""
    job = client.submit(table(), rows=10)
    client.jobs.get(job.id).wait()
    client.jobs.get(job.id).delete()
    for use in (dg.view, lambda job: job.result(timeout=DEADLINE)):
        with pytest.raises(JobNotFound, match="was deleted"):
            use(job)


def test_a_configuration_goes_alone(client, tmp_path):
    """What a configuration says is not said twice."""
    pq.write_table(table(), tmp_path / "t.parquet")
    job = client.submit(tmp_path / "t.parquet", rows=10, tags=["x"])
    again = client.submit(dg.JobConfiguration.from_yaml(job.configuration.to_yaml()))
    assert again.configuration == job.configuration
    with pytest.raises(TypeError, match="give it alone"):
        client.submit(job.configuration, rows=5)


def test_jobs_are_found_again(client):
    """By id, by state, the last one."""
    first = client.submit(table(), rows=5, name="one")
    second = client.submit(table(), rows=5, name="two")
    for job in (first, second):
        job.wait()
    assert client.jobs.get(first.id).name == "one"
    assert client.jobs.last().id == second.id
    assert [job.id for job in client.jobs.list(status="completed")] == [second.id, first.id]
    assert client.jobs.list(status=["failed", "cancelled"]) == []
    assert [job.id for job in client.jobs.list(limit=1)] == [second.id]
    assert client.jobs.running() == []
    with pytest.raises(JobNotFound):
        client.jobs.get("j_0000000000000000")
    with pytest.raises(ValueError, match="no state 'done'"):
        client.jobs.list(status="done")


def test_an_ended_job_refuses_and_reruns(client):
    """Terminal is final; a rerun is a new job with the same configuration."""
    job = client.submit(table(), rows=5, seed=3).wait()
    with pytest.raises(ActionRefused):
        job.cancel()
    again = job.rerun()
    assert again.id != job.id
    assert again.configuration == job.configuration


def test_pausing_and_resuming_goes_on():
    """A paused job stays so until resumed."""
    with dg.connect("mock", scenario="slow", speed=50) as client:
        job = client.submit(table(), rows=5)
        assert job.pause().status is State.PAUSED
        assert job.status.resume_until is not None
        job.resume()
        assert job.wait().status.status is State.COMPLETED


def test_watching_calls_back_until_the_end(client):
    """Every watcher sees the end."""
    ended = threading.Event()
    job = client.submit(table(), rows=5)
    stop = job.watch(lambda status: status.status.is_terminal and ended.set())
    assert ended.wait(DEADLINE)
    stop()


def test_logs_tell_what_happened(client):
    """A job's log has lines, numbered."""
    job = client.submit(table(), rows=5).wait()
    lines = job.logs()
    assert [line.cursor for line in lines] == list(range(1, len(lines) + 1))
    assert job.logs(after=lines[-1].cursor) == lines[:0]


def test_a_dataset_leaves_no_files_when_it_is_dropped(client):
    """The parts it fetched go with it."""
    data = client.submit(table(), rows=5).result()
    data.head()
    cache = data.asynchronous._cache
    assert cache.is_dir()
    del data
    gc.collect()
    assert not cache.exists()
